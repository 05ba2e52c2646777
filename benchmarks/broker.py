"""How many storage keys a second the broker hands out, beside the store's STS asked alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import running_installation
from benchmarks.wrk import Load, load
from nacelle.credentials.exchange import NO_ROLE
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.sts import AUDIENCE
from nacelle.layout import Layout
from tests.support.installation import Installation
from tests.support.person import Person

PERSON, PROJECT = "alice", "prix"
CONNECTIONS = 16
SECONDS = 10
GOAL = 200
# More than can be used in that time: each is good for one exchange.
WEB_TOKENS = 20_000


def run(report: Report) -> Iterable[Figure]:
    """Hub, broker and store as `nacelle up` starts them, with CONNECTIONS who ask at once."""
    with running_installation(report) as installation:
        forms = installation.folder / "forms"
        forms.mkdir()
        with installation.person(PERSON) as person:
            token = _token(person)
            report(f"{SECONDS} s of keys for {CONNECTIONS} at once, twice")
            _keys(installation, token, seconds=1)
            ours = _keys(installation, token, SECONDS)
        alone = _exchanges(installation.layout, forms)
    report(f"{ours.rate:.0f} keys/s, p99 {ours.p99:.0f} ms; STS alone {alone.rate:.0f} exchanges/s")
    failed = ours.failed + alone.failed
    if failed:
        raise RuntimeError(f"{failed} requests failed")
    yield Figure(
        "broker.keys",
        ours.rate,
        "keys/s",
        f"the embedded store's STS asked alone {alone.rate:.0f}/s ({ours.rate / alone.rate:.2f})",
        Goal(">=", GOAL),
        f"wrk, {CONNECTIONS} connections, {SECONDS} s, p99 {ours.p99:.0f} ms; each request signs a"
        " web token and exchanges it; the hub's answer is kept as always",
    )


def _token(person: Person) -> str:
    """A token that may ask for keys and nothing else, as a run of a job has."""
    body = {"note": "bench", "scopes": ["access:services!service=broker"]}
    made = person.call("POST", f"users/{PERSON}/tokens", json=body)
    made.raise_for_status()
    return str(made.json()["token"])


def _keys(installation: Installation, token: str, seconds: int) -> Load:
    return load(
        f"{installation.layout.broker_url}/keys",
        ["{}"],
        installation.folder,
        connections=CONNECTIONS,
        seconds=seconds,
        headers={"Authorization": f"Bearer {token}"},
    )


def _exchanges(layout: Layout, folder: Path) -> Load:
    issuer = Issuer(layout.broker_url, layout.folder("broker") / "keys.json")
    identity = Identity("user", PERSON, (PROJECT,))
    fields = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": NO_ROLE,
        "RoleSessionName": PERSON,
        "DurationSeconds": "3600",
    }
    bodies = [
        urlencode({**fields, "WebIdentityToken": issuer.sign(identity, AUDIENCE)})
        for _ in range(WEB_TOKENS)
    ]
    return load(
        layout.address("store") + "/",
        bodies,
        folder,
        connections=CONNECTIONS,
        seconds=SECONDS,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

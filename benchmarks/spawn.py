"""How long a person waits for a session, beside a bare Lab of the same environment."""

from __future__ import annotations

import time
from collections.abc import Iterable
from statistics import median

import httpx

from benchmarks.bare_lab import Conditions, conditions_of_session, seconds_to_api
from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import answers, running_installation
from tests.support.installation import Installation
from tests.support.person import Person
from tests.support.waiting import wait_for

NAME = "alice"
OPTIONS = {"profile": "python"}
ROUNDS = 5
OVER_BARE = 1.5
PATIENCE = 120.0


def run(report: Report) -> Iterable[Figure]:
    """Seconds over a bare Lab, difference of the medians of ROUNDS starts taken in turns."""
    with (
        running_installation(report) as installation,
        installation.person(NAME) as person,
        httpx.Client(trust_env=False) as client,
    ):
        report("first session, which makes the home (not counted)")
        _seconds_to_api(person, client)
        conditions = conditions_of_session(installation)
        person.stop_server()
        spawns, bares = [], []
        for number in range(1, ROUNDS + 1):
            spawn, bare = _round(installation, person, client, conditions)
            report(f"start {number} of {ROUNDS}: session {spawn:.2f} s, bare Lab {bare:.2f} s")
            spawns.append(spawn)
            bares.append(bare)
    return [_figure(spawns, bares)]


def _round(
    installation: Installation, person: Person, client: httpx.Client, conditions: Conditions
) -> tuple[float, float]:
    spawn = _seconds_to_api(person, client)
    person.stop_server()
    return spawn, seconds_to_api(conditions, client, installation.folder / "bare-lab.log")


def _seconds_to_api(person: Person, client: httpx.Client) -> float:
    """From the request to the hub until Lab's own /api answers through the proxy.

    Without cookies only Lab answers 200 there: before, the hub redirects.
    """
    url = str(person.base_url.join(f"/user/{person.name}/api"))
    began = time.monotonic()
    answer = person.call("POST", f"users/{person.name}/server", json=OPTIONS)
    if answer.status_code not in (httpx.codes.CREATED, httpx.codes.ACCEPTED):
        raise RuntimeError(f"the hub refused to start a session: {answer.text}")
    wait_for(lambda: answers(client, url), PATIENCE, "the session's /api")
    return time.monotonic() - began


def _figure(spawns: list[float], bares: list[float]) -> Figure:
    spawn, bare = median(spawns), median(bares)
    return Figure(
        "spawn",
        spawn - bare,
        "s over bare",
        f"bare jupyter lab {bare:.2f} s (session {spawn:.2f} s, ratio {spawn / bare:.2f})",
        Goal("<=", OVER_BARE),
        f"medians; sessions {_listed(spawns)} s; bare Lab, same extensions and configuration,"
        f" in turns with them, {_listed(bares)} s",
    )


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in seconds)

"""The description of the jobs service is whole, and what it does is what it describes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nacelle.credentials.identity import PROOF_HEADER, sign_proof
from nacelle.jobs.service.access import SERVICE
from nacelle.layout import Layout
from nacelle.local.parts import service_environment
from nacelle.prefixes import JOBS_PREFIX
from nacelle.secrets import ensure_secrets, read_secret
from tests.jobs.serving import ALICE, Served
from tests.support.installation import Installation, plain_environment
from tests.support.waiting import wait_for

CHECKS = """\
[checks]
# It adds a forged token to the proof that it is given, and the proof is good.
ignored_auth.enabled = false
# Which notebooks, environments and projects there are is no schema's to say.
positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "413", "422", "429"]
"""


@pytest.fixture
def described(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = served.client.get(f"{JOBS_PREFIX}/openapi.json").json()
    return found


def test_every_refusal_is_a_problem(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["tags"], (path, method)
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    (kind, content), *rest = answer["content"].items()
                    assert kind == "application/problem+json" and not rest, (path, status)
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The service as the platform starts it; nobody but proofs is known, for there is no hub."""
    installation = Installation(tmp_path)
    layout = Layout(installation.settings)
    ensure_secrets(layout)
    token = read_secret(layout, "service.jobs.token")
    environment = plain_environment(
        NACELLE_SETTINGS=str(installation.file), **service_environment(layout, "jobs", token)
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nacelle.jobs.service"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = layout.address("jobs") + JOBS_PREFIX
    try:
        wait_for(lambda: _answers(url), 60, "the service")
        os.environ["PROOF"] = sign_proof(ALICE, SERVICE, read_secret(layout, "jobs.secret"))
        yield url
    finally:
        os.environ.pop("PROOF", None)
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_nothing_happens_that_is_not_described(url: str, tmp_path: Path) -> None:
    """What fits the description and what does not, made up and sent by Schemathesis."""
    (tmp_path / "schemathesis.toml").write_text(CHECKS, encoding="utf-8")
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", tmp_path / "schemathesis.toml"),
            *("run", f"{url}/openapi.json"),
            *("--header", f"{PROOF_HEADER}: {os.environ['PROOF']}"),
            # It waits for the end of what has none.
            *("--exclude-path", f"{JOBS_PREFIX}/v1/changes"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "15"),
            *("--seed", "1", "--suppress-health-check", "all"),
            *("--continue-on-failure", "--no-color"),
        ],
        capture_output=True,
        text=True,
        timeout=55,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:]
    assert '"level": "error"' not in (tmp_path / "log").read_text(encoding="utf-8")

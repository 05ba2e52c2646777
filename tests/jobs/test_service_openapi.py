"""The description of the jobs service is whole, and what it does is what it describes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nacelle.credentials.identity import PROOF_HEADER
from nacelle.prefixes import JOBS_PREFIX
from tests.jobs.serving import ALICE, Served
from tests.jobs.started import started_service

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


def test_nothing_happens_that_is_not_described(tmp_path: Path) -> None:
    """What fits the description and what does not, made up and sent by Schemathesis."""
    (tmp_path / "schemathesis.toml").write_text(CHECKS, encoding="utf-8")
    with started_service(tmp_path) as service:
        run = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--config-file", tmp_path / "schemathesis.toml"),
                *("run", f"{service.url}/openapi.json"),
                *("--header", f"{PROOF_HEADER}: {service.proof(ALICE)}"),
                # It waits for the end of what has none.
                *("--exclude-path", f"{JOBS_PREFIX}/v1/changes"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "15"),
                *("--seed", "1", "--suppress-health-check", "all"),
                *("--continue-on-failure", "--no-color"),
            ],
            capture_output=True,
            text=True,
            # The proof that it sends is good for a minute.
            timeout=55,
            cwd=tmp_path,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-20_000:]
        assert '"level": "error"' not in service.log()

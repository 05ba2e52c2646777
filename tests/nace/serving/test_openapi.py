"""The description of the API is whole, and what the API does is what it describes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.nace.serving.asking import CLASSIFY
from tests.nace.serving.running import RunningService

PREFIX = "/services/nace"
ROUTES = {
    ("/v1/classify", "post"),
    ("/predict/", "post"),
    ("/v1/model", "get"),
    ("/v1/nomenclature", "get"),
    ("/v1/nomenclature/{code}", "get"),
    ("/v1/keys", "get"),
    ("/v1/keys", "post"),
    ("/v1/keys/{key_id}", "delete"),
    ("/healthz", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
}


CHECKS = """\
[checks]
# It adds a forged token to the key that it is given, and the key is good; see test_api.py.
ignored_auth.enabled = false
# Which levels and side variables there are is the model's to say, and no schema's.
positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
"""


@pytest.fixture(scope="module")
def described(service: RunningService) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{service.url}/openapi.json", trust_env=False).json()
    return found


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path.removeprefix(PREFIX), method): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_described(described: dict[str, Any]) -> None:
    found = operations(described)
    assert set(found) == ROUTES
    numbers = [one["operationId"] for one in found.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(one["summary"] and one["tags"] for one in found.values())


def test_every_refusal_is_a_problem(described: dict[str, Any]) -> None:
    for name, operation in operations(described).items():
        for status, answer in operation["responses"].items():
            if status[0] in "45":
                (kind, content), *rest = answer["content"].items()
                assert kind == "application/problem+json" and not rest, (name, status)
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_examples_are_answered(client: httpx.Client, described: dict[str, Any]) -> None:
    for path in (CLASSIFY, "/predict/"):
        operation = operations(described)[path, "post"]
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        assert examples
        for example in examples.values():
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200, answer.text


def test_parameters_have_examples(client: httpx.Client, described: dict[str, Any]) -> None:
    found = operations(described)
    for path, name in (("/v1/nomenclature", "q"), ("/v1/nomenclature/{code}", "code")):
        (parameter,) = (one for one in found[path, "get"]["parameters"] if one["name"] == name)
        value = parameter["schema"]["examples"][0]
        answer = client.get(path.format(code=value), params={"q": value})
        assert answer.status_code == 200 and answer.json() != {"codes": []}


@pytest.fixture
def own(small_model: Path, tmp_path: Path) -> Iterator[RunningService]:
    """A service whose keys may be revoked by chance."""
    with RunningService(tmp_path / "service") as running:
        running.publish(small_model)
        running.start()
        yield running


def test_nothing_happens_that_is_not_described(own: RunningService, tmp_path: Path) -> None:
    """What fits the description and what does not, made up and sent by Schemathesis."""
    (tmp_path / "schemathesis.toml").write_text(CHECKS, encoding="utf-8")
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", tmp_path / "schemathesis.toml"),
            *("run", f"{own.url}/openapi.json"),
            *("--header", f"X-API-Key: {own.key}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "30"),
            *("--seed", "1", "--suppress-health-check", "all"),
            *("--continue-on-failure", "--no-color"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:]
    assert '"level": "error"' not in own.log()

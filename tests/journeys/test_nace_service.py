"""From a session to the service: registered in a project's space, served, recorded, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from nacelle.prefixes import NACE_PREFIX
from tests.nace.small import train_small_model, write_small_rows
from tests.support.installation import Installation
from tests.support.person import Person
from tests.support.waiting import wait_for

REGISTER = """
import mlflow
from pathlib import Path
from nacelle.nace.classifier import Classifier
from nacelle.nace.register import log_classifier
mlflow.set_workspace("projet-prix")
logged = log_classifier(Classifier.load(Path({model!r})), name="nace", alias="champion")
print(logged.version)
"""
CLASSIFY = """
from nacelle.nace import Client
with Client() as client:
    print(client.classify("bakery").top[0].code)
"""
COUNT = """
import nacelle
con = nacelle.connect()
print(con.sql(
    "SELECT count(*), count(DISTINCT (request_id, position)), min(caller), max(caller)"
    " FROM read_parquet('s3://projet-prix/nace/records/**/*.parquet', hive_partitioning = true)"
).fetchone())
"""


@pytest.fixture(scope="module")
def url(platform: Installation) -> str:
    return platform.url + NACE_PREFIX


def token(person: Person) -> str:
    made = person.call("POST", f"users/{person.name}/tokens", json={"note": "classify"})
    return str(made.json()["token"])


def ready(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/readyz", trust_env=False).json()
    return found


def test_a_champion_of_the_project_is_served(
    alice: Person, bob: Person, tmp_path: Path, url: str
) -> None:
    without = httpx.post(f"{url}/v1/classify", json={"text": "wheat"}, trust_env=False)
    assert without.status_code == 401
    train_small_model(write_small_rows(tmp_path / "rows.parquet"), tmp_path / "model")
    kernel = alice.server().kernel()
    assert kernel.run(REGISTER.format(model=str(tmp_path / "model"))).strip().endswith("1")
    wait_for(lambda: ready(url).get("ready"), 60, "the champion's service")
    assert kernel.run(CLASSIFY).strip() == "1071"
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {token(bob)}"
        texts = ["growing of wheat", "bakery", "idem"]
        answer = client.post("/v1/classify", json={"texts": texts}).json()
        assert [one["stage"] for one in answer["predictions"]][-1] == "rejected"
        assert client.get("/metrics").status_code == 403
    wait_for(
        lambda: "(4, 4, 'user:alice', 'user:bob')" in (kernel.execute(COUNT).text or ""),
        60,
        "the records' Parquet",
    )


def test_another_cannot_read_the_records_or_move_the_alias(bob: Person) -> None:
    kernel = bob.server().kernel()
    assert kernel.execute(COUNT).error
    moved = kernel.execute(
        "import mlflow; mlflow.set_workspace('projet-prix');"
        " mlflow.MlflowClient().set_registered_model_alias('nace', 'champion', '1')"
    )
    assert "not a space of yours" in (moved.error or "")

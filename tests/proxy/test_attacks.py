"""Addresses that a client may not choose, and names that it may not claim."""

from __future__ import annotations

import httpx
import pytest
from mlflow.store.artifact.artifact_repo import (
    MultipartDownloadMixin,
    MultipartUploadMixin,
    PresignedUploadMixin,
)
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from nacelle.proxy.artifacts import register_artifacts

from .running import Hub
from .world import WORDS, World

API = "/api/2.0/mlflow"


@pytest.fixture
def run_id(bob: httpx.Client) -> str:
    return str(_create_run(bob)["info"]["run_id"])


def _create_run(client: httpx.Client, **fields: object) -> dict:
    answer = client.post(f"{API}/runs/create", json={"experiment_id": "0", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["run"]


def _user_tags(run: dict) -> list[str]:
    return [tag["value"] for tag in run["data"]["tags"] if tag["key"] == "mlflow.user"]


ELSEWHERE = [
    "file:///etc",
    "/etc",
    "s3://user-alice/models",
    "s3://service-mlflow/artifacts/workspaces/user-alice",
    "http://127.0.0.1:1/x",
    "ftp://elsewhere/x",
    "dbfs:/x",
]


@pytest.mark.parametrize("place", [*ELSEWHERE, "mlflow-artifacts:/workspaces/user-alice"])
def test_an_experiment_may_not_choose_where_its_artifacts_lie(
    bob: httpx.Client, place: str
) -> None:
    body = {"name": f"at {place}", "artifact_location": place}
    for api in ("api", "ajax-api"):
        answer = bob.post(f"/{api}/2.0/mlflow/experiments/create", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_model_version_may_not_point_anywhere(bob: httpx.Client, run_id: str, place: str) -> None:
    bob.post(f"{API}/registered-models/create", json={"name": "pointing"})
    for fields in ({}, {"run_id": run_id}):
        body = {"name": "pointing", "source": place, **fields}
        answer = bob.post(f"{API}/model-versions/create", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]


def test_a_model_version_may_not_point_at_anothers(bob: httpx.Client, world: World) -> None:
    bob.post(f"{API}/registered-models/create", json={"name": "pointing"})
    artifacts = f"mlflow-artifacts:/workspaces/user-alice/{world.experiment_id}"
    for source, fields in (
        (f"runs:/{world.run_id}/model", {"run_id": world.run_id}),
        (f"models:/{world.model_id}", {"model_id": world.model_id}),
        (f"models:/{world.model_id}", {}),
        (f"models:/{world.model}/1", {}),
        (f"models:/{world.model}@champion", {}),
        (f"{artifacts}/models/{world.model_id}/artifacts", {"model_id": world.model_id}),
        (f"{artifacts}/{world.run_id}/artifacts", {"run_id": world.run_id}),
        (f"{artifacts}/{world.run_id}/artifacts", {}),
    ):
        body = {"name": "pointing", "source": source, **fields}
        answer = bob.post(f"{API}/model-versions/create", json=body)
        assert answer.status_code >= 400, (source, answer.text)


def test_a_prompt_can_be_kept_but_not_point_anywhere(bob: httpx.Client) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    text = {"key": "mlflow.prompt.text", "value": "Code {{text}}"}
    bob.post(f"{API}/registered-models/create", json={"name": "prompt", "tags": tags})
    body = {"name": "prompt", "source": "dummy-source", "tags": [*tags, text]}
    assert bob.post(f"{API}/model-versions/create", json=body).status_code == 200
    for place in ELSEWHERE:
        body["source"] = place
        made = bob.post(f"{API}/model-versions/create", json=body)
        if made.status_code == 200:
            version = made.json()["model_version"]["version"]
            query = {"name": "prompt", "version": version, "path": "passwd"}
            read = bob.get("/model-versions/get-artifact", params=query)
            assert "root:" not in read.text and read.status_code >= 400


@pytest.mark.parametrize("key", ["mlflow.artifactLocation", "mlflow.trace.archiveLocation"])
def test_a_trace_may_not_say_where_its_file_lies(bob: httpx.Client, world: World, key: str) -> None:
    place = f"mlflow-artifacts:/workspaces/user-alice/{world.experiment_id}/traces/x"
    experiment = _create_run(bob)["info"]["experiment_id"]
    trace = {
        "trace_info": {
            "trace_id": f"tr-{key}",
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": experiment},
            },
            "request_time": "2026-01-01T00:00:00Z",
            "state": "OK",
            "tags": {key: place},
        }
    }
    made = bob.post("/api/3.0/mlflow/traces", json={"trace": trace})
    assert made.status_code == 200, made.text
    tags = made.json()["trace"]["trace_info"]["tags"]
    assert "user-alice" not in str(tags)
    assert tags["mlflow.user"] == "bob"
    for version in ("2.0", "3.0"):
        answer = bob.patch(
            f"/api/{version}/mlflow/traces/tr-{key}/tags", json={"key": key, "value": place}
        )
        assert answer.status_code == 400, answer.text


def test_a_trace_of_another_cannot_be_overwritten(
    hub: Hub, bob: httpx.Client, world: World
) -> None:
    experiment = _create_run(bob)["info"]["experiment_id"]
    info = {
        "trace_id": world.trace_id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "ERROR",
    }
    answer = bob.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})
    assert WORDS not in answer.text
    with hub.client("alice") as alice:
        found = alice.get(f"/api/3.0/mlflow/traces/{world.trace_id}").json()
    assert found["trace"]["trace_info"]["state"] == "OK"


def test_the_name_on_a_run_is_the_hubs(bob: httpx.Client) -> None:
    claim = [{"key": "mlflow.user", "value": "eve"}]
    for fields in (
        {"user_id": "eve", "tags": claim},
        {"userId": "eve", "tags": claim * 2},
        {},
    ):
        run = _create_run(bob, **fields)
        assert run["info"]["user_id"] == "bob"
        assert _user_tags(run) == ["bob"]


def test_the_name_cannot_be_changed_later(bob: httpx.Client, run_id: str) -> None:
    claim = {"key": "mlflow.user", "value": "eve"}
    for api in ("api", "ajax-api"):
        for path, body in (
            ("set-tag", {"run_id": run_id, **claim}),
            ("set-tag", {"run_uuid": run_id, **claim}),
            ("log-batch", {"run_id": run_id, "tags": [claim]}),
            ("delete-tag", {"run_id": run_id, "key": "mlflow.user"}),
        ):
            answer = bob.post(f"/{api}/2.0/mlflow/runs/{path}", json=body)
            assert answer.status_code == 400, (path, answer.text)
            assert "mlflow.user" in answer.json()["message"]
    run = bob.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]
    assert run["info"]["user_id"] == "bob"
    assert _user_tags(run) == ["bob"]


def test_the_name_on_models_is_the_hubs(bob: httpx.Client, run_id: str) -> None:
    claim = {"key": "mlflow.user", "value": "eve"}
    made = bob.post(f"{API}/logged-models", json={"experiment_id": "0", "tags": [claim]})
    info = made.json()["model"]["info"]
    assert {"key": "mlflow.user", "value": "bob"} in info["tags"]
    assert claim not in info["tags"]
    path = f"{API}/logged-models/{info['model_id']}/tags"
    assert bob.patch(path, json={"tags": [claim]}).status_code == 400
    assert bob.delete(f"{path}/mlflow.user").status_code == 400
    bob.post(f"{API}/registered-models/create", json={"name": "named"})
    body = {"name": "named", "source": f"runs:/{run_id}/m", "run_id": run_id, "tags": [claim]}
    version = bob.post(f"{API}/model-versions/create", json=body).json()["model_version"]
    assert version["tags"] == [{"key": "mlflow.user", "value": "bob"}]
    change = {"name": "named", "version": "1", **claim}
    assert bob.post(f"{API}/model-versions/set-tag", json=change).status_code == 400


def test_the_server_offers_no_link_around_itself() -> None:
    register_artifacts()
    offered = get_artifact_repository("s3://service-mlflow/artifacts")
    kinds = (MultipartUploadMixin, MultipartDownloadMixin, PresignedUploadMixin)
    assert not isinstance(offered, kinds)

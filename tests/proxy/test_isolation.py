"""Nobody reads, lists, searches, changes or deletes what belongs to somebody else."""

from __future__ import annotations

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException
from requests import HTTPError

from .running import Hub, until
from .world import WORDS, World, body, fields, query, requests, state


@pytest.mark.parametrize("space", [None, "user-alice", "projet-prix", "default"])
def test_no_route_gives_or_changes_what_is_anothers(
    hub: Hub, world: World, alice: httpx.Client, space: str | None
) -> None:
    before = state(alice, world)
    everything = fields(world)
    queries = query(everything)
    tried = requests(world)
    assert len(tried) > 300
    with hub.client("bob", space) as bob:
        for method, path in tried:
            sent = None if method == "GET" else body(path, everything)
            params = queries if method in ("GET", "DELETE") else None
            answer = bob.request(method, path, params=params, json=sent)
            assert WORDS not in answer.text, (method, path)
            if space:
                assert answer.status_code == 403, (method, path, answer.text)
    assert state(alice, world) == before


def test_own_things_do_not_lead_to_anothers(
    world: World, alice: httpx.Client, bob: httpx.Client
) -> None:
    """The same requests with one's own run, experiment and model, and the rest the owner's."""
    before = state(alice, world)
    run = bob.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]
    bob.post("/api/2.0/mlflow/registered-models/create", json={"name": "bobs"})
    logged = bob.post("/api/2.0/mlflow/logged-models", json={"experiment_id": "0"}).json()
    mine = {
        "run": {key: run["run_id"] for key in ("run_id", "run_uuid")},
        "experiment": {"experiment_id": run["experiment_id"]},
        "name": {"name": "bobs"},
        "model": {"model_id": logged["model"]["info"]["model_id"]},
    }
    metric = {"key": "loss", "value": 9, "timestamp": 1, "step": 9, "model_id": world.model_id}
    for chosen in (
        ("run",),
        ("run", "experiment"),
        ("name",),
        ("experiment", "name"),
        ("run", "name"),
        ("model",),
    ):
        changed = fields(world) | {"metrics": [metric], "source_run_id": world.run_id}
        for part in chosen:
            changed |= mine[part]
        queries = query(changed)
        for method, path in requests(world):
            if path.startswith("/ajax-api"):
                continue  # the same handlers once more, as the test above has shown
            if method == "DELETE" and "runs" not in path:
                continue  # of one's own things, which the next requests still need
            if path.endswith(("/runs/delete", "/experiments/delete")):
                continue
            params = queries if method == "GET" else None
            sent = None if method == "GET" else body(path, changed)
            answer = bob.request(method, path, params=params, json=sent)
            assert WORDS not in answer.text, (chosen, method, path)
    # Of this name bob has one of his own by now.
    named = {"name": world.model}
    bob.request("DELETE", "/api/2.0/mlflow/registered-models/delete", json=named)
    assert state(alice, world) == before


def test_bob_is_refused_by_id_and_by_name(hub: Hub, world: World) -> None:
    with hub.as_user("bob"):
        client = mlflow.MlflowClient()
        for attempt in (
            lambda: client.get_experiment(world.experiment_id),
            lambda: client.delete_experiment(world.experiment_id),
            lambda: client.get_run(world.run_id),
            lambda: client.delete_run(world.run_id),
            lambda: client.log_metric(world.run_id, "loss", 9),
            lambda: client.set_tag(world.run_id, "note", "changed"),
            lambda: client.list_artifacts(world.run_id),
            lambda: client.get_registered_model(world.model),
            lambda: client.get_model_version(world.model, "1"),
            lambda: client.get_model_version_by_alias(world.model, "champion"),
            lambda: client.set_registered_model_alias(world.model, "champion", "1"),
            lambda: client.delete_registered_model_alias(world.model, "champion"),
            lambda: client.delete_registered_model(world.model),
            lambda: client.get_logged_model(world.model_id),
            lambda: client.create_run(world.experiment_id),
            lambda: mlflow.pyfunc.load_model(f"models:/{world.model}@champion"),
            lambda: mlflow.pyfunc.load_model(f"models:/{world.model_id}"),
            lambda: mlflow.artifacts.download_artifacts(
                f"mlflow-artifacts:/workspaces/user-alice/{world.artifact_path}"
            ),
        ):
            with pytest.raises((MlflowException, HTTPError)):
                attempt()
        assert client.get_experiment_by_name(world.experiment_name) is None
        assert world.model not in [model.name for model in client.search_registered_models()]
        assert WORDS not in str([found.tags for found in client.search_experiments()])
        assert list(client.search_runs([world.experiment_id])) == []


def test_bob_is_refused_by_graphql(bob: httpx.Client, alice: httpx.Client, world: World) -> None:
    get = 'query { mlflowGetRun(input: {runId: "%s"}) { run { data { params { value } } } } }'
    search = (
        'query { mlflowSearchRuns(input: {experimentIds: ["%s"]})'
        " { runs { data { params { value } } } } }"
    )
    for asked in (get % world.run_id, search % world.experiment_id):
        assert WORDS in alice.post("/graphql", json={"query": asked}).text
        assert WORDS not in bob.post("/graphql", json={"query": asked}).text


@pytest.mark.parametrize(
    "path",
    [
        "workspaces/user-alice/{0}",
        "/workspaces/user-alice/{0}",
        "../user-alice/{0}",
        "%2e%2e/user-alice/{0}",
        "%252e%252e/user-alice/{0}",
        "x/../../user-alice/{0}",
        "..%2fuser-alice/{0}",
        "..%5cuser-alice/{0}",
        "workspaces/user-bob/../user-alice/{0}",
        "workspaces/user-bob/%2e%2e/user-alice/{0}",
    ],
)
@pytest.mark.parametrize("api", ["api", "ajax-api"])
def test_artifact_paths_do_not_leave_the_space(
    hub: Hub, bob: httpx.Client, alice: httpx.Client, world: World, path: str, api: str
) -> None:
    url = f"/{api}/2.0/mlflow-artifacts/artifacts/" + path.format(world.artifact_path)
    for method in ("GET", "PUT", "DELETE"):
        answer = bob.request(method, url, content=b"changed" if method == "PUT" else None)
        assert WORDS not in answer.text
        assert answer.status_code >= 400, (method, url)
    listed = bob.get(
        f"/{api}/2.0/mlflow-artifacts/artifacts", params={"path": path.format(world.artifact_path)}
    )
    assert "secret.txt" not in listed.text
    found = alice.get("/get-artifact", params={"run_id": world.run_id, "path": "secret.txt"})
    assert found.text == WORDS


def test_leaving_a_project_ends_access(hub: Hub) -> None:
    hub.hub_api("POST", "/groups/prix/users", {"users": ["bob"]})
    with hub.client("bob", "projet-prix") as bob:

        def status() -> int:
            return bob.get("/api/2.0/mlflow/experiments/search?max_results=1").status_code

        until(lambda: status() == 200)
        hub.hub_api("DELETE", "/groups/prix/users", {"users": ["bob"]})
        until(lambda: status() == 403, seconds=5)


def test_spaces_themselves_cannot_be_changed(bob: httpx.Client) -> None:
    path = "/api/3.0/mlflow/workspaces"
    assert bob.post(path, json={"name": "user-bob2"}).status_code == 403
    assert bob.patch(f"{path}/user-bob", json={"description": "x"}).status_code == 403
    assert bob.delete(f"{path}/user-bob").status_code == 403
    assert bob.get(f"{path}/user-alice").status_code == 404

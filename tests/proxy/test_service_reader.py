"""The one service that may read the models of one space: what it can, and all that it cannot."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nacelle.credentials.identity import (
    Person,
    ProofRefused,
    Reader,
    read_any_proof,
    read_proof,
    sign_proof,
)
from nacelle.proxy.routes import may_read
from nacelle.secrets import read_secret

from .running import ADMIN_TOKEN, Hub
from .world import WORDS, World, body, fields, make_world, query, requests, state

SPACE = "projet-nace"
API = "/api/2.0/mlflow"
ALIAS = {"name": "alices-model", "alias": "champion"}


@pytest.fixture(scope="module")
def own_world(hub: Hub) -> World:
    """The same things as alice's, under the same names, in the space that is read."""
    return make_world(hub, "dora", SPACE)


@pytest.fixture
def dora(hub: Hub) -> Iterator[httpx.Client]:
    with hub.client("dora", SPACE) as client:
        yield client


@pytest.fixture
def service(hub: Hub) -> Iterator[httpx.Client]:
    with hub.service("nace") as client:
        yield client


def test_it_reads_the_registry_and_the_model(own_world: World, service: httpx.Client) -> None:
    for named in ({}, {"X-MLFLOW-WORKSPACE": SPACE}):
        found = service.get(f"{API}/registered-models/alias", params=ALIAS, headers=named)
        assert found.status_code == 200, found.text
        assert found.json()["model_version"]["source"] == f"models:/{own_world.model_id}"
    version = {"name": own_world.model, "version": "1"}
    for path, given in (
        ("registered-models/get", {"name": own_world.model}),
        ("model-versions/get", version),
        (f"logged-models/{own_world.model_id}", {}),
    ):
        assert service.get(f"{API}/{path}", params=given).status_code == 200, path
    place = service.get(f"{API}/model-versions/get-download-uri", params=version).json()
    folder = place["artifact_uri"].removeprefix("mlflow-artifacts:/")
    files = "/api/2.0/mlflow-artifacts/artifacts"
    listed = service.get(files, params={"path": folder}).json()["files"]
    assert "MLmodel" in {one["path"] for one in listed}
    assert WORDS in service.get(f"{files}/{folder}/MLmodel").text


def test_it_changes_nothing_in_the_space_that_it_reads(
    own_world: World, dora: httpx.Client, service: httpx.Client
) -> None:
    before = state(dora, own_world)
    everything = fields(own_world)
    queries = query(everything)
    passed = set()
    for method, path in requests(own_world):
        sent = None if method == "GET" else body(path, everything)
        params = queries if method in ("GET", "DELETE") else None
        answer = service.request(method, path, params=params, json=sent)
        if answer.status_code != 403:
            passed.add((method, answer.status_code if answer.status_code == 404 else "read"))
        if not may_read(method, path):
            assert answer.status_code in (403, 404), (method, path, answer.text)
            assert WORDS not in answer.text, (method, path)
    assert {method for method, _ in passed} == {"GET"}
    assert state(dora, own_world) == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_it_only_gets(own_world: World, service: httpx.Client, method: str) -> None:
    for path in (
        f"{API}/registered-models/alias",
        f"{API}/model-versions/get",
        f"{API}/logged-models/{own_world.model_id}",
        f"/api/2.0/mlflow-artifacts/artifacts/{own_world.artifact_path}",
    ):
        answer = service.request(method, path, params=ALIAS, content=b"{}")
        assert answer.status_code in (403, 405), (method, path)


def test_methods_cannot_be_changed_on_the_way(own_world: World, service: httpx.Client) -> None:
    changed = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"}
    service.get(f"{API}/registered-models/alias", params=ALIAS, headers=changed)
    assert service.get(f"{API}/registered-models/alias", params=ALIAS).status_code == 200


@pytest.mark.parametrize("space", ["user-alice", "projet-prix", "user-nace", "default", "*"])
def test_it_comes_into_no_other_space(
    hub: Hub, world: World, alice: httpx.Client, space: str
) -> None:
    """A person called nace would own user-nace; the service is not that person."""
    before = state(alice, world)
    with hub.service("nace", space) as service:
        for method, path in requests(world):
            sent = None if method == "GET" else body(path, fields(world))
            params = query(fields(world)) if method in ("GET", "DELETE") else None
            answer = service.request(method, path, params=params, json=sent)
            assert answer.status_code == 403, (method, path, answer.text)
    assert state(alice, world) == before


def test_it_reads_nobody_elses_things_by_their_ids(
    own_world: World, world: World, service: httpx.Client
) -> None:
    """Without naming the space: what is alice's is not in its own."""
    for method, path in requests(world):
        if not may_read(method, path):
            continue
        # Of these names it has its own.
        asked = query(fields(world) | {"name": "none-of-its-own"})
        answer = service.get(path, params=asked)
        assert WORDS not in answer.text, path
        if world.model_id in path:
            assert answer.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "workspaces/user-alice/{0}",
        "../user-alice/{0}",
        "%2e%2e/user-alice/{0}",
        "workspaces/projet-nace/../user-alice/{0}",
        "workspaces/projet-nace/%252e%252e/user-alice/{0}",
    ],
)
def test_artifact_paths_do_not_leave_the_space(
    world: World, service: httpx.Client, path: str
) -> None:
    url = "/api/2.0/mlflow-artifacts/artifacts"
    place = path.format(world.artifact_path)
    answer = service.get(f"{url}/{place}")
    assert answer.status_code >= 400
    assert WORDS not in answer.text
    assert "secret.txt" not in service.get(url, params={"path": place}).text


def test_it_sees_no_other_space(service: httpx.Client) -> None:
    for path in ("workspaces", "workspaces/projet-nace", "experiments/search"):
        assert service.get(f"/api/3.0/mlflow/{path}").status_code == 403
    assert service.get("/", headers={"Accept": "text/html"}).status_code == 403


def test_no_other_service_comes_in(hub: Hub, own_world: World) -> None:
    tokens = {
        "tests": ADMIN_TOKEN,
        "mlflow": read_secret(hub.layout, "service.mlflow.token"),
        "broker": read_secret(hub.layout, "service.broker.token"),
    }
    for name, token in tokens.items():
        answer = httpx.get(
            f"{hub.mlflow}{API}/registered-models/alias",
            params=ALIAS,
            headers={"Authorization": f"Bearer {token}", "X-MLFLOW-WORKSPACE": SPACE},
            trust_env=False,
        )
        assert answer.status_code in (401, 403), name


def test_a_proof_is_of_one_kind() -> None:
    reader = Reader("service:nace", SPACE)
    proof = sign_proof(reader, "mlflow", "s" * 32)
    assert read_any_proof(proof, "mlflow", "s" * 32) == reader
    with pytest.raises(ProofRefused):
        read_proof(proof, "mlflow", "s" * 32)
    with pytest.raises(ProofRefused):
        read_any_proof(proof, "nace", "s" * 32)
    person = Person("alice", ("prix",))
    assert read_any_proof(sign_proof(person, "mlflow", "s" * 32), "mlflow", "s" * 32) == person


def test_the_way_past_the_door_stays_closed(hub: Hub, own_world: World) -> None:
    headers = {"Authorization": f"Bearer {read_secret(hub.layout, 'service.nace.token')}"}
    answer = httpx.get(
        f"{hub.direct}{API}/registered-models/alias", params=ALIAS, headers=headers, trust_env=False
    )
    assert answer.status_code == 401

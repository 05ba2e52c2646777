"""/v1/keys: who may make, see and revoke which keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.nace.serving.access import Access, open_access
from nacelle.nace.serving.key_routes import make_key_routes
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem
from nacelle.settings.nace import NaceKeys, NaceSettings

SECRET = "c" * 64
SETTINGS = NaceSettings(keys=NaceKeys(rate=1000, burst=1000, daily_quota=500, per_person=2))


def make_app(access: Access) -> FastAPI:
    """The routes with problems answered as the service does."""
    app = FastAPI()
    app.include_router(make_key_routes(access))

    @app.exception_handler(Problem)
    async def answer(request: Request, problem: Problem) -> Response:
        return Response(problem.body("r"), problem.status, problem.headers, MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> Response:
        problem = Problem(422, error.errors()[0]["msg"])
        return Response(problem.body("r"), problem.status, media_type=MEDIA_TYPE)

    return app


class Caller:
    """A client that acts for one person, or with one key."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client, self._headers = client, headers

    async def __call__(self, method: str, path: str = "", **body: Any) -> httpx.Response:
        extra: dict[str, Any] = {"json": body} if method == "POST" else {}
        return await self._client.request(method, f"/v1/keys{path}", headers=self._headers, **extra)

    async def make(self, name: str, **body: Any) -> dict[str, Any]:
        answer = await self("POST", name=name, **body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def with_key(self, made: dict[str, Any]) -> Caller:
        return Caller(self._client, {"X-API-Key": made["key"]})

    async def refused(self, status: int, words: str, method: str, path: str = "", **b: Any) -> None:
        answer = await self(method, path, **b)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert words in answer.json()["detail"]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    access = open_access(SETTINGS, tmp_path, None, SECRET)
    transport = httpx.ASGITransport(make_app(access))
    async with httpx.AsyncClient(transport=transport, base_url="http://nace") as made:
        yield made
    await access.close()


def acting(client: httpx.AsyncClient, name: str, admin: bool = False) -> Caller:
    return Caller(client, {PROOF_HEADER: sign_proof(Person(name, admin=admin), "nace", SECRET)})


@pytest.fixture
def alice(client: httpx.AsyncClient) -> Caller:
    return acting(client, "alice")


@pytest.fixture
def bob(client: httpx.AsyncClient) -> Caller:
    return acting(client, "bob")


@pytest.fixture
def chief(client: httpx.AsyncClient) -> Caller:
    return acting(client, "chief", admin=True)


async def names(caller: Caller) -> list[tuple[str, str, bool]]:
    answer = await caller("GET")
    assert answer.status_code == 200, answer.text
    return [(key["owner"], key["name"], key["revoked"] is None) for key in answer.json()]


async def test_the_secret_is_in_one_answer_alone(alice: Caller) -> None:
    answer = await alice("POST", name="  register ")
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert (made["name"], made["owner"], made["scopes"]) == ("register", "alice", ["classify"])
    assert (made["rate"], made["burst"], made["daily_quota"]) == (1000, 1000, 500)
    listed = await alice("GET")
    assert made["key"].startswith(f"nacelle_{made['id']}_")
    assert made["key"].split("_", 2)[2] not in listed.text
    assert listed.json() == [{name: made[name] for name in made if name != "key"}]


async def test_everybody_sees_their_own_and_administrators_all(
    alice: Caller, bob: Caller, chief: Caller
) -> None:
    mine = await alice.make("register")
    await bob.make("desk")
    assert await names(alice) == [("alice", "register", True)]
    assert await names(bob) == [("bob", "desk", True)]
    assert await names(chief) == [("alice", "register", True), ("bob", "desk", True)]
    await bob.refused(404, f"no API key with the id {mine['id']}", "DELETE", f"/{mine['id']}")
    assert (await chief("DELETE", f"/{mine['id']}")).status_code == 204
    assert await names(alice) == [("alice", "register", False)]
    # Once more changes nothing.
    assert (await alice("DELETE", f"/{mine['id']}")).status_code == 204
    await alice.refused(404, "no API key", "DELETE", "/0123456789ab")


async def test_people_stay_within_the_settings(alice: Caller) -> None:
    for more in ({"rate": 1001}, {"burst": 1001}, {"daily_quota": 501}, {"daily_quota": 0}):
        await alice.refused(403, "Only an administrator gives", "POST", name="more", **more)
    await alice.refused(403, "the scope administer", "POST", name="x", scopes=["administer"])
    less = await alice.make("less", rate=0.5, burst=1, daily_quota=1)
    assert (less["rate"], less["burst"], less["daily_quota"]) == (0.5, 1, 1)
    await alice.refused(409, "live key named 'less'", "POST", name="less")
    await alice.make("second")
    await alice.refused(409, "2 live keys and may have 2", "POST", name="third")


async def test_administrators_give_more(chief: Caller) -> None:
    given = {"rate": 5000, "burst": 9000, "daily_quota": 0, "scopes": ["administer", "classify"]}
    made = await chief.make("cluster", **given)
    assert {name: made[name] for name in given} == given | {"scopes": ["classify", "administer"]}
    for name in ("2", "3", "4"):
        await chief.make(name)


async def test_a_key_makes_no_keys_unless_it_administers(alice: Caller, chief: Caller) -> None:
    leaked = alice.with_key(await alice.make("register"))
    for method in ("GET", "POST"):
        await leaked.refused(403, "may not manage API keys", method, name="x")
    await leaked.refused(403, "may not manage API keys", "DELETE", "/0123456789ab")
    trusted = chief.with_key(await chief.make("script", scopes=["classify", "administer"]))
    made = await trusted.make("from a script")
    assert made["owner"] == "chief"
    assert len(await names(trusted)) == 3


async def test_strangers_are_told_so(client: httpx.AsyncClient) -> None:
    stranger = Caller(client, {})
    for method in ("GET", "POST"):
        await stranger.refused(401, "Send an API key", method, name="x")


@pytest.mark.parametrize("body", [b"{}", b'{"name": 7, "colour": "red"}', b"[[[[", b"\xff", b""])
async def test_strangers_are_told_nothing_of_a_body(
    client: httpx.AsyncClient, alice: Caller, body: bytes
) -> None:
    leaked = (await alice.make("register"))["key"]
    for headers, status in (({}, 401), ({"X-API-Key": "x"}, 401), ({"X-API-Key": leaked}, 403)):
        kind = {"Content-Type": "application/json"}
        answer = await client.post("/v1/keys", content=body, headers=headers | kind)
        assert answer.status_code == status, answer.text
    assert (await client.delete("/v1/keys/no-id")).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"name": "a\x00"},
        {"name": 7},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["classify", "rule"]},
        {"name": "x", "rate": 0},
        {"name": "x", "rate": 1e300},
        {"name": "x", "burst": 2**70},
        {"name": "x", "daily_quota": -1},
        {"name": "x", "colour": "red"},
    ],
)
async def test_bodies_that_are_no_key(chief: Caller, body: dict[str, Any]) -> None:
    assert (await chief("POST", **body)).status_code == 422
    assert await names(chief) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "x", "rate": NaN}',
        b'{"name": "x", "rate": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
        b"[[[[",
        b"",
    ],
)
async def test_bodies_that_are_hardly_json(client: httpx.AsyncClient, body: bytes) -> None:
    proof = sign_proof(Person("chief", admin=True), "nace", SECRET)
    headers = {PROOF_HEADER: proof, "Content-Type": "application/json"}
    answer = await client.post("/v1/keys", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert await names(acting(client, "chief", admin=True)) == []

"""What the broker answers to people whose names make no bucket, as another login may send them."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from nacelle.credentials.broker import Broker, make_app
from nacelle.credentials.buckets import Access, Buckets, buckets_of
from nacelle.credentials.exchange import NO_ROLE, Exchange
from nacelle.credentials.hub import HubDirectory
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys
from nacelle.credentials.policy import make_session_policy
from nacelle.credentials.stores import Store
from nacelle.layout import Layout
from nacelle.prefixes import BROKER_PREFIX
from nacelle.settings import Settings
from nacelle.storage.embedded.keys import Identity as StoreIdentity
from nacelle.storage.embedded.policy import own_buckets

LONG = "a" * 59
PEOPLE = [
    Identity("user", "ann"),
    Identity("user", "ann", ("prix", LONG, "emploi")),
    Identity("user", "ann", ("", "prix"), admin=True),
    Identity("service", "mlflow"),
    Identity("service", "nace", ("prix",)),
]


class Directory(HubDirectory):
    """Knows one person, whoever asks."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    async def identify(self, authorization: str | None) -> Identity:
        return self.identity


class Generous(Exchange):
    """A store that gives keys to everybody."""

    def __init__(self) -> None:
        self.given = 0

    def keys(self, identity: Identity, life: int) -> Keys:
        make_session_policy(identity, NO_ROLE)
        self.given += 1
        now = datetime.now(UTC)
        return Keys("NCL1", "secret", "token", now, now + timedelta(seconds=life))


class Made(Buckets):
    """Remembers which buckets were wanted."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def ensure(self, names: object, keys: Keys) -> None:
        self.names += names  # type: ignore[operator]


async def ask(identity: Identity, folder: Path) -> tuple[int, dict[str, str], Generous, Made]:
    issuer = Issuer("http://127.0.0.1:1" + BROKER_PREFIX, folder / "keys.json")
    exchange, made = Generous(), Made()
    broker = Broker(Store(Access("http://store", "x"), exchange, made), 60, {"nace": "prix"})
    transport = httpx.ASGITransport(
        make_app(broker, issuer, Directory(identity)), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://broker") as client:
        answer = await client.post(f"{BROKER_PREFIX}/keys")
    return answer.status_code, answer.json(), exchange, made


@pytest.mark.parametrize("identity", PEOPLE, ids=str)
def test_the_broker_makes_the_buckets_that_the_store_allows(identity: Identity) -> None:
    person = StoreIdentity(identity.subject, identity.projects, identity.admin)
    assert tuple(buckets_of(identity)) == own_buckets(person)


async def test_a_project_that_makes_no_bucket_costs_nobody_their_keys(tmp_path: Path) -> None:
    status, _, _, made = await ask(Identity("user", "ann", (LONG, "prix")), tmp_path)
    assert status == 200
    assert made.names == ["user-ann", "projet-prix"]


async def test_a_service_writes_to_the_bucket_of_its_project(tmp_path: Path) -> None:
    *_, made = await ask(Identity("service", "nace"), tmp_path)
    assert made.names[1:] == ["projet-prix"]
    *_, made = await ask(Identity("service", "mlflow"), tmp_path)
    assert len(made.names) == 1
    *_, made = await ask(Identity("user", "nace"), tmp_path)
    assert made.names == ["user-nace"]


@pytest.mark.parametrize("name", [LONG, "é" * 30])
async def test_a_person_whose_name_makes_no_bucket_is_told_so(name: str, tmp_path: Path) -> None:
    status, body, exchange, _ = await ask(Identity("user", name), tmp_path)
    assert status == 403
    assert name in body["message"] and "choose a shorter one" in body["message"]
    assert exchange.given == 0


async def test_more_projects_than_a_policy_can_name_are_said_and_final(tmp_path: Path) -> None:
    many = tuple(f"project{number:03}" for number in range(60))
    status, body, *_ = await ask(Identity("user", "ann", many), tmp_path)
    assert status == 403
    assert "60 projects" in body["message"]


def test_the_broker_has_one_address(tmp_path: Path) -> None:
    layout = Layout(Settings(data_dir=tmp_path))
    assert layout.broker_url == "http://127.0.0.1:8005/services/broker"


async def test_a_store_that_asks_for_the_broker_s_keys_before_it_answers_gets_them(
    tmp_path: Path,
) -> None:
    """A class that starts while the store knows no keys yet: every thread waits for the store."""
    asked = threading.Event()

    class Asking(Generous):
        def keys(self, identity: Identity, life: int) -> Keys:
            assert asked.wait(10), "the store did not get the broker's keys"
            return super().keys(identity, life)

    issuer = Issuer("http://broker.test", tmp_path / "keys.json")
    broker = Broker(Store(Access("http://store.test", "fr"), Asking(), None), 900, {})
    app = make_app(broker, issuer, Directory(PEOPLE[0]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://broker.test"
    ) as client:
        waiting = [asyncio.create_task(client.post(f"{BROKER_PREFIX}/keys")) for _ in range(64)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            found = await client.get(f"{BROKER_PREFIX}/jwks.json")
        asked.set()
        assert found.json()["keys"]
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}

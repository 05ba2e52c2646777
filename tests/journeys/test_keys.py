"""Storage keys of a whole platform: who may ask for them, and until when."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from nacelle.credentials.broker import CACHE_SECONDS
from nacelle.credentials.client import fetch_keys
from nacelle.credentials.keys import KeysRefused
from nacelle.prefixes import BROKER_PREFIX
from nacelle.secrets import read_secret
from tests.support.installation import Installation
from tests.support.person import Person
from tests.support.waiting import wait_for

# What the engine gives a run, but for the rights that it does not need here.
RUN = {"note": "a run", "scopes": ["access:services!service=broker"], "expires_in": 600}


def broker(platform: Installation) -> str:
    """Its address as the proxy gives it to sessions and runs."""
    return platform.url + BROKER_PREFIX


def new_token(platform: Installation, name: str, **body: Any) -> tuple[str, str]:
    """A token of somebody and its number, made as the engine of jobs makes them."""
    token = read_secret(platform.layout, "service.jobs-engine.token")
    made = httpx.post(
        f"{platform.url}/hub/api/users/{name}/tokens",
        headers={"Authorization": f"token {token}"},
        json={**RUN, **body},
    )
    assert made.status_code == 201, made.text
    return made.json()["token"], made.json()["id"]


def revoke(platform: Installation, name: str, number: str) -> None:
    token = read_secret(platform.layout, "service.jobs-engine.token")
    gone = httpx.delete(
        f"{platform.url}/hub/api/users/{name}/tokens/{number}",
        headers={"Authorization": f"token {token}"},
    )
    assert gone.status_code == 204, gone.text


def test_a_token_that_outlives_its_job_gets_no_keys(platform: Installation) -> None:
    token, number = new_token(platform, "alice")
    assert fetch_keys(broker(platform), token).access_key
    revoke(platform, "alice", number)

    def refused() -> bool:
        try:
            fetch_keys(broker(platform), token)
        except KeysRefused as error:
            assert "may have ended" in str(error)
            return True
        return False

    wait_for(refused, CACHE_SECONDS + 5, "the refusal")
    with pytest.raises(KeysRefused):
        fetch_keys(broker(platform), token)


def test_a_token_that_was_never_used_gets_none_at_once(platform: Installation) -> None:
    token, number = new_token(platform, "alice")
    revoke(platform, "alice", number)
    with pytest.raises(KeysRefused):
        fetch_keys(broker(platform), token)


def test_a_token_without_the_right_gets_none(platform: Installation) -> None:
    token, _ = new_token(platform, "alice", scopes=["read:users:name!user=alice"])
    with pytest.raises(KeysRefused, match="may not ask for storage keys"):
        fetch_keys(broker(platform), token)


def test_nobody_asks_in_another_s_name(platform: Installation, bob: Person) -> None:
    token, _ = new_token(platform, "bob")
    ways: list[dict[str, Any]] = [
        {"params": {"user": "alice", "name": "alice"}},
        {"json": {"name": "alice", "sub": "user:alice", "projects": ["prix"]}},
        {"headers": {"X-Forwarded-User": "alice", "X-Nacelle-Identity": "alice"}},
    ]
    for way in ways:
        headers = {"Authorization": f"Bearer {token}", **way.pop("headers", {})}
        answer = httpx.post(f"{broker(platform)}/keys", headers=headers, **way)
        assert answer.status_code == 200
    given = [line for line in platform.log("broker").splitlines() if "keys given" in line]
    assert all('"subject": "user:bob"' in line for line in given[-len(ways) :])
    assert token not in platform.log("broker")

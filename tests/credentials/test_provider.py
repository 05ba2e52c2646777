"""The provider is asked over HTTP, by httpx and by the SDK itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from botocore.session import Session

from nacelle.credentials.client import fetch_from_provider
from nacelle.credentials.keys import Keys, KeysUnavailable
from nacelle.credentials.provider import start_provider

URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


def numbered_keys(life: float, age: float = 0) -> list[Keys]:
    issued = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=age)
    return [
        Keys(f"NCL{n}", f"s{n}", f"t{n}", issued, issued + timedelta(seconds=life))
        for n in range(9)
    ]


@pytest.fixture
def environment() -> dict[str, str]:
    answers = iter(numbered_keys(3600))
    return start_provider(lambda: next(answers))


def test_only_the_right_token_is_answered(environment: dict[str, str]) -> None:
    for headers in ({}, {"Authorization": "wrong"}, {"Authorization": "é".encode("latin-1")}):
        assert httpx.get(environment[URI], headers=headers).status_code == 401


def test_it_listens_on_loopback_alone(environment: dict[str, str]) -> None:
    assert environment[URI].startswith("http://127.0.0.1:")


def test_other_paths_are_not_there(environment: dict[str, str]) -> None:
    headers = {"Authorization": environment[TOKEN]}
    assert httpx.get(environment[URI] + "/more", headers=headers).status_code == 404


def test_the_sdk_takes_and_renews_keys(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Past the middle of their life, so due at each call.
    short = iter(numbered_keys(60, age=31))
    for name, value in start_provider(lambda: next(short)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    credentials = Session().get_credentials()
    seen = {credentials.get_frozen_credentials().access_key for _ in range(3)}
    assert len(seen) == 3


def test_a_kernel_reads_the_same_keys(environment: dict[str, str]) -> None:
    assert fetch_from_provider(environment).access_key == "NCL0"
    assert fetch_from_provider(environment).access_key == "NCL0"


def test_the_broker_s_reason_reaches_the_person() -> None:
    def refuse() -> Keys:
        raise KeysUnavailable("the hub does not answer; try again in a minute")

    with pytest.raises(KeysUnavailable, match="try again in a minute"):
        fetch_from_provider(start_provider(refuse))


def test_a_link_is_signed_for_one_object(environment: dict[str, str]) -> None:
    answer = httpx.get(
        environment[URI].replace("/keys", "/link"),
        params={"uri": "s3://user-alice/a b.csv"},
        headers={"Authorization": environment[TOKEN]},
    )
    link = answer.json()["url"]
    assert "/user-alice/a%20b.csv?" in link and "X-Amz-Signature=" in link


@pytest.mark.parametrize("uri", ["", "user-alice/a", "s3://user-alice", "https://x/y"])
def test_a_link_needs_an_object(environment: dict[str, str], uri: str) -> None:
    answer = httpx.get(
        environment[URI].replace("/keys", "/link"),
        params={"uri": uri},
        headers={"Authorization": environment[TOKEN]},
    )
    assert answer.status_code == 400
    assert "s3://bucket/key" in answer.json()["message"]

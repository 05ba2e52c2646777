"""What the broker sends to the STS of an office's store, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nacelle.credentials.exchange import AssumeRoleExchange
from nacelle.credentials.issuer import Identity
from nacelle.credentials.keys import KeysUnavailable
from nacelle.credentials.policy import make_session_policy
from nacelle.credentials.sts import StaticKeys, StoreLost, Sts
from tests.support.sts import ACCESS, REGION, SECRET, OfficeSts

ROLE = "arn:aws:iam::123456789012:role/nacelle"
ANN = Identity("user", "Ann@office.example", ("prix",))
GOOD = StaticKeys(ACCESS, SECRET)


@pytest.fixture
def office() -> Iterator[OfficeSts]:
    with OfficeSts() as running:
        yield running


def exchange(office: OfficeSts, keys: StaticKeys = GOOD) -> AssumeRoleExchange:
    return AssumeRoleExchange(Sts(office.url), ROLE, keys, REGION)


def test_the_whole_request_for_a_role(office: OfficeSts) -> None:
    keys = exchange(office).keys(ANN, 3600)
    assert office.asked == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "-41nn-40office-2eexample",
            "DurationSeconds": "3600",
            "Policy": make_session_policy(ANN, ROLE),
        }
    ]
    assert (keys.access_key, keys.secret_key, keys.session_token) == (
        *("ASIAGIVEN", "given-secret"),
        "given-token",
    )
    assert 3595 < (keys.expires - datetime.now(UTC)).total_seconds() <= 3600


def test_a_life_that_stores_refuse_is_lengthened(office: OfficeSts) -> None:
    exchange(office).keys(ANN, 60)
    assert office.asked[0]["DurationSeconds"] == "900"


@pytest.mark.parametrize("keys", [StaticKeys(ACCESS, "wrong"), StaticKeys("WRONG", SECRET)])
def test_wrong_keys_of_the_broker_say_so_and_show_nothing(
    office: OfficeSts, keys: StaticKeys
) -> None:
    with pytest.raises(KeysUnavailable, match="not signed by us") as refused:
        exchange(office, keys).keys(ANN, 3600)
    assert keys.secret not in str(refused.value) + repr(keys)
    assert office.asked == []


@pytest.mark.parametrize(
    ("status", "text", "sentence"),
    [
        (200, "<html>hello</html>", "holds no AccessKeyId; is it an STS"),
        (200, "not xml", "holds no AccessKeyId"),
        (502, "<html/>", "status 502"),
        (200, "<a><AccessKeyId>A</AccessKeyId></a>", "holds no SecretAccessKey"),
        (
            200,
            "<a><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
            "<SessionToken>T</SessionToken><Expiration>soon</Expiration></a>",
            "no end that can be read",
        ),
    ],
)
def test_answers_that_are_none(office: OfficeSts, status: int, text: str, sentence: str) -> None:
    office.answer = (status, text)
    with pytest.raises(KeysUnavailable, match=sentence):
        exchange(office).keys(ANN, 3600)


def test_each_person_gets_their_own_policy(office: OfficeSts) -> None:
    for person in (ANN, replace(ANN, name="bob", projects=())):
        exchange(office).keys(person, 3600)
    first, second = (json.loads(asked["Policy"]) for asked in office.asked)
    assert "arn:aws:s3:::user-bob" in second["Statement"][0]["Resource"]
    assert not set(first["Statement"][0]["Resource"]) & set(second["Statement"][0]["Resource"])


def test_a_store_that_is_away() -> None:
    with OfficeSts() as office:
        gone = exchange(office)
    with pytest.raises(StoreLost, match="does not answer"):
        gone.keys(ANN, 3600)

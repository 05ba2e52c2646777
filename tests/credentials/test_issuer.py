from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from nacelle.credentials.issuer import RETIRE_AFTER, ROTATE_AFTER, TOKEN_LIFE, Identity, Issuer

URL = "http://127.0.0.1:1/services/broker"
ALICE = Identity("user", "alice", ("prix",))


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(tmp_path: Path, clock: Clock) -> Issuer:
    return Issuer(URL, tmp_path / "keys" / "ring.json", clock)


def read(token: str, issuer: Issuer) -> dict[str, Any]:
    return dict(jwt.decode(token, KeySet.import_key_set(issuer.key_set())).claims)


def test_a_token_names_person_projects_audience_and_a_short_life(
    issuer: Issuer, clock: Clock
) -> None:
    claims = read(issuer.sign(ALICE, "store"), issuer)
    assert claims.pop("jti")
    assert claims == {
        "iss": URL,
        "aud": "store",
        "sub": "user:alice",
        "projects": ["prix"],
        "admin": False,
        "iat": int(clock.now),
        "exp": int(clock.now) + TOKEN_LIFE,
    }


def test_no_two_tokens_have_the_same_number(issuer: Issuer) -> None:
    numbers = {read(issuer.sign(ALICE, "store"), issuer)["jti"] for _ in range(5)}
    assert len(numbers) == 5


def test_the_published_keys_hold_no_private_part(issuer: Issuer) -> None:
    issuer.sign(ALICE, "store")
    assert all("d" not in key for key in issuer.key_set()["keys"])


def test_the_ring_is_readable_by_its_owner_alone(issuer: Issuer, tmp_path: Path) -> None:
    issuer.sign(ALICE, "store")
    file = tmp_path / "keys" / "ring.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_survive_a_restart(issuer: Issuer, tmp_path: Path, clock: Clock) -> None:
    token = issuer.sign(ALICE, "store")
    again = Issuer(URL, tmp_path / "keys" / "ring.json", clock)
    assert read(token, again)["sub"] == "user:alice"


def test_a_rotated_key_still_verifies_and_a_retired_one_does_not(
    issuer: Issuer, clock: Clock
) -> None:
    old = issuer.sign(ALICE, "store")
    clock.now += ROTATE_AFTER
    new = issuer.sign(ALICE, "store")
    assert len(issuer.key_set()["keys"]) == 2
    assert read(old, issuer)["sub"] == read(new, issuer)["sub"]
    clock.now += RETIRE_AFTER - ROTATE_AFTER
    with pytest.raises(InvalidKeyIdError):
        read(old, issuer)
    assert read(new, issuer)["sub"] == "user:alice"


def test_discovery_leads_to_the_keys(issuer: Issuer) -> None:
    assert issuer.discovery()["jwks_uri"] == URL + "/jwks.json"
    assert issuer.discovery()["issuer"] == URL

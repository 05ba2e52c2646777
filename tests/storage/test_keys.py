"""Keys: minted and verified without a memory; forged, edited and foreign ones refused."""

from __future__ import annotations

import base64
import json
import secrets

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from nacelle.storage.embedded.keys import Identity, KeySigner, TokenRefused, identity_of

ADA = Identity("user:ada", ("nace",), False)


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner(secrets.token_hex(32))


def test_a_minted_key_verifies_and_names_its_holder(signer: KeySigner) -> None:
    keys = signer.mint(ADA, 60, now=1000)
    grant = signer.verify(keys.session_token, now=1059)
    assert (grant.access_key_id, grant.identity, grant.expires) == (keys.access_key_id, ADA, 1060)
    assert keys.access_key_id.startswith("NCL") and len(keys.access_key_id) == 20
    assert keys.secret_access_key == signer.secret_of(keys.access_key_id)


def test_two_keys_share_nothing(signer: KeySigner) -> None:
    one, two = signer.mint(ADA, 60), signer.mint(ADA, 60)
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key


def test_a_key_says_no_secret_when_printed(signer: KeySigner) -> None:
    keys = signer.mint(ADA, 60)
    assert keys.secret_access_key not in f"{keys!r} {keys}"
    assert keys.session_token not in f"{keys!r} {keys}"


def test_expired(signer: KeySigner) -> None:
    token = signer.mint(ADA, 60, now=1000).session_token
    with pytest.raises(TokenRefused, match="end of their life") as caught:
        signer.verify(token, now=1060)
    assert caught.value.code == "ExpiredToken"


def test_another_installation(signer: KeySigner) -> None:
    token = KeySigner(secrets.token_hex(32)).mint(ADA, 60).session_token
    with pytest.raises(TokenRefused) as caught:
        signer.verify(token)
    assert caught.value.code == "InvalidToken"


def test_an_edited_claim(signer: KeySigner) -> None:
    head, body, signature = signer.mint(ADA, 60).session_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["admin"] = True
    edited = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    with pytest.raises(TokenRefused):
        signer.verify(f"{head}.{edited}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "." * 10])
def test_rubbish(signer: KeySigner, token: str) -> None:
    with pytest.raises(TokenRefused):
        signer.verify(token)


def test_an_unsigned_token(signer: KeySigner) -> None:
    body = signer.mint(ADA, 60).session_token.split(".")[1]
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    with pytest.raises(TokenRefused):
        signer.verify(f"{head}.{body}.")


def test_signed_with_store_key_itself_is_not_enough() -> None:
    master = secrets.token_hex(32)
    claims = {"key": "NCLX", "sub": "user:ada", "projects": [], "admin": True, "exp": 2**40}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(master))
    with pytest.raises(TokenRefused):
        KeySigner(master).verify(token)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "ada"},
        {"sub": "user:"},
        {"sub": "group:x"},
        {"sub": 3},
        {"sub": "user:a", "projects": "nace"},
        {"sub": "user:a", "projects": [1]},
        {"sub": "user:a", "admin": "yes"},
        {"sub": "user:" + "a" * 600},
    ],
)
def test_identity_claims_that_do_not_hold(claims: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        identity_of(claims)


def test_a_short_store_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r"store\.key"):
        KeySigner("short")

"""The issuer's keys: asked for seldom, kept across restarts, taken from the issuer alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

from nacelle.storage.embedded.oidc import IssuerKeys, WebIdentity, WebTokenRefused

from .conftest import Issuer


class Broker:
    """Answers `fetch` as the broker would, and counts."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.away = False
        self.calls = 0
        self.changes: dict[str, Any] = {}

    def fetch(self, address: str) -> dict[str, Any]:
        self.calls += 1
        if self.away:
            raise OSError("connection refused")
        return self.issuer.document(address) | (
            self.changes if address.endswith("openid-configuration") else {}
        )


@pytest.fixture
def broker() -> Broker:
    return Broker(Issuer(1))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "jwks.json"


def identity(broker: Broker, cache: Path) -> WebIdentity:
    return WebIdentity(IssuerKeys(broker.issuer.url, cache, broker.fetch))


def test_known_keys_are_not_asked_for_again(broker: Broker, cache: Path) -> None:
    web = identity(broker, cache)
    for _ in range(5):
        assert web.verify(broker.issuer.token("user:ada")).sub == "user:ada"
    assert broker.calls == 2


def test_a_restart_works_while_the_broker_is_away(broker: Broker, cache: Path) -> None:
    identity(broker, cache).verify(broker.issuer.token("user:ada"))
    broker.away = True
    assert identity(broker, cache).verify(broker.issuer.token("user:ada")).sub == "user:ada"


def test_a_first_start_without_the_broker_says_so(broker: Broker, cache: Path) -> None:
    broker.away = True
    with pytest.raises(WebTokenRefused, match="cannot be reached") as caught:
        identity(broker, cache).verify(broker.issuer.token("user:ada"))
    assert caught.value.code == "IDPCommunicationError"


def test_a_failed_refresh_keeps_the_last_good_keys(broker: Broker, cache: Path) -> None:
    web = identity(broker, cache)
    web.verify(broker.issuer.token("user:ada"))
    broker.away = True
    web._keys._fetched = web._keys._asked = float("-inf")
    assert web.verify(broker.issuer.token("user:ada")).sub == "user:ada"


@pytest.mark.parametrize(
    "changes",
    [{"issuer": "http://127.0.0.1:1/other"}, {"jwks_uri": "http://elsewhere:80/jwks.json"}, {}],
)
def test_discovery_that_does_not_fit_is_ignored(
    broker: Broker, cache: Path, changes: dict[str, str]
) -> None:
    broker.changes = changes
    web = identity(broker, cache)
    token = broker.issuer.token("user:ada")
    if changes:
        with pytest.raises(WebTokenRefused):
            web.verify(token)
    else:
        web.verify(token)


def test_a_cache_of_another_issuer_or_broken_is_ignored(broker: Broker, cache: Path) -> None:
    broker.away = True
    for text in ("", "[]", '{"issuer": "x", "jwks": {"keys": []}}'):
        cache.write_text(text)
        with pytest.raises(WebTokenRefused):
            identity(broker, cache).verify(broker.issuer.token("user:ada"))


def test_other_algorithms_are_refused(broker: Broker, cache: Path) -> None:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    web = identity(broker, cache)
    public = KeySet(broker.issuer.keys).as_dict(private=False)["keys"][0]
    confused = OctKey.import_key(str(public["x"]))
    token = jwt.encode({"alg": "HS256", "kid": "first"}, {"sub": "user:ada"}, confused)
    with pytest.raises(WebTokenRefused, match="ES256"):
        web.verify(token)
    assert isinstance(broker.issuer.keys[0], ECKey)

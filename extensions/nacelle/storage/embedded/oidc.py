"""Verifies the broker's web identity tokens, by OpenID discovery at the configured issuer.

The issuer's public keys are kept in memory and on disk, so that the store needs the broker neither
for each token nor to start. They are asked for again when a token names a key that is not known
(at most once in a few seconds) and when they are old.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from nacelle.secrets import write_private
from nacelle.storage.embedded.keys import Identity, identity_of

AUDIENCE = "nacelle-store"
ALGORITHMS = ["ES256"]
_MAX_LIFE = 900
_CLOCK_SKEW = 30
_REFETCH_PAUSE = 5.0
_FIRST_PAUSE = 1.0
_MAX_AGE = 600.0
_SWEEP_PAUSE = 10.0

Fetch = Callable[[str], dict[str, Any]]


class WebTokenRefused(Exception):
    """A web token opens nothing here. `code` is the STS error code; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class IssuerKeys:
    """The issuer's public keys: found by discovery, kept on disk, asked for again seldom."""

    def __init__(self, issuer: str, cache: Path, fetch: Fetch) -> None:
        self.issuer = issuer
        self._cache = cache
        self._fetch = fetch
        self._asked = float("-inf")
        self._fetched = float("-inf")
        self._keys = self._from_disk()

    def find(self, kid: str) -> Any | None:
        """The key of that id, or None. Raises WebTokenRefused when no key was ever reachable."""
        now = time.monotonic()
        key = self._known(kid)
        due = key is None or now - self._fetched > _MAX_AGE
        if due and now - self._asked > (_REFETCH_PAUSE if self._keys else _FIRST_PAUSE):
            self._asked = now
            self._refresh()
            key = self._known(kid)
        if self._keys is None:
            raise WebTokenRefused(
                "IDPCommunicationError",
                "The platform's key service cannot be reached and no earlier keys are kept; try"
                " again in a few seconds.",
            )
        return key

    def _known(self, kid: str) -> Any | None:
        keys = self._keys.keys if self._keys else []
        return next((key for key in keys if key.kid == kid), None)

    def _refresh(self) -> None:
        """Ask the issuer; what was known stays when it does not answer as it should."""
        try:
            found = self._fetch(f"{self.issuer}/.well-known/openid-configuration")
            address = str(found.get("jwks_uri"))
            if found.get("issuer") != self.issuer or not _same_origin(address, self.issuer):
                return
            document = self._fetch(address)
            keys = KeySet.import_key_set(document)  # type: ignore[arg-type]
        except (OSError, HTTPException, ValueError, KeyError, TypeError, JoseError):
            return
        self._keys, self._fetched = keys, time.monotonic()
        with contextlib.suppress(OSError):  # a full disk must not refuse a good token
            write_private(self._cache, json.dumps({"issuer": self.issuer, "jwks": document}))

    def _from_disk(self) -> KeySet | None:
        try:
            kept = json.loads(self._cache.read_text(encoding="utf-8"))
            if kept["issuer"] != self.issuer:
                return None
            return KeySet.import_key_set(kept["jwks"])
        except (OSError, ValueError, KeyError, TypeError, JoseError):
            return None


class WebIdentity:
    """Turns a web token into an identity, once."""

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys
        self._used: dict[str, float] = {}
        self._sweep = float("-inf")

    @property
    def issuer(self) -> str:
        return self._keys.issuer

    def verify(self, token: str, now: float | None = None) -> Identity:
        """Check signature, issuer, audience, times and single use. Raises WebTokenRefused."""
        moment = time.time() if now is None else now
        claims = self._signed_claims(token)
        if claims.get("iss") != self._keys.issuer:
            raise _invalid("it names another issuer")
        if claims.get("aud") not in (AUDIENCE, [AUDIENCE]):
            raise _invalid(f"its audience is not {AUDIENCE!r}")
        issued, expires, token_id = claims.get("iat"), claims.get("exp"), claims.get("jti")
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise _invalid("iat and exp must be whole numbers")
        if expires <= moment:
            raise WebTokenRefused(
                "ExpiredTokenException", "This web token has expired; ask the broker for a new one."
            )
        if issued > moment + _CLOCK_SKEW or expires - issued > _MAX_LIFE:
            raise _invalid("it was issued in the future or lives too long")
        if not isinstance(token_id, str) or not token_id:
            raise _invalid("jti is missing")
        try:
            identity = identity_of(claims)
        except ValueError as error:
            raise _invalid(str(error)) from None
        self._use(token_id, expires, moment)
        return identity

    def _signed_claims(self, token: str) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
            kid = header.get("kid")
            if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
                raise _invalid("it must be signed with ES256 by a key that it names (kid)")
            key = self._keys.find(kid)
            if key is None:
                raise _invalid("the platform does not know the key that signed it")
            return dict(jwt.decode(token, key, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError, TypeError):
            raise _invalid("its signature does not hold") from None

    def _use(self, token_id: str, expires: float, now: float) -> None:
        if now >= self._sweep:
            # At each token this would take longer the more of them come.
            self._used = {name: until for name, until in self._used.items() if until > now}
            self._sweep = now + _SWEEP_PAUSE
        if token_id in self._used:
            raise _invalid("it has been used before; each web token is good for one exchange")
        self._used[token_id] = expires


def _invalid(why: str) -> WebTokenRefused:
    return WebTokenRefused("InvalidIdentityToken", f"This web token is refused: {why}.")


def _same_origin(address: str, other: str) -> bool:
    return urlsplit(address)[:2] == urlsplit(other)[:2]

"""Short-lived storage keys that the store need not remember.

The secret of a key is an HMAC of its id under the installation's `store.key`; the session token is
a signed statement of who holds the key, and until when. Whoever lacks `store.key` can make neither.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

KEY_PREFIX = "NCL"
_ALGORITHM = "HS256"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class TokenRefused(Exception):
    """A token does not open the store. `code` is the S3 error code; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Identity:
    """Who asks: `user:<name>` or `service:<name>`, with projects and the administrator's flag."""

    sub: str
    projects: tuple[str, ...] = ()
    admin: bool = False

    @property
    def kind(self) -> str:
        return self.sub.partition(":")[0]

    @property
    def name(self) -> str:
        return self.sub.partition(":")[2]


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Read an identity from a token's claims. Raises ValueError that names the wrong claim."""
    sub, projects, admin = claims.get("sub"), claims.get("projects", []), claims.get("admin", False)
    if not isinstance(sub, str) or sub.partition(":")[0] not in ("user", "service"):
        raise ValueError("sub must be 'user:<name>' or 'service:<name>'")
    if not sub.partition(":")[2] or len(sub) > 512:
        raise ValueError("sub must name someone, in 512 characters or fewer")
    if not isinstance(projects, list) or not all(isinstance(item, str) for item in projects):
        raise ValueError("projects must be a list of texts")
    if not isinstance(admin, bool):
        raise ValueError("admin must be true or false")
    return Identity(sub, tuple(projects), admin)


@dataclass(frozen=True)
class Keys:
    """What a client signs with. The secret and the token never go to a log or a repr."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: int

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id}, expires={self.expires})"


@dataclass(frozen=True)
class Grant:
    """What a session token states: this access key belongs to this identity until `expires`."""

    access_key_id: str
    identity: Identity
    expires: int


class KeySigner:
    """Mints and verifies the keys of one installation, from its `store.key`."""

    def __init__(self, store_key: str) -> None:
        if len(store_key) < 32:
            raise ValueError("store.key must hold at least 32 characters; make it anew")
        master = store_key.encode("utf-8")
        # One key a use, so that a value made for one use never verifies in the other.
        self._secrets = hmac.digest(master, b"nacelle store: secret access key", sha256)
        self._tokens = OctKey.import_key(
            hmac.digest(master, b"nacelle store: session token", sha256)
        )

    def mint(self, identity: Identity, life: int, now: float | None = None) -> Keys:
        """New keys for `identity`, good for `life` seconds from now."""
        key_id = KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(17))
        issued = int(time.time() if now is None else now)
        claims = {
            "key": key_id,
            "sub": identity.sub,
            "projects": list(identity.projects),
            "admin": identity.admin,
            "iat": issued,
            "exp": issued + life,
        }
        token = jwt.encode({"alg": _ALGORITHM}, claims, self._tokens)
        return Keys(key_id, self.secret_of(key_id), token, issued + life)

    def secret_of(self, access_key_id: str) -> str:
        """The secret that belongs to an access key id of this installation."""
        return hmac.new(self._secrets, access_key_id.encode("utf-8"), sha256).hexdigest()

    def verify(self, token: str, now: float | None = None) -> Grant:
        """Read a session token. Raises TokenRefused when it is forged, edited or past its time."""
        try:
            claims = jwt.decode(token, self._tokens, algorithms=[_ALGORITHM]).claims
            grant = Grant(str(claims["key"]), identity_of(claims), int(claims["exp"]))
        except (JoseError, ValueError, KeyError, TypeError):
            raise TokenRefused(
                "InvalidToken",
                "This session token was not issued by this store or was changed; ask for new keys.",
            ) from None
        if grant.expires <= (time.time() if now is None else now):
            raise TokenRefused(
                "ExpiredToken", "These keys have reached the end of their life; ask for new ones."
            )
        return grant

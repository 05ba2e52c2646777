"""The broker as a small OpenID issuer: signing keys that rotate, and short web identity tokens."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from nacelle.secrets import write_private

ALGORITHM = "ES256"
TOKEN_LIFE = 300
ROTATE_AFTER = 30 * 24 * 3600
# Verifiers may hold a key set for a day; a retired public key stays published for two.
RETIRE_AFTER = ROTATE_AFTER + 2 * 24 * 3600


@dataclass(frozen=True)
class Identity:
    """Who asks, as the hub says: `kind` is 'user' or 'service'."""

    kind: str
    name: str
    projects: tuple[str, ...] = ()
    admin: bool = False

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.name}"


class Issuer:
    """Signs web identity tokens with the newest key of a ring kept in `file` (0600)."""

    def __init__(self, url: str, file: Path, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._signing: tuple[str, ECKey] | None = None

    def sign(self, identity: Identity, audience: str, more: Mapping[str, str] | None = None) -> str:
        """A token that names the person, their projects and one audience; valid five minutes.

        `more` are claims that this audience needs beside them; they replace none.
        """
        key = self._newest()
        now = int(self._clock())
        claims = {
            **(more or {}),
            "iss": self.url,
            "aud": audience,
            "sub": identity.subject,
            "projects": list(identity.projects),
            "admin": identity.admin,
            "iat": now,
            "exp": now + TOKEN_LIFE,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)

    def key_set(self) -> dict[str, Any]:
        """Public keys (JWKS, RFC 7517), retired ones included while tokens may still name them."""
        keys = [ECKey.import_key(entry["jwk"]) for entry in self._ring()]
        return {"keys": [{**key.as_dict(private=False), "use": "sig"} for key in keys]}

    def discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, the members that a verifier of tokens needs."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks.json",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }

    def _newest(self) -> ECKey:
        """The key that signs. Reading it in is most of the work of a token: it is kept."""
        jwk = self._ring()[-1]["jwk"]
        kept = self._signing
        if kept is None or kept[0] != jwk["kid"]:
            kept = self._signing = (jwk["kid"], ECKey.import_key(jwk))
        return kept[1]

    def _ring(self) -> list[dict[str, Any]]:
        """Keys by age, oldest first; a new one is made when the newest is due to retire."""
        # Requests come on several threads: one of them makes the key.
        with self._lock:
            now = self._clock()
            ring = json.loads(self._file.read_text()) if self._file.exists() else []
            kept = [entry for entry in ring if now - entry["made"] < RETIRE_AFTER]
            if not kept or now - kept[-1]["made"] >= ROTATE_AFTER:
                kept.append({"made": now, "jwk": _new_key()})
            if kept != ring:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_private(self._file, json.dumps(kept))
            return kept


def _new_key() -> dict[str, Any]:
    key = ECKey.generate_key("P-256", {"alg": ALGORITHM}, auto_kid=True)
    return dict(key.as_dict(private=True))

"""ID tokens: which ones hold (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

# Signatures by public keys alone: with `none` or a shared secret anybody could make one.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
]
_SKEW = 60


class TokenRefused(Exception):
    """An ID token that proves nothing. `unknown_key`: the provider's newer keys may change that."""

    def __init__(self, why: str, unknown_key: bool = False) -> None:
        super().__init__(why)
        self.unknown_key = unknown_key


@dataclass(frozen=True)
class Expected:
    """For whom an ID token was to be made. `nonce`: for which login, unless it is a renewal."""

    issuer: str
    client_id: str
    nonce: str | None = None


def make_nonce(code_verifier: str) -> str:
    """The nonce of a login, from the secret of PKCE that its browser alone keeps."""
    return sha256(b"nonce " + code_verifier.encode()).hexdigest()


def read_id_token(token: str, keys: KeySet, expected: Expected) -> dict[str, Any]:
    """The claims of `token`, when it is what was expected and in time. Raises TokenRefused."""
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError):
        raise TokenRefused("it is no signed token") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefused("its signature is of a kind that is not accepted")
    kid = header.get("kid")
    fitting = [key for key in keys.keys if kid is None or key.kid == kid]
    if not fitting:
        raise TokenRefused("it names a key that the provider does not publish", unknown_key=True)
    claims = _signed(token, fitting)
    rules = jwt.JWTClaimsRegistry(
        leeway=_SKEW,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        rules.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused(f"{type(error).__name__} of a claim") from None
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise TokenRefused("it was made for another client")
    if expected.nonce is not None and claims.get("nonce") != expected.nonce:
        raise TokenRefused("it was made for another login")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise TokenRefused("it names nobody")
    return claims


def _signed(token: str, keys: list[Any]) -> dict[str, Any]:
    for key in keys:
        try:
            return dict(jwt.decode(token, key, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError, TypeError):
            continue
    raise TokenRefused("its signature does not hold", unknown_key=True)

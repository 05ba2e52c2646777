"""Who asks, as the hub says, and the proof of it that a door hands to the server behind it.

The proof is a token of a few seconds, signed with a secret that only the door and that server
know. A server that refuses requests without it cannot be reached past its door.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from nacelle.storage.slug import SlugError, project_bucket, user_bucket

PROOF_HEADER = "X-Nacelle-Identity"
REQUEST_ID_HEADER = "X-Request-Id"

# Long enough for a slow machine, far too short to be worth stealing.
_PROOF_LIFE = 60
_ALGORITHM = "HS256"


class ProofRefused(Exception):
    """The request does not come from the door."""


@dataclass(frozen=True)
class Person:
    """A person, their projects and whether they administer the hub, at the moment of a request."""

    name: str
    projects: tuple[str, ...] = ()
    admin: bool = False

    @property
    def own_space(self) -> str:
        return user_bucket(self.name)

    @property
    def spaces(self) -> dict[str, str]:
        """Every space this person may use, with what it is; their own first.

        A space has the name of the bucket of the same person or project.
        """
        shared = {}
        for name in sorted(self.projects):
            # A group whose name is too long for a bucket has no space either.
            with suppress(SlugError):
                shared[project_bucket(name)] = f"Project {name}"
        return {self.own_space: f"{self.name}'s own"} | shared


@dataclass(frozen=True)
class Reader:
    """A service that may read one space, and do nothing else."""

    name: str
    space: str

    @property
    def own_space(self) -> str:
        return self.space

    @property
    def spaces(self) -> dict[str, str]:
        """The one space, with what it is."""
        return {self.space: f"Read by {self.name}"}


def sign_proof(somebody: Person | Reader, audience: str, secret: str) -> str:
    """Proof that `somebody` has been identified, for the server named `audience`."""
    now = int(time.time())
    claims: dict[str, object] = {
        "aud": audience,
        "sub": somebody.name,
        "iat": now,
        "exp": now + _PROOF_LIFE,
    }
    if isinstance(somebody, Reader):
        claims["reads"] = somebody.space
    else:
        claims |= {"projects": list(somebody.projects), "admin": somebody.admin}
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(secret))


def read_proof(proof: str, audience: str, secret: str) -> Person:
    """The person behind a proof. Raises ProofRefused when it is missing, forged or old."""
    found = read_any_proof(proof, audience, secret)
    if not isinstance(found, Person):
        raise ProofRefused("the proof of a service")
    return found


def read_any_proof(proof: str, audience: str, secret: str) -> Person | Reader:
    """The person or service behind a proof. Raises ProofRefused as `read_proof` does."""
    try:
        claims = jwt.decode(proof, OctKey.import_key(secret), algorithms=[_ALGORITHM]).claims
        rules = jwt.JWTClaimsRegistry(
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        rules.validate(claims)
        if "reads" in claims:
            return Reader(str(claims["sub"]), str(claims["reads"]))
        projects = tuple(str(name) for name in claims["projects"])
        return Person(str(claims["sub"]), projects, claims.get("admin") is True)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProofRefused(type(error).__name__) from None

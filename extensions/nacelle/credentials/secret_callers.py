"""Who may do what with secrets, as the broker sees it.

1. A hub token with the scope `custom:nacelle:secrets`, which people and their sessions have: all
   that its person may, reading values included.
2. A proof by the hub's page, signed for one person and one minute: tell what exists, write and
   remove. It opens no value, so that the page cannot show what it does not get.
3. Everybody else, jobs and services included: nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from starlette.requests import Request

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.identity import PROOF_HEADER, ProofRefused, read_proof
from nacelle.credentials.issuer import Identity
from nacelle.credentials.secret_wire import SCOPE

# Whom the hub's page signs its proofs for, and the secret that both know.
AUDIENCE = "broker"
PROOF_SECRET = "broker.secret"
# How long a token that was revoked may still be taken for good.
_CACHE_SECONDS = 5


class SecretsDirectory(HubDirectory):
    """Resolves hub tokens that may open secrets."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(_CACHE_SECONDS, "open secrets; a session's may", environ)
        self._needed = {SCOPE}


class Callers:
    """Tells who asks; `secret` is what the hub's page signs its proofs with."""

    def __init__(self, directory: HubDirectory, secret: str) -> None:
        self._directory = directory
        self._secret = secret

    async def reader(self, request: Request) -> Identity:
        """The person whose values may be read (case 1). Raises NotAllowed."""
        person = await self._directory.identify(request.headers.get("authorization"))
        if person.kind != "user":
            raise NotAllowed(403, "services keep no secrets here")
        return person

    async def keeper(self, request: Request) -> Identity:
        """The person whose secrets may be written (cases 1 and 2). Raises NotAllowed."""
        proof = request.headers.get(PROOF_HEADER)
        if proof is None:
            return await self.reader(request)
        try:
            person = read_proof(proof, AUDIENCE, self._secret)
        except ProofRefused:
            raise NotAllowed(401, "this is no proof of the hub's page") from None
        return Identity("user", person.name)

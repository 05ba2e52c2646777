"""Who asks: a person with a hub token, or the hub's own pages with a proof of whom they serve."""

from __future__ import annotations

from collections.abc import Mapping

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.identity import PROOF_HEADER, Person, ProofRefused, read_proof
from nacelle.jobs.service.problems import Problem
from nacelle.language import Said

SERVICE = "jobs"
_UNKNOWN = Said(
    "Send your hub token as 'Authorization: Bearer <token>'; it may have ended.",
    "Envoyez votre jeton du hub dans « Authorization: Bearer <jeton> » ; il a pu expirer.",
)
_NOT_FOR_THIS = Said(
    "This token may not be used for jobs. Make one on the hub's page of tokens, or use that of a"
    " session.",
    "Ce jeton ne peut pas servir aux travaux. Créez-en un sur la page des jetons du hub, ou"
    " utilisez celui d'une session.",
)
_AWAY = Said(
    "The hub does not answer, so nobody can be recognised; try again in a minute.",
    "Le hub ne répond pas, personne ne peut donc être reconnu ; réessayez dans une minute.",
)
_SAID = {401: _UNKNOWN, 403: _NOT_FOR_THIS, 503: _AWAY}


class Access:
    """Recognises callers. `secret` is what the hub's pages sign their proofs with."""

    def __init__(self, directory: HubDirectory, secret: str) -> None:
        self.directory = directory
        self._secret = secret

    async def identify(self, headers: Mapping[str, str]) -> Person:
        """The person behind a request's headers. Raises Problem: 401, 403 or 503."""
        if proof := headers.get(PROOF_HEADER):
            try:
                return read_proof(proof, SERVICE, self._secret)
            except ProofRefused:
                raise Problem(401, _UNKNOWN, kind="unknown-caller") from None
        try:
            found = await self.directory.identify(headers.get("authorization"))
        except NotAllowed as error:
            after = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            raise Problem(
                error.status, _SAID[error.status], kind="unknown-caller", headers=after
            ) from None
        if found.kind != "user":
            raise Problem(403, _NOT_FOR_THIS, kind="unknown-caller")
        return Person(found.name, found.projects, found.admin)

"""Who holds a hub token, as the hub says at this moment."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote

import httpx
from cachetools import TTLCache
from jupyterhub.services.auth import HubAuth

from nacelle.credentials.issuer import Identity

_BEARER = re.compile(r"(?:bearer|token)\s+(\S+)", re.IGNORECASE)


class NotAllowed(Exception):
    """The caller may not have what they ask for; `status` is the HTTP status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HubDirectory:
    """Resolves hub tokens, and asks the hub with the service's own token who is an administrator.

    Answers are kept for `cache_seconds`: leaving a project takes effect within that time.
    """

    def __init__(self, cache_seconds: int) -> None:
        # Address, own token and scopes of this service come from the environment the hub defines.
        self._auth: Any = HubAuth()
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self._cache: TTLCache[str, Identity] = TTLCache(maxsize=10_000, ttl=cache_seconds)

    async def identify(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header. Raises NotAllowed (401, 403 or 503)."""
        match = _BEARER.fullmatch(authorization or "")
        if match is None:
            raise NotAllowed(401, "send your hub token as 'Authorization: Bearer <token>'")
        token = match[1]
        key = hashlib.sha256(token.encode()).hexdigest()
        identity: Identity | None = self._cache.get(key)
        if identity is None:
            identity = await self._resolve(token)
            self._cache[key] = identity
        return identity

    async def _resolve(self, token: str) -> Identity:
        model = await self._get("/user", token)
        if model is None:
            raise NotAllowed(401, "the hub does not know this token; it may have ended")
        if not self._auth.check_scopes(self._auth.access_scopes, model):
            raise NotAllowed(403, "this token may not ask for storage keys")
        name = model["name"]
        if model["kind"] == "service":
            return Identity("service", name)
        # A server's token does not say who is an administrator; the service's own may ask.
        person = await self._get(f"/users/{quote(name, safe='')}", self._auth.api_token)
        return Identity(
            "user",
            name,
            projects=tuple(sorted(model.get("groups", ()))),
            admin=bool(person and person.get("admin")),
        )

    async def _get(self, path: str, token: str) -> dict[str, Any] | None:
        try:
            answer = await self._http.get(
                self._auth.api_url + path, headers={"Authorization": f"token {token}"}
            )
        except httpx.HTTPError:
            raise NotAllowed(503, "the hub does not answer; try again in a minute") from None
        if answer.status_code in (401, 403, 404):
            return None
        if answer.status_code != httpx.codes.OK:
            raise NotAllowed(503, f"the hub answered {answer.status_code}; try again in a minute")
        body: dict[str, Any] = answer.json()
        return body

"""Who holds a hub token, as the hub says at this moment.

Plain HTTP and nothing of JupyterHub's own: small services import this, and JupyterHub's client
brings its whole server along.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from cachetools import TTLCache

from nacelle.credentials.issuer import Identity

# Visible ASCII alone: anything else is no token, and no header either.
_BEARER = re.compile(r"(?:bearer|token) +([!-~]{1,1000})", re.IGNORECASE)
# Questions that may wait for the hub at once: a flood of unknown tokens must not reach it.
_MOST_ASKED = 64
# Tokens a second that the hub is asked about, and so many at once, without those that were good
# within the hour: their holders do not stand in line behind wrong ones.
_UNKNOWN_PER_SECOND = 20
_GOOD_SECONDS = 3600


class NotAllowed(Exception):
    """The caller may not have what they ask for; `status` is the HTTP status to answer.

    `retry_after`: seconds after which to ask again, where that is known.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class HubDirectory:
    """Resolves hub tokens, and asks the hub with the service's own token who is an administrator.

    Answers, refusals too, are kept for `cache_seconds`: leaving a project takes effect within that
    time. `purpose` ends the sentence "this token may not ...". Address, name and token of the
    service come from the environment that JupyterHub defines for services.
    """

    def __init__(
        self,
        cache_seconds: int,
        purpose: str = "ask for storage keys",
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = environ["JUPYTERHUB_API_URL"].rstrip("/")
        self._own_token = environ["JUPYTERHUB_API_TOKEN"]
        service = environ["JUPYTERHUB_SERVICE_NAME"]
        # The hub expands a token's scopes before it tells them: one of the two is there or neither.
        self._needed = {f"access:services!service={service}", "access:services"}
        self._purpose = purpose
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self._cache: TTLCache[str, Identity] = TTLCache(maxsize=10_000, ttl=cache_seconds)
        # Apart, so that wrong tokens push no good one out.
        self._refused: TTLCache[str, NotAllowed] = TTLCache(maxsize=1_000, ttl=cache_seconds)
        self._asked: dict[str, asyncio.Task[Identity]] = {}
        self._good: TTLCache[str, bool] = TTLCache(maxsize=10_000, ttl=_GOOD_SECONDS, timer=clock)
        self._clock = clock
        self._filled = clock()
        self._left = float(_UNKNOWN_PER_SECOND)

    def known(self, authorization: str) -> Identity | None:
        """`identify` from memory alone; None when the hub has to be asked. Raises NotAllowed."""
        key = _key(_token(authorization))
        if refusal := self._refused.get(key):
            raise NotAllowed(refusal.status, str(refusal))
        identity: Identity | None = self._cache.get(key)
        return identity

    async def identify(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header. Raises NotAllowed (401, 403 or 503)."""
        token = _token(authorization)
        if identity := self.known(f"Bearer {token}"):
            return identity
        key = _key(token)
        # Requests that bring the same token wait for one answer.
        asked = self._asked.get(key)
        if asked is None:
            if len(self._asked) >= _MOST_ASKED or (key not in self._good and not self._may_ask()):
                raise NotAllowed(
                    503, "the hub is asked too much at once; try again in a moment", retry_after=1
                )
            asked = asyncio.create_task(self._ask(key, token))
            self._asked[key] = asked
            asked.add_done_callback(lambda task: self._answered(key, task))
        try:
            return await asyncio.shield(asked)
        except NotAllowed as error:
            raise NotAllowed(error.status, str(error), error.retry_after) from None

    async def person(self, name: str) -> Identity | None:
        """Somebody as they are now; None when the hub does not know them or took every role away.

        The service needs `read:users:name`, and `read:roles:users` to see a removal that keeps the
        name. Raises NotAllowed (503) when the hub does not answer.
        """
        model = await self._get(f"/users/{quote(name, safe='')}", self._own_token)
        if model is None or model.get("roles") == []:
            return None
        projects = tuple(sorted(model.get("groups", ())))
        return Identity("user", name, projects, admin=bool(model.get("admin")))

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self._http.aclose()

    def _may_ask(self) -> bool:
        """Take one question about an unknown token, if there is one left at this moment."""
        now = self._clock()
        more = (now - self._filled) * _UNKNOWN_PER_SECOND
        self._left = min(self._left + more, _UNKNOWN_PER_SECOND)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _answered(self, key: str, task: asyncio.Task[Identity]) -> None:
        del self._asked[key]
        if not task.cancelled():
            # Whoever asked may be gone; an exception that nobody takes would be logged as lost.
            task.exception()

    async def _ask(self, key: str, token: str) -> Identity:
        try:
            identity = await self._resolve(token)
        except NotAllowed as refusal:
            if refusal.status != 503:
                self._refused[key] = refusal
                self._good.pop(key, None)
            raise
        self._cache[key] = identity
        self._good[key] = True
        return identity

    async def _resolve(self, token: str) -> Identity:
        model = await self._get("/user", token)
        if model is None:
            raise NotAllowed(401, "the hub does not know this token; it may have ended")
        if self._needed.isdisjoint(model["scopes"]):
            raise NotAllowed(403, f"this token may not {self._purpose}")
        name = model["name"]
        if model["kind"] == "service":
            return Identity("service", name)
        # A server's token does not say who is an administrator; the service's own may ask.
        person = await self._get(f"/users/{quote(name, safe='')}", self._own_token)
        return Identity(
            "user",
            name,
            projects=tuple(sorted(model.get("groups", ()))),
            admin=bool(person and person.get("admin")),
        )

    async def _get(self, path: str, token: str) -> dict[str, Any] | None:
        try:
            answer = await self._http.get(
                self._api + path, headers={"Authorization": f"token {token}"}
            )
        except httpx.HTTPError:
            raise NotAllowed(503, "the hub does not answer; try again in a minute") from None
        if answer.status_code in (401, 403, 404):
            return None
        if answer.status_code != httpx.codes.OK:
            raise NotAllowed(503, f"the hub answered {answer.status_code}; try again in a minute")
        try:
            body: dict[str, Any] = answer.json()
        except ValueError:
            raise NotAllowed(503, "something else answers where the hub should be") from None
        return body


def _token(authorization: str | None) -> str:
    match = _BEARER.fullmatch(authorization or "")
    if match is None:
        raise NotAllowed(401, "send your hub token as 'Authorization: Bearer <token>'")
    return match[1]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

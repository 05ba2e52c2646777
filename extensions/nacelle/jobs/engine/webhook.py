"""Notices to a webhook: one POST, to an address that was checked and to no other.

The cases, each with a test of its number in tests/jobs/test_engine_webhook.py:

1. The name is asked once, each address that it leads to is checked, and the connection goes to the
   very one that was checked; Host and certificate are those of the name.
2. One address among several that is refused refuses them all.
3. A redirect is an answer like any other, never followed. What is answered is not read.
4. No proxy of the environment stands in between.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from nacelle.jobs.addresses import Network, address_refused, webhook_url
from nacelle.jobs.engine.undelivered import Undelivered
from nacelle.jobs.refusal import Refused
from nacelle.jobs.store import Notice
from nacelle.jobs.store.telling import what_to_say
from nacelle.language import Said

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]

_TIMEOUT = 10.0
_IN_ALL = 20.0


class Webhooks:
    """Posts to webhooks; `allowed` are private networks that they may be in."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolve: Resolve | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve or resolve_by_system
        self._context = context or ssl.create_default_context()

    async def send(self, notice: Notice, url: str) -> None:
        """Raises Undelivered."""
        try:
            webhook_url(notice.target)
        except Refused as error:
            raise Undelivered(error.said, for_good=True) from None
        try:
            async with asyncio.timeout(_IN_ALL):
                status = await self._post(notice.target, make_body(notice, url))
        except (httpx.HTTPError, OSError) as error:
            name = type(error).__name__
            raise Undelivered(
                Said(f"the webhook did not answer ({name})", f"le webhook n'a pas répondu ({name})")
            ) from None
        if not 200 <= status < 300:
            raise Undelivered(
                Said(f"the webhook answered {status}", f"le webhook a répondu {status}")
            )

    async def _post(self, target: str, body: dict[str, Any]) -> int:
        parts = urlsplit(target)
        host = parts.hostname or ""
        address = await self._checked(host, parts.port or (443 if parts.scheme == "https" else 80))
        url = httpx.URL(target)
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, verify=self._context) as http,
            http.stream(
                "POST",
                url.copy_with(host=str(address)),
                json=body,
                headers={"Host": url.netloc.decode("ascii"), "User-Agent": "nacelle"},
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            return answer.status_code

    async def _checked(self, host: str, port: int) -> Address:
        """The address to connect to. Raises Undelivered when one of them may not be used."""
        try:
            found = [ip_address(host)]
        except ValueError:
            found = await self._resolve(host, port)
        for address in found:
            if said := address_refused(address, self._allowed):
                raise Undelivered(said, for_good=True)
        return found[0]


async def resolve_by_system(host: str, port: int) -> list[Address]:
    """The addresses of a name, one at least. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An address of IPv6 may carry a zone, which says that it is of this link.
    return [ip_address(str(place[0])) for *_, place in found]


def make_body(notice: Notice, url: str) -> dict[str, Any]:
    """What a webhook is told: the end in words, with the first line of an exception; nothing of
    parameters or results, which may be confidential."""
    job, run = notice.job, notice.run
    return {
        "job": {"id": job.id, "name": job.name, "owner": job.owner, "project": job.project},
        "run": run.id,
        "state": run.state,
        "said": what_to_say(job, run).model_dump(),
        "url": url,
    }

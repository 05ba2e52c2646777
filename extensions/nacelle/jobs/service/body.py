"""Bodies of requests, read no further than they may be long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nacelle.jobs.service.problems import Problem
from nacelle.language import Said

# All but notebooks: a job with every field at its longest.
JSON_BYTES = 1_000_000


def too_large(limit: int) -> Problem:
    """The refusal of a body of more than `limit` bytes."""
    return Problem(
        413,
        Said(
            f"What was sent is larger than {limit:,} bytes. Clear the notebook's outputs, or send"
            " less.",
            f"L'envoi dépasse {limit:,} octets. Effacez les sorties du carnet, ou envoyez moins.",
        ),
        kind="too-large",
    )


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises Problem (413) as soon as it is longer than `limit` bytes."""
    if int(request.headers.get("content-length") or 0) > limit:
        raise too_large(limit)
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise too_large(limit)
    return bytes(found)


class _TooLarge(Exception):
    """More came than may come."""


class BodyLimit:
    """Lets no body of more than `limit` bytes through, but where the route itself counts."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int,
        apart: str,
        refuse: Callable[[Scope, Receive, Send, Problem], Awaitable[None]],
    ) -> None:
        self.app = app
        self.limit = limit
        self.apart = apart
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == self.apart:
            await self.app(scope, receive, send)
            return
        seen, begun = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            # Whatever the framework makes of a body that broke off: the reason is said below.
            if seen <= self.limit or begun:
                begun = True
                await send(message)

        with suppress(_TooLarge):
            await self.app(scope, counted, noted)
        if seen > self.limit and not begun:
            await self.refuse(scope, receive, send, too_large(self.limit))

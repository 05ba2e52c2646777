"""Reads a request's body within its limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from nacelle.nace.serving.problems import Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# The rest of a refused body is not read: the connection cannot be used again.
CLOSE = {"Connection": "close"}
# In an ASGI scope: the body has arrived as a whole, nothing of it has to be waited for.
WHOLE = "nacelle.whole"


class ClientGone(Exception):
    """Nobody waits for an answer any more."""


async def read_body(
    scope: Mapping[str, Any], receive: Receive, declared: bytes | None, most: int, seconds: float
) -> bytes:
    """The whole body. Raises Problem (413, 408) or ClientGone; `declared` is Content-Length."""
    if declared is not None and int(declared) > most:
        raise _too_large(most)
    if scope.get(WHOLE):
        # Most requests: a timer would cost more than reading them.
        return await _read(receive, most)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, most)
    except TimeoutError:
        raise Problem(
            408,
            f"The body did not arrive within {seconds:g} seconds. Send it again, in smaller"
            " batches where the line is slow.",
            kind="too-slow",
            headers=CLOSE,
        ) from None


async def _read(receive: Receive, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        f"The body is larger than {most:,} bytes. Send fewer texts at once.",
        kind="body-too-large",
        headers=CLOSE,
    )

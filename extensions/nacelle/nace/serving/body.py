"""Reads a request's body within its limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from nacelle.nace.serving.problems import Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# The rest of a refused body is not read: the connection cannot be used again.
CLOSE = {"Connection": "close"}
# In an ASGI scope: the body has arrived as a whole, nothing of it has to be waited for.
WHOLE = "nacelle.whole"


class Arriving:
    """How many bytes of large bodies may be under way in one process, slow ones and fast ones.

    Small bodies are not counted: of them there are never more than connections.
    """

    def __init__(self, most: int, small: int) -> None:
        self._most = most
        self._small = small
        self.bytes = 0

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Room for one body of at most `size` bytes. Raises Problem (503) where there is none."""
        if size <= self._small:
            size = 0
        if self.bytes + size > self._most:
            raise Problem(
                503,
                "Too many large bodies are arriving at once. Send this again in a few seconds, or"
                " in smaller batches.",
                kind="overloaded",
                headers={"Retry-After": "5", **CLOSE},
            )
        self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size


class ClientGone(Exception):
    """Nobody waits for an answer any more."""


async def read_body(
    scope: Mapping[str, Any],
    receive: Receive,
    declared: bytes | None,
    most: int,
    seconds: float,
    arriving: Arriving,
) -> bytes:
    """The whole body. Raises Problem (413, 408, 503) or ClientGone; `declared`: Content-Length."""
    if declared is not None and int(declared) > most:
        raise _too_large(most)
    if scope.get(WHOLE):
        # Most requests: a timer would cost more than reading them.
        return await _read(receive, most)
    try:
        with arriving.room(most if declared is None else int(declared)):
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

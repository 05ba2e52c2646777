"""Passes one HTTP request on and its answer back, both as streams: nothing is held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import httpx
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

# What an application needs of a request. Cookies and tokens are the hub's business and stay here.
_REQUEST_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-encoding",
        "content-length",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "range",
        "user-agent",
    }
)
# What a reader needs of an answer. Set-Cookie is not among them: it would be set for the whole hub.
_ANSWER_HEADERS = frozenset(
    {
        "accept-ranges",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "etag",
        "expires",
        "last-modified",
        "vary",
        "x-content-type-options",
        "x-frame-options",
    }
)
_WAITING_CHUNKS = 16
# Answers may take long (a search, a large artifact); a connection that is refused may not.
_TIMEOUT = httpx.Timeout(600, connect=5)


class Upload:
    """The body of a request on its way; whoever fills it waits while nobody reads."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_CHUNKS)
        self._over = asyncio.Event()

    async def put(self, chunk: bytes | None) -> None:
        """Add a chunk, or None for the end. Does nothing once nobody will read any more."""
        if not self._chunks.full():
            self._chunks.put_nowait(chunk)
            return
        room = asyncio.ensure_future(self._chunks.put(chunk))
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait({room, over}, return_when=asyncio.FIRST_COMPLETED)
        room.cancel()
        over.cancel()

    def close(self) -> None:
        """Nobody will read any more: let whoever waits go on."""
        self._over.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk


class Relay:
    """The way to one application and back."""

    def __init__(self, address: str, headers: frozenset[str] = frozenset()) -> None:
        self._address = httpx.URL(address)
        self._headers = _REQUEST_HEADERS | headers
        # Connections are given up sooner than the application closes them: no request meets an end.
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=32, keepalive_expiry=3
        )
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits, trust_env=False)
        self._closing: set[asyncio.Task[None]] = set()

    async def send(
        self, request: HTTPServerRequest, names: Mapping[str, str], upload: Upload | None
    ) -> httpx.Response:
        """Send the request on; the answer's body is still to be read. Raises httpx.HTTPError."""
        kept = [(key, value) for key, value in request.headers.get_all() if self._passes(key)]
        outgoing = self._client.build_request(
            request.method or "GET",
            self._address.copy_with(raw_path=(request.uri or "/").encode("latin-1")),
            headers=[*kept, *names.items()],
            content=upload,
        )
        try:
            return await self._client.send(outgoing, stream=True)
        finally:
            if upload is not None:
                upload.close()

    async def answer(self, handler: RequestHandler, response: httpx.Response) -> None:
        """Write the answer to whoever asked, as it comes."""
        handler.set_status(response.status_code, response.reason_phrase)
        handler.clear_header("Content-Type")
        for key, value in response.headers.multi_items():
            if key.lower() in _ANSWER_HEADERS:
                handler.set_header(key, value)
        if "location" in response.headers:
            handler.set_header("Location", self._outside(response.headers["location"]))
        try:
            async for chunk in response.aiter_raw():
                handler.write(chunk)
                await handler.flush()
            await handler.finish()
        except StreamClosedError:
            # Whoever asked went away.
            return
        finally:
            await response.aclose()

    def forget(self, answer: asyncio.Task[httpx.Response]) -> None:
        """Close an answer that nobody will read."""
        if not answer.cancelled() and answer.exception() is None:
            closing = asyncio.ensure_future(answer.result().aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _passes(self, header: str) -> bool:
        return header.lower() in self._headers

    def _outside(self, location: str) -> str:
        """An address as seen from before the door: without the application's own host and port."""
        parts = urlsplit(location)
        if parts.netloc != self._address.netloc.decode():
            return location
        return parts._replace(scheme="", netloc="").geturl()

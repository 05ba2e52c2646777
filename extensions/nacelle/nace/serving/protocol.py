"""HTTP on one connection: uvicorn's protocol, with limits for what comes before a request.

A refusal is heard, too: a connection that closed while its client still sends would take the answer
away with it. And who offers another protocol (RFC 9110, 7.8) is answered in this one.
"""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nacelle.nace.serving.body import WHOLE
from nacelle.nace.serving.closing import Closing
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which would wait for ever for a request's head, and take one of any size."""

    head_seconds: float = 20
    head_bytes = 64_000
    _waiting: asyncio.TimerHandle | None = None
    _read = 0
    _closing: Closing

    def connection_made(self, transport: Any) -> None:
        self._closing = Closing(transport, self.loop, self._is_being_sent)
        super().connection_made(cast(asyncio.Transport, self._closing))
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        if self._closing.discards(len(data)):
            return
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(400, "This is no HTTP request that can be read.")
            return
        if self._waiting is not None:
            self._read += len(data)
            if self._read > self.head_bytes:
                self._refuse(431, f"The headers are larger than {self.head_bytes:,} bytes.")
        elif self.timeout_keep_alive_task is None and self._is_idle():
            # Blank lines between two requests have ended uvicorn's own waiting.
            self._wait_for_head()

    def _feed(self, data: bytes) -> None:
        """Parse; the parser stops at the end of a head that offers another protocol."""
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as stopped:
                rest = rest[stopped.args[0] :]
                # Its head again without the offer, so that a body is seen as one.
                head = self._head_without_upgrade()
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % line for line in self.headers if line[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("this is no proxy")
            return
        self._done_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        cast(dict[str, Any], self.scope)[WHOLE] = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._done_waiting()
        self._closing.close_now()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.head_seconds, self._too_late)
            self._read = 0

    def _too_late(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.close()

    def _done_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _is_being_sent(self) -> bool:
        """Whether the rest of a body is under way."""
        if self.cycle is None or not self.cycle.more_body:
            return False
        self.flow.resume_reading()
        return True

    def _refuse(self, status: int, detail: str) -> None:
        """For what cannot reach the application."""
        if self.transport.is_closing():
            return
        number = secrets.token_hex(8)
        body = Problem(status, detail).body(number)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {number}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._closing.close_now()

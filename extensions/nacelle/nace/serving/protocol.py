"""HTTP on one connection: uvicorn's protocol, with limits for what comes before a request."""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nacelle.nace.serving.body import WHOLE
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which would wait for ever for a request's head, and take one of any size."""

    head_seconds: float = 20
    head_bytes = 64_000
    _waiting: asyncio.TimerHandle | None = None
    _read = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._waiting is not None:
            self._read += len(data)
            if self._read > self.head_bytes:
                self._refuse(431, f"The headers are larger than {self.head_bytes:,} bytes.")
        elif self.timeout_keep_alive_task is None and self._is_idle():
            # Blank lines between two requests have ended uvicorn's own waiting.
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._done_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        cast(dict[str, Any], self.scope)[WHOLE] = True

    def send_400_response(self, msg: str) -> None:
        """To what is no HTTP."""
        self._refuse(400, "This is no HTTP request that can be read.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._done_waiting()
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
        self.transport.close()

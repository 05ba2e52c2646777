"""Runs the service: uvicorn with as many processes as the settings say."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.nace.serving.metrics import prepare
from nacelle.settings import SettingsError, load_settings

_HEAD_SECONDS = 20
_STOP_SECONDS = 10
_BACKLOG = 2048


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which would wait for ever for a request's head."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._done_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(_HEAD_SECONDS, self._too_late)

    def _too_late(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.close()

    def _done_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None


def main() -> int:
    """Serve until told to stop; 2 when something it needs is missing."""
    log_to_stdout("nace")
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    layout = Layout(settings)
    if not (layout.secrets / "nace.secret").exists():
        print(f"{layout.secrets} holds no nace.secret; start the platform first", file=sys.stderr)
        return 2
    _allow_connections()
    prepare(layout.folder("nace") / "metrics")
    uvicorn.run(
        "nacelle.nace.api:app_from_environment",
        factory=True,
        host="127.0.0.1",
        port=layout.port("nace"),
        workers=settings.nace.workers,
        loop="uvloop",
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return 0


def _allow_connections() -> None:
    """As many open connections as the system lets this user have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

"""Runs the service: uvicorn with as many processes as the settings say."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.nace.serving.metrics import prepare
from nacelle.nace.serving.protocol import Protocol
from nacelle.settings import SettingsError, load_settings

_STOP_SECONDS = 10
# A worker that starts on a busy machine has not hung.
_HANGS_SECONDS = 20
# Longer than a proxy keeps a connection it may use again: who closes first loses a request.
_IDLE_SECONDS = 120
_BACKLOG = 2048


class Workers(Multiprocess):
    """uvicorn's own, which may take as long to see that a worker died as that one has hung."""

    def keep_subprocess_alive(self) -> None:
        for worker in self.processes:
            # With the worker's end open here, too, its death would not end the wait for its answer.
            worker.child_conn.close()
        super().keep_subprocess_alive()


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
    config = uvicorn.Config(
        "nacelle.nace.api:app_from_environment",
        factory=True,
        host=layout.listens_on("nace"),
        port=layout.port("nace"),
        workers=settings.nace.workers,
        loop="uvloop",
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_worker_healthcheck=_HANGS_SECONDS,
    )
    if config.workers > 1:
        Workers(config, sockets=[config.bind_socket()]).run()
        return 0
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else STARTUP_FAILURE


def _allow_connections() -> None:
    """As many open connections as the system lets this user have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

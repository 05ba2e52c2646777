"""The four servers of Swift as green threads of one event loop."""

from __future__ import annotations

import warnings
from typing import Any

from swift.common.concurrency import GreenPool, Timeout, eventlet, wsgi
from swift.common.constraints import MAX_REQUEST_LINE
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.wsgi import loadapp

from nacelle.storage.embedded import conf, inner
from nacelle.storage.embedded.auth import Auth
from nacelle.storage.embedded.channel import Channel
from nacelle.storage.slug import PUBLIC_BUCKET

_MAX_CLIENTS = 512
_CLIENT_TIMEOUT = 60


class Store:
    """Loads the servers from the configuration in `plan.etc` and runs them."""

    def __init__(self, plan: conf.Plan) -> None:
        self._plan = plan
        self._door_thread: Any = None
        self._channel = Channel(plan.state / "run")
        self._channel.use_for_swift()
        self._door = self._load("proxy")
        # Right of the door, where requests of our own need no keys.
        auth = next(app for app in self._door._pipeline if isinstance(app, Auth))
        self.inner_app: Any = auth.app

    def start_inner(self) -> None:
        """Start the storage servers on sockets that only this process can use."""
        for name in conf.SERVERS:
            self._run(self._channel.listen(conf.RING_PORTS[name]), self._load(name))

    def ensure_public_bucket(self) -> None:
        """Make the bucket `public`; the first request also makes the account."""
        status = inner.ask(self.inner_app, "PUT", PUBLIC_BUCKET).status_int
        if status >= 300:
            raise RuntimeError(f"the bucket {PUBLIC_BUCKET!r} cannot be made: status {status}")

    def start_door(self, sock: Any) -> None:
        """Open the S3 door."""
        self._door_thread = self._run(sock, self._door)

    def stop(self, grace: float) -> None:
        """Take no new connection; let requests under way finish within `grace` seconds."""
        with Timeout(grace, False):
            # SystemExit is what eventlet's server takes as its cue: it ends idle connections, then
            # waits for those that are busy.
            self._door_thread.kill(SystemExit)
            self._door_thread.wait()

    def _load(self, name: str) -> Any:
        return loadapp(
            str(self._plan.etc / f"{name}-server.conf"), global_conf={"log_name": f"{name}-server"}
        )

    def _run(self, sock: Any, app: Any) -> Any:
        # S3 clients look for "ETag" as it is written, which eventlet would change, and warns about.
        warnings.filterwarnings("ignore", message="capitalize_response_headers is disabled")
        return eventlet.spawn(
            wsgi.server,
            sock,
            app,
            log_output=False,
            debug=False,
            custom_pool=GreenPool(_MAX_CLIENTS),
            protocol=SwiftHttpProtocol,
            socket_timeout=_CLIENT_TIMEOUT,
            capitalize_response_headers=False,
            url_length_limit=MAX_REQUEST_LINE,
        )

"""`GET /healthcheck`: 200 when a request travels the whole way to the three storage servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from nacelle.storage.embedded import inner
from nacelle.storage.embedded.answers import Environ, StartResponse, WSGIApp, reply
from nacelle.storage.slug import PUBLIC_BUCKET

PATH = "/healthcheck"
_KEEP_SECONDS = 1.0


class Health:
    """Answers the health path, without keys; asks the servers at most once a second."""

    def __init__(self, app: WSGIApp) -> None:
        self.app = app
        self._checked = 0.0
        self._parts: dict[str, str] = {}

    def __call__(self, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if env["PATH_INFO"] != PATH or env["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.app(env, start_response)
        now = time.monotonic()
        if now - self._checked > _KEEP_SECONDS:
            self._parts = self._check()
            self._checked = time.monotonic()
        good = all(state == "ok" for state in self._parts.values())
        body = json.dumps({"status": "ok" if good else "failing", **self._parts})
        return reply(env, start_response, 200 if good else 503, body, "application/json")

    def _check(self) -> dict[str, str]:
        # An object that does not exist still has to be asked for at the object server: 404 is good.
        probes = {
            "account": ("GET", None, None, {"limit": "1", "format": "json"}),
            "container": ("GET", PUBLIC_BUCKET, None, {"limit": "1", "format": "json"}),
            "object": ("HEAD", PUBLIC_BUCKET, ".nacelle-health", None),
        }
        states = {}
        for server, (method, bucket, key, query) in probes.items():
            status = inner.ask(self.app, method, bucket, key, query).status_int
            good = status < 300 or (server == "object" and status == 404)
            states[server] = "ok" if good else f"answers {status}"
        return states


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Any:
    """Entry point for Swift's pipeline."""
    return Health

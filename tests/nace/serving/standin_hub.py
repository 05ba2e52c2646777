"""A hub at the outermost edge: the two answers of its REST API that the classifier asks for.

The real one stands behind tests/hub/test_hub_api_keys.py; this one can be counted, and taken away.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

OWN_TOKEN = "the-service-s-own"
MAY = ["access:services!service=nace", "read:users:name!user"]


class Hub:
    """People by name, tokens by text, and every question asked; a context manager."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.status = 200
        # Cleared, it makes the hub hang until it is set.
        self.answers = threading.Event()
        self.answers.set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path.removeprefix("/hub/api"))
                hub.asked.append(path)
                hub.answers.wait(20)
                token = self.headers["Authorization"].removeprefix("token ")
                model = hub.model(path, token)
                body = json.dumps(model or {}).encode()
                self.send_response(hub.status if model else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *ignored: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def add(self, name: str, token: str, scopes: list[str] = MAY, **about: Any) -> None:
        """A person with a token."""
        self.people[name] = {"kind": "user", "name": name, "roles": ["user"], **about}
        self.tokens[token] = {"kind": "user", "name": name, "scopes": scopes}

    def model(self, path: str, token: str) -> dict[str, Any] | None:
        if path == "/user":
            return self.tokens.get(token)
        name = path.removeprefix("/users/")
        return self.people.get(name) if token == OWN_TOKEN else None

    @property
    def environment(self) -> dict[str, str]:
        """What JupyterHub tells a service."""
        return {
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self._server.server_port}/hub/api",
            "JUPYTERHUB_API_TOKEN": OWN_TOKEN,
            "JUPYTERHUB_SERVICE_NAME": "nace",
        }

    def go_away(self) -> None:
        """Stop listening; the port is closed."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.answers.set()
        self.go_away()

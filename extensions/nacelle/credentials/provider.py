"""The loopback endpoint that speaks the container credentials protocol inside a server or a job.

Every AWS SDK that finds AWS_CONTAINER_CREDENTIALS_FULL_URI in its environment asks here, and asks
again before its keys expire: that is how running kernels renew with no code of ours in them.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from nacelle.credentials.keys import Keys, KeysUnavailable, RenewingKeys
from nacelle.credentials.links import NotAnObject, make_link

PATH = "/keys"
LINK_PATH = "/link"


def start_provider(fetch: Callable[[], Keys]) -> dict[str, str]:
    """Serve renewing keys on a free loopback port until this process ends.

    Returns the two environment names by which SDKs in child processes find it.
    """
    token = secrets.token_urlsafe(32)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(RenewingKeys(fetch), token))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="credentials-provider", daemon=True).start()
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}{PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }


def _handler(keys: RenewingKeys, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            address = urlsplit(self.path)
            if not hmac.compare_digest(given.encode(), token.encode()):
                self._answer(HTTPStatus.UNAUTHORIZED, _error("Unauthorized", "wrong token"))
            elif address.path == PATH:
                self._answer_with(lambda: keys.current().to_wire())
            elif address.path == LINK_PATH:
                uri = parse_qs(address.query).get("uri", [""])[0]
                self._answer_with(lambda: {"url": make_link(uri, keys.current())})
            else:
                self._answer(
                    HTTPStatus.NOT_FOUND,
                    _error("NotFound", f"only {PATH} and {LINK_PATH} are here"),
                )

        def _answer_with(self, make: Callable[[], dict[str, str]]) -> None:
            try:
                self._answer(HTTPStatus.OK, make())
            except KeysUnavailable as error:
                # SDKs retry on 5xx and show code and message to the person.
                kind = type(error).__name__
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, _error(kind, str(error)))
            except NotAnObject as error:
                self._answer(HTTPStatus.BAD_REQUEST, _error("NotAnObject", str(error)))

        def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: each SDK call would be a line."""

    return Handler


def _error(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}

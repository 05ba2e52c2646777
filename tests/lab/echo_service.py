"""Something in the jobs service's place that writes down what reaches it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Echo:
    """`asked` holds the requests; `answers` what to answer, by path, instead of an echo."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    # Of the stream at /changes: one event each time it is released.
    release: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    left: threading.Event = field(default_factory=threading.Event)


@contextmanager
def echo_service() -> Iterator[Echo]:
    """Served on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            echo.asked.append(
                {
                    "method": self.command,
                    "path": path,
                    "query": query,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "bytes": len(body),
                }
            )
            if path.endswith("/changes"):
                self.stream()
                return
            given = echo.answers.get(path.rpartition("/v1/")[2])
            content = json.dumps(echo.asked[-1]).encode()
            status, headers, content = given or (200, {"Content-Type": "application/json"}, content)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

        def stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            number = 0
            try:
                while echo.release.acquire(timeout=60):
                    number += 1
                    self.wfile.write(f'id: {number}\ndata: {{"kind": "run"}}\n\n'.encode())
                    self.wfile.flush()
            except OSError:
                echo.left.set()

        def log_message(self, *words: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    echo = Echo(f"http://127.0.0.1:{server.server_port}/services/jobs")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield echo
    finally:
        server.shutdown()
        server.server_close()

"""Ask a running service, and look at what it refuses."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.nace.serving.running import RunningService

CLASSIFY = "/v1/classify"


def classify(client: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    """The predictions for a body that must be good."""
    answer = client.post(CLASSIFY, json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["predictions"]
    return found


def classify_one(client: httpx.Client, text: str, **body: Any) -> dict[str, Any]:
    (found,) = classify(client, text=text, **body)
    return found


def refused(answer: httpx.Response, status: int, words: str = "") -> httpx.Response:
    """It must be a problem (RFC 9457) with a sentence that has these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["title"]
    assert body["instance"] == f"urn:nacelle:request:{answer.headers['x-request-id']}"
    # A sentence for people, not the name of an exception.
    assert body["detail"].endswith(".") and " " in body["detail"]
    assert words in body["detail"], body["detail"]
    return answer


class Line:
    """One connection to the service, for what no HTTP library would send; a context manager."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        url = urlsplit(service.url)
        self.prefix = url.path
        assert url.hostname and url.port
        self._socket = socket.create_connection((url.hostname, url.port), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self._socket.sendall(part)

    def head(
        self,
        *headers: str,
        path: str = CLASSIFY,
        method: str = "POST",
        key: str | None = None,
        after: bytes = b"",
    ) -> None:
        """The head of a request with a key, or that of the tests; what is `after` it goes along."""
        lines = [
            f"{method} {self.prefix}{path} HTTP/1.1",
            "Host: nace",
            f"Authorization: Bearer {key or self._service.key}",
            *headers,
        ]
        self.send("\r\n".join([*lines, "", ""]).encode() + after)

    def chunks(self, parts: Iterable[bytes]) -> None:
        """A body of unknown length; it ends early where the service closes the connection."""
        try:
            for part in parts:
                self.send(b"%x\r\n%b\r\n" % (len(part), part))
            self.send(b"0\r\n\r\n")
        except OSError:
            pass

    def answer(self) -> httpx.Response:
        """The next answer."""
        found = http.client.HTTPResponse(self._socket)
        found.begin()
        headers = found.getheaders()
        return httpx.Response(found.status, headers=headers, content=found.read())

    def is_closed(self) -> bool:
        """Waits until the service closes the connection, or says something."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True


def alive(client: httpx.Client) -> None:
    """It goes on answering."""
    assert classify_one(client, "growing of wheat")["top"][0]["code"] == "0111"

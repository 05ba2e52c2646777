"""One JSON line on standard output for each request: who, what, how it ended. Never a secret."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nacelle.storage.embedded.answers import Environ, StartResponse, WSGIApp, request_id
from nacelle.storage.embedded.inner import INNER

# Where the door notes who asked. The dict is shared with every copy of the environ.
WHO = "nacelle.who"


class AccessLog:
    """Outermost middleware of ours. Query strings and headers hold tokens: it logs neither."""

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def __call__(self, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if env.get(INNER):
            return self.app(env, start_response)
        who: dict[str, str] = {}
        env[WHO] = who
        line = _what(env)
        began = time.monotonic()
        received = _Counter(env["wsgi.input"])
        env["wsgi.input"] = received
        status = ["500"]

        def started(code: str, headers: Any, exc_info: Any = None) -> Any:
            status[0] = code.split(" ", 1)[0]
            return start_response(code, headers, exc_info)

        def write(sent: int) -> None:
            line.update(
                status=int(status[0]),
                bytes_in=received.count,
                bytes_out=sent,
                duration=round(time.monotonic() - began, 4),
                access_key_id=who.get("access_key_id"),
                sub=who.get("sub"),
                request_id=request_id(env),
            )
            print(json.dumps(line, ensure_ascii=False), flush=True)

        return _Body(self.app(env, started), write)


def _what(env: Environ) -> dict[str, Any]:
    path = str(env["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.lstrip("/").partition("/")
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": env["REQUEST_METHOD"],
        "bucket": bucket or None,
        "key": key or None,
    }


class _Counter:
    """The request's body, counted while it is read."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.count = 0

    def read(self, *size: int) -> bytes:
        data: bytes = self._body.read(*size)
        self.count += len(data)
        return data

    def readline(self, *size: int) -> bytes:
        data: bytes = self._body.readline(*size)
        self.count += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


class _Body:
    """The answer's body, counted; the line is written when the client has it or is gone."""

    def __init__(self, chunks: Iterable[bytes], write: Any) -> None:
        self._chunks = chunks
        self._iterator: Iterator[bytes] = iter(chunks)
        self._write = write
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._iterator)
        self._sent += len(chunk)
        return chunk

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        try:
            self._write(self._sent)
        except OSError:  # nobody reads our log any more; the request itself went well
            sys.stdout = None


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Any:
    """Entry point for Swift's pipeline."""
    return AccessLog

"""What Swift would keep in memcached, kept in this process: facts about accounts and buckets."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from typing import Any

_MAX_ENTRIES = 10_000


class ProcessCache:
    """The part of Swift's memcache client that the S3 pipeline uses. One process, so no locks."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, Any]] = {}

    def get(self, key: str, raise_on_error: bool = False) -> Any:
        until, value = self._entries.get(key, (0.0, None))
        if until and until <= clock.monotonic():
            del self._entries[key]
            return None
        return value

    def set(
        self,
        key: str,
        value: Any,
        serialize: bool = True,
        time: float = 0,
        min_compress_len: int = 0,
        raise_on_error: bool = False,
    ) -> None:
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        self._entries[key] = (clock.monotonic() + (time or 3600), value)

    def delete(self, key: str, server_key: str | None = None) -> None:
        self._entries.pop(key, None)


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Callable[[Any], Any]:
    """Entry point for Swift's pipeline."""
    cache = ProcessCache()

    def cached(app: Any) -> Any:
        def call(env: dict[str, Any], start_response: Any) -> Any:
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return cached

"""Things to look at: each by one at a time, again if it changed meanwhile, later if it failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0

log = logging.getLogger(__name__)


class Work(Generic[Key]):
    """`look` is called for each key that was added; it may raise, and is called again then."""

    def __init__(self, look: Callable[[Key], Awaitable[None]], at_once: int = 8) -> None:
        self._look = look
        self._at_once = at_once
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._changed: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def add(self, key: Key) -> None:
        """Look at this soon; asked for often meanwhile, it is looked at once."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._busy:
            self._changed.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Look at this in a while, unless it is looked at before; the sooner of two counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, seconds)
        before = self._timers.get(key)
        if before and before.when() <= due:
            return
        if before:
            before.cancel()
        self._timers[key] = loop.call_at(due, self.add, key)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(self._serve())
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _serve(self) -> None:
        while True:
            key = await self._waiting.get()
            self._queued.discard(key)
            self._busy.add(key)
            try:
                await self._look(key)
                self._failures.pop(key, None)
            except Exception as error:
                self._later(key, error)
            finally:
                self._busy.discard(key)
            if key in self._changed:
                self._changed.discard(key)
                self.add(key)

    def _later(self, key: Key, error: Exception) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(_FIRST_PAUSE * 2 ** min(count - 1, 10), _LONGEST_PAUSE)
        told = {"key": str(key), "again_in": pause}
        if isinstance(error, Passing):
            log.warning("%s", error, extra=told)
        else:
            log.error("looking at it failed", exc_info=error, extra=told)
        self.add_after(key, pause)


class Passing(Exception):
    """It cannot be done now, for a reason that passes; the message says which."""

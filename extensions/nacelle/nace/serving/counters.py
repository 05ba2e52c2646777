"""Rates and daily quotas, counted once for all workers of a machine.

One file that every worker maps into memory, one slot a caller, each change under a lock on that
slot. A killed worker leaves the file as its last whole change left it, and its lock to nobody.
Replicas on a cluster have a file each, so that there a limit holds for each replica.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SLOTS = 65_536
DAY = 86_400

# Requests left (in the bucket), moment of the last change on the machine's monotonic clock, number
# of the UTC day, texts used on that day.
_SLOT = struct.Struct("<ddqq")
# No day has so many texts.
_MANY = 1 << 60


class CountersUnusable(Exception):
    """The file of the counters cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request is not admitted, and after how many seconds it would be.

    `left` is what remains of the day's quota, in texts.
    """

    reason: Literal["rate", "quota"]
    seconds: float
    left: int


class Counters:
    """Token buckets and texts of the day, in `file`.

    `clock` and `wall` give seconds: one that all processes of the machine share and nobody sets
    (for rates), and the time of day since 1970 in UTC (for quotas). A file may be opened once in a
    process: closing it a second time would free the locks of the first.
    """

    def __init__(
        self,
        file: Path,
        slots: int = SLOTS,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.slots = slots
        self._clock = clock
        self._wall = wall
        # Locks on files are the process's, so its threads need one among themselves.
        self._mine = threading.Lock()
        size = slots * _SLOT.size
        try:
            self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # All room is taken now: a full disk would otherwise kill who writes to the map.
            os.posix_fallocate(self._file, 0, size)
            self._map = mmap.mmap(self._file, size)
        except OSError as error:
            raise CountersUnusable(
                f"{file}: cannot be used ({error.strerror}); make room on the disk, or see that"
                " this user may write there"
            ) from None

    def take(self, slot: int, texts: int, rate: float, burst: int, quota: int) -> Wait | None:
        """Count one request of `texts` texts; None when it is admitted, else nothing is counted.

        `rate` in requests a second, `burst` requests at once, `quota` in texts a UTC day (0: none).
        """
        place = slot * _SLOT.size
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, place)
            try:
                level, stamp, day, used = _SLOT.unpack_from(self._map, place)
                now, wall = self._clock(), self._wall()
                today = int(wall // DAY)
                # Another day, be it a later one or one that a corrected clock goes back to.
                if day != today or not 0 <= used < _MANY:
                    used = 0
                # A bucket that nobody used yet is full.
                level = _filled(level, now - stamp, rate, burst) if stamp else float(burst)
                wait = None
                if level < 1:
                    wait = Wait("rate", (1 - level) / rate, max(0, quota - used))
                elif quota and used + texts > quota:
                    wait = Wait("quota", DAY - wall % DAY, max(0, quota - used))
                else:
                    level, used = level - 1, used + texts
                # A refusal is written as well: a moment that lies ahead of the clock must not stay.
                _SLOT.pack_into(self._map, place, level, now, today, used)
                return wait
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, place)

    def spend(self, slot: int, texts: int, quota: int) -> Wait | None:
        """Count texts of a request that was taken; None, or why not, when nothing is counted.

        Less than none gives back what was counted for texts that were not answered.
        """
        place = slot * _SLOT.size
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, place)
            try:
                level, stamp, day, used = _SLOT.unpack_from(self._map, place)
                wall = self._wall()
                today = int(wall // DAY)
                if day != today or not 0 <= used < _MANY:
                    used = 0
                if quota and texts > 0 and used + texts > quota:
                    return Wait("quota", DAY - wall % DAY, max(0, quota - used))
                # What was counted yesterday is not given back today.
                _SLOT.pack_into(self._map, place, level, stamp, today, max(0, used + texts))
                return None
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, place)

    def clear(self, slot: int) -> None:
        """Forget what a slot counted, before another caller gets it."""
        place = slot * _SLOT.size
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, place)
            try:
                self._map[place : place + _SLOT.size] = bytes(_SLOT.size)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, place)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._file)


def _filled(level: float, elapsed: float, rate: float, burst: int) -> float:
    """A bucket after `elapsed` seconds; whatever the file holds, between 0 and `burst`."""
    # The clock starts anew with the machine: less than nothing has passed, or a slot is damaged.
    if not elapsed >= 0:
        elapsed = 0
    if not level >= 0:
        level = 0
    return min(burst, level + elapsed * rate)

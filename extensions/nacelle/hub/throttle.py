"""Slow down the guessing of passwords: after a few failures each further try has to wait longer.

The wait is counted per person and address and ends by itself, so that nobody can be locked out for
ever by somebody else's mistakes. Tries made during a wait are refused without lengthening it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Failures:
    count: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    """Failures by key: `free` tries cost nothing, then the wait doubles from 1 s to `longest`."""

    def __init__(
        self,
        free: int = 4,
        longest: float = 30.0,
        forget_after: float = 900.0,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free, self._longest, self._forget_after = free, longest, forget_after
        self._keys, self._clock = keys, clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, key: tuple[str, str]) -> float:
        """Seconds that `key` has to wait before its next try; 0 when it may try now."""
        found = self._failures.get(key)
        if found is None:
            return 0.0
        now = self._clock()
        if now - found.last > self._forget_after:
            del self._failures[key]
            return 0.0
        return max(0.0, found.until - now)

    def failed(self, key: tuple[str, str]) -> None:
        """Count a failure of `key`."""
        found = self._failures.setdefault(key, _Failures())
        self._failures.move_to_end(key)
        found.count += 1
        found.last = self._clock()
        over = found.count - self._free
        if over > 0:
            # The exponent is bounded: 2.0 ** 1100 is an error.
            found.until = found.last + min(self._longest, 2.0 ** min(over - 1, 30))
        while len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def succeeded(self, key: tuple[str, str]) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)

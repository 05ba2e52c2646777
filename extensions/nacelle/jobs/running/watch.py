"""The thread that holds a run to its limits: time, memory, and somebody's wish that it stop."""

from __future__ import annotations

import threading
import time

from nacelle.jobs.running import memory
from nacelle.jobs.running.children import stop_children
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.measures import duration
from nacelle.jobs.running.measures import memory as in_words
from nacelle.jobs.running.warden import KILLED

LOOK_SECONDS = 0.25
# A kernel that was this near its limit and then died was most likely ended for it.
NEAR = 0.9


class Watch:
    """Looks four times a second from `start` on; once a limit is passed, it stops the children."""

    def __init__(self, halt: Halt, seconds: float, memory_bytes: int) -> None:
        self._halt = halt
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._limit = memory_bytes
        self._last = 0
        self._short_before = memory.times_short()
        self._over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._look, name="limits", daemon=True).start()

    def stop(self) -> None:
        """From here on nothing is limited: the notebook has ended."""
        self._over.set()

    def out_of_memory(self) -> Ended:
        """The reason, in words."""
        return Ended("out-of-memory", limit=in_words(self._limit))

    def was_short(self, code: int | None) -> bool:
        """Whether a kernel that ended with `code` most likely died for want of memory."""
        killed = code == KILLED and memory.times_short() > self._short_before
        return killed or self._last >= NEAR * self._limit

    def _look(self) -> None:
        while not self._over.is_set():
            if self._halt.asked_within(LOOK_SECONDS):
                self._stop(Ended("cancelled", by="Nacelle"))
            elif time.monotonic() > self._end:
                self._stop(Ended("timed-out", limit=duration(self._seconds)))
            elif self._now() > self._limit:
                self._stop(self.out_of_memory())

    def _now(self) -> int:
        found = memory.held(self._limit)
        # Nothing is held once the kernel is gone; what counts is what it held before.
        self._last = found or self._last
        return self._last if found else 0

    def _stop(self, reason: Ended) -> None:
        if self._over.is_set():
            return
        self._halt.set(reason)
        # Again at each look: a child may have been about to start.
        stop_children()
        self._over.wait(LOOK_SECONDS)

"""Why a run must stop now: asked to, out of time, or out of memory. The first reason counts."""

from __future__ import annotations

import threading

from nacelle.jobs.running.ending import Ended


class Halt:
    """Set from any thread or a signal handler; the main thread looks at it between its steps."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._asked = threading.Event()
        self._reason: Ended | None = None

    @property
    def reason(self) -> Ended | None:
        return self._reason

    def ask(self) -> None:
        """Somebody wants the run to stop. From a signal handler, so it takes no lock of its own."""
        self._asked.set()

    def asked_within(self, seconds: float) -> bool:
        """Wait until somebody asks, at most so long."""
        return self._asked.wait(seconds)

    def set(self, reason: Ended) -> None:
        """Keep the first reason; called by the watching thread only."""
        if not self._set.is_set():
            self._reason = reason
            self._set.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a reason, at most so long; whether there is one."""
        return self._set.wait(seconds)

    def check(self) -> None:
        """Raise the reason, if there is one."""
        if self._reason is not None:
            raise self._reason

"""Runs that were launched, each until its end; after a restart of the engine, too.

What the folder of a run says decides, in this order; each case with a test of its number in
tests/jobs/test_engine_attending.py:

1. A result is there: the run ended so, whenever that was.
2. It says "cancelled" and nobody asked for that: the machine went down under it. It is lost.
3. Begun, and its runner alive: it is running. Asked to stop, the runner gets SIGTERM, and SIGKILL
   if it is still there a while later; its warden takes the kernel with it.
4. Longer under way than its time and a margin, it is killed: its runner should have ended it. That
   is measured, for clocks are set and machines sleep; one that is adopted has at least the margin.
5. Begun, and its runner gone without a result: stopped if it was asked to, out of time if it was
   over it, else lost with its machine. What the runner would have removed is removed.
6. Not begun, and the runner that this engine started alive: it is given a while, then killed.
7. Not begun, and no such runner: it is launched again. A runner of an engine before may still
   come: the folder lets one begin.
8. Not begun, and asked to stop or launched too often: it is over, and no runner ever begins.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from nacelle.jobs.engine.folder import Sight, clear, forestall, look, send
from nacelle.jobs.engine.launcher import Child
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit
from nacelle.jobs.order import RunFolder
from nacelle.jobs.running.measures import duration
from nacelle.jobs.states import RunEvent
from nacelle.jobs.store import Outputs, Store
from nacelle.jobs.store.rows import Launched, Seen

# Nothing to do, something changed, it has to be launched again.
Attended = Literal["as-before", "changed", "again"]

MOST_LAUNCHES = 3
STOP_SECONDS = 15.0
OVERTIME = 60.0
# A kernel whose runner was killed may still write for a moment.
CLEAR_SECONDS = 5.0
BEGIN_TIME = timedelta(seconds=60)

log = logging.getLogger(__name__)


class Attending:
    """Looks after launched runs, whose folders are below `runs`."""

    def __init__(
        self, store: Store, runs: Path, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._runs = runs
        self._monotonic = monotonic
        self._stopping: dict[str, float] = {}
        # When runs began, and when they were seen to be gone, on the clock that nobody sets.
        self._begun: dict[str, float] = {}
        self._lost: dict[str, float] = {}

    def attend(self, one: Launched, child: Child | None, now: datetime) -> Attended:
        """Do what one run needs now. `child` is its runner if this engine started it."""
        folder = RunFolder(self._runs / one.run.id)
        sight = look(folder)
        if sight.result:
            return self._finished(one, sight, now)
        if sight.begun is None:
            return self._not_begun(one, folder, child, now)
        if not sight.alive:
            return self._gone(one, folder, sight, now)
        self._hold_to_limits(one, folder, sight, now)
        return self._follow(one, sight)

    def _finished(self, one: Launched, sight: Sight, now: datetime) -> Attended:
        result = sight.result
        assert result is not None
        event: RunEvent = result.state
        exit = result.exit
        if result.state == "cancelled" and one.stop is None:
            event, exit = "failed", explain("lost-machine")
        outputs = Outputs(result.notebook, result.html, result.log)
        return self._end(one, event, exit, now, sight, outputs)

    def _gone(self, one: Launched, folder: RunFolder, sight: Sight, now: datetime) -> Attended:
        since = self._lost.setdefault(one.run.id, self._monotonic())
        if not clear(folder):
            if self._monotonic() - since < CLEAR_SECONDS:
                return "as-before"
            log.warning("the folder of a lost run is not empty", extra={"run": one.run.id})
        if one.stop:
            return self._end(one, "cancelled", one.stop, now, sight)
        if self._is_over_time(one):
            limit = duration(one.timeout_seconds)
            return self._end(one, "timed-out", explain("timed-out", limit=limit), now, sight)
        return self._end(one, "failed", explain("lost-machine"), now, sight)

    def _not_begun(
        self, one: Launched, folder: RunFolder, child: Child | None, now: datetime
    ) -> Attended:
        if child and child.alive:
            if one.stop or now - one.launched > BEGIN_TIME:
                child.kill()
            return "as-before"
        if not one.stop and one.launches < MOST_LAUNCHES:
            return "again"
        if not forestall(folder):
            return "as-before"
        if one.stop:
            return self._end(one, "cancelled", one.stop, now)
        log.error("a runner does not begin; see runner.log", extra={"run": one.run.id})
        return self._end(one, "failed", explain("platform", request=one.run.id[:8]), now)

    def _follow(self, one: Launched, sight: Sight) -> Attended:
        assert sight.begun is not None
        changed = False
        if one.run.started is None:
            self._store.begun(one.run.id, sight.begun.at)
            changed = True
        if sight.progress and sight.progress != one.run.progress:
            self._store.progressed(one.run.id, sight.progress)
            changed = True
        return "changed" if changed else "as-before"

    def _hold_to_limits(
        self, one: Launched, folder: RunFolder, sight: Sight, now: datetime
    ) -> None:
        assert sight.begun is not None
        if one.run.id not in self._begun:
            known = (now - sight.begun.at).total_seconds()
            earlier = min(max(known, 0.0), float(one.timeout_seconds))
            self._begun[one.run.id] = self._monotonic() - earlier
        if self._is_over_time(one):
            log.warning("a runner is over its time and killed", extra={"run": one.run.id})
            send(folder, sight.begun, signal.SIGKILL)
        elif one.stop:
            asked = self._stopping.get(one.run.id)
            if asked is None:
                self._stopping[one.run.id] = self._monotonic()
                send(folder, sight.begun, signal.SIGTERM)
            elif self._monotonic() - asked > STOP_SECONDS:
                send(folder, sight.begun, signal.SIGKILL)

    def _end(
        self,
        one: Launched,
        event: RunEvent,
        exit: Exit,
        now: datetime,
        sight: Sight | None = None,
        outputs: Outputs | None = None,
    ) -> Attended:
        seen = Seen()
        if sight:
            started = sight.begun.at if sight.begun else None
            seen = Seen(started, sight.result.ended if sight.result else None, sight.progress)
        for kept in (self._stopping, self._begun, self._lost):
            kept.pop(one.run.id, None)
        self._store.job_ends_run(one.run.id, event, exit, now, outputs=outputs, seen=seen)
        log.info("run ended", extra={"run": one.run.id, "state": event, "exit": exit.code})
        return "changed"

    def _is_over_time(self, one: Launched) -> bool:
        begun = self._begun.get(one.run.id)
        return begun is not None and self._monotonic() - begun > one.timeout_seconds + OVERTIME

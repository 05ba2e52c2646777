"""The engine: passes over the store, each doing what is due, woken when there is something to do.

What a pass does, in this order: ticks that are due become runs; launched runs are looked after;
waiting runs are admitted and launched. All that matters is in the store and in the runs' folders,
so the engine may be killed between any two lines and begin again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.attending import Attending
from nacelle.jobs.engine.launcher import Child, Launcher
from nacelle.jobs.engine.launching import HUB_AWAY_SECONDS, Launching
from nacelle.jobs.engine.outside import Clock, Hub, HubAway, Orders
from nacelle.jobs.engine.turns import take_turns
from nacelle.jobs.job import Run
from nacelle.jobs.store import Store
from nacelle.jobs.store.rows import Launched

# Ticks older than this were missed.
GRACE = timedelta(seconds=60)
# Between two looks at what cannot wake the engine: the store, the folders of adopted runs.
LOOK_SECONDS = 0.25
_TROUBLE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Engine:
    """One engine over one store; `folder` is the one that the store lies in.

    `admins` are told of jobs that cannot be followed any more.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        clock: Clock,
        hub: Hub,
        orders: Orders,
        launcher: Launcher,
        limits: Limits,
        look_seconds: float = LOOK_SECONDS,
        admins: Sequence[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._look = look_seconds
        self._admins = admins
        runs = folder / "runs"
        runs.mkdir(mode=0o700, exist_ok=True)
        self._launching = Launching(store, runs, clock, hub, orders, launcher)
        self._attending = Attending(store, runs, monotonic)
        self._children: dict[str, Child] = {}
        self._launches: dict[str, asyncio.Task[None]] = {}
        # When a run whose launch the hub held up is launched again, on the loop's clock.
        self._again: dict[str, float] = {}
        self._launched: list[Launched] = []
        self._due: datetime | None = None
        self._next_waiting: datetime | None = None
        self._version = -1
        self._stale = True
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; runs go on without the engine."""
        try:
            while True:
                try:
                    self.pass_over()
                except Exception:
                    # A full disk, a locked file: what was not written is done by a later pass. A
                    # fault of ours, too, must not end the engine, which would begin with it again.
                    log.exception("a pass failed")
                    self._stale = True
                    await asyncio.sleep(_TROUBLE_SECONDS)
                await self._wait()
        finally:
            for task in self._launches.values():
                task.cancel()
            await asyncio.gather(*self._launches.values(), return_exceptions=True)

    def wake(self) -> None:
        """Look at the store anew: something was written that it does not tell this process."""
        self._stale = True
        self._woken.set()

    def pass_over(self) -> None:
        """Do everything that is due at this moment."""
        now = self._clock.now()
        if self._due and self._due <= now:
            self._store.settle_due(now, GRACE, self._admins)
            self._stale = True
        if self._next_waiting and self._next_waiting <= now:
            self._stale = True
        fresh = self._stale or self._store.version() != self._version
        if fresh:
            self._read()
        if self._attend(now):
            self._read()
            fresh = True
        if fresh:
            self._admit(now)

    def _read(self) -> None:
        self._stale = False
        # The version first: what is written from here on makes another.
        self._version = self._store.version()
        self._launched = self._store.launched()
        self._due = self._store.next_due()

    def _attend(self, now: datetime) -> bool:
        """Look after launched runs; whether anything changed."""
        changed = False
        for id, child in list(self._children.items()):
            if not child.alive and id not in {one.run.id for one in self._launched}:
                del self._children[id]
        for one in self._launched:
            if one.run.id in self._launches:
                continue
            try:
                found = self._attending.attend(one, self._children.get(one.run.id), now)
            except Exception:
                # One run that cannot be looked after must not keep the others waiting.
                log.exception("a run cannot be looked after", extra={"run": one.run.id})
                continue
            if found == "again":
                self._launch_again(one.run)
            changed = changed or found == "changed"
        return changed

    def _admit(self, now: datetime) -> None:
        turns = take_turns(self._store, self._launched, self._limits, now)
        for run in turns.taken:
            self._begin(run, self._launch(run))
        self._stale = self._stale or turns.changed
        self._next_waiting = turns.following

    def _begin(self, run: Run, launch: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(launch)
        self._launches[run.id] = task
        task.add_done_callback(lambda _: self._launch_done(run.id))

    def _launch_done(self, run_id: str) -> None:
        del self._launches[run_id]
        self.wake()

    async def _launch(self, run: Run) -> None:
        with suppress(asyncio.CancelledError):
            try:
                self._take_in(run, await self._launching.launch(run))
            except Exception:
                # Seen by the next pass as a run that did not begin.
                log.exception("a launch failed", extra={"run": run.id})

    def _launch_again(self, run: Run) -> None:
        if asyncio.get_running_loop().time() >= self._again.get(run.id, 0):
            self._begin(run, self._launch_once_more(run))

    async def _launch_once_more(self, run: Run) -> None:
        with suppress(asyncio.CancelledError):
            try:
                self._take_in(run, await self._launching.launch_again(run))
                self._again.pop(run.id, None)
            except HubAway:
                later = asyncio.get_running_loop().time() + HUB_AWAY_SECONDS
                self._again[run.id] = later
            except Exception:
                log.exception("a launch failed", extra={"run": run.id})
                self._store.take_again(run.id, self._clock.now())

    def _take_in(self, run: Run, child: Child | None) -> None:
        """Look after a child, and wake when it ends."""
        if child is None:
            return
        self._children[run.id] = child
        end = os.pidfd_open(child.pid)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(end)
            os.close(end)
            self._woken.set()

        loop.add_reader(end, ended)

    async def _wait(self) -> None:
        """Until something is due, a child or a launch ended, or it is time to look again."""
        wait = self._look
        for moment in (self._due, self._next_waiting):
            if moment:
                wait = min(wait, max(0.0, self._clock.seconds_until(moment)))
        if self._stale:
            wait = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()
        self._woken.clear()

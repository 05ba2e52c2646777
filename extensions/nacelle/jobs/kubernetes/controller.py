"""The engine on a cluster: the store's jobs become CronJobs, the cluster's Jobs become runs.

Nothing is known that is not in the store, in the runs' folders or on the cluster: the engine may be
killed between any two lines and begin again. What the cluster holds is watched, not asked for; the
store is looked at as the local engine does.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.outside import Clock, Hub
from nacelle.jobs.engine.turns import take_turns
from nacelle.jobs.job import Job
from nacelle.jobs.kubernetes.applying import Applying
from nacelle.jobs.kubernetes.attending import Attending
from nacelle.jobs.kubernetes.cluster import CRON_JOBS, EVENTS, JOBS, PODS, Cluster
from nacelle.jobs.kubernetes.launching import Launching
from nacelle.jobs.kubernetes.logs import Logs
from nacelle.jobs.kubernetes.naming import BODY, SELECTOR, annotation_of, job_id_of
from nacelle.jobs.kubernetes.orders import ClusterOrders
from nacelle.jobs.kubernetes.results import Results
from nacelle.jobs.kubernetes.sights import Sights
from nacelle.jobs.kubernetes.spreading import Spreading
from nacelle.jobs.kubernetes.storing import Storing
from nacelle.jobs.kubernetes.watching import Watching
from nacelle.jobs.kubernetes.work import Work
from nacelle.jobs.store import JobFilter, Store
from nacelle.settings.jobs import KubernetesSettings

# Between two looks at the store, which cannot wake the engine.
LOOK_SECONDS = 0.25
_MANY = 100_000

log = logging.getLogger(__name__)


class Key(NamedTuple):
    """What is looked at: a job, a run, or (without an id) the runs that wait for their turn."""

    kind: Literal["job", "run", "turns"]
    id: str = ""


_TURNS = Key("turns")


class Controller:
    """One controller over one store, whose runs' folders are in `folder`/runs."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        cluster: Cluster,
        hub: Hub,
        orders: ClusterOrders,
        storing: Storing,
        clock: Clock,
        limits: Limits,
        settings: KubernetesSettings,
    ) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock
        self._limits = limits
        self._work: Work[Key] = Work(self._look)
        runs = folder / "runs"
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sights = sights = Sights(
            lambda id: self._work.add(Key("run", id)), lambda id: self._work.add(Key("job", id))
        )
        self._cron_jobs = Watching(cluster, CRON_JOBS, SELECTOR, self._see_cron_job)
        self._watching = (
            self._cron_jobs,
            Watching(cluster, JOBS, SELECTOR, sights.see_job),
            Watching(cluster, PODS, SELECTOR, sights.see_pod),
            Watching(cluster, EVENTS, "", sights.see_event),
        )
        launching = Launching(store, runs, cluster, hub, orders, storing, clock)
        results, logs = Results(store, runs, hub, orders, storing), Logs(cluster)
        spreading = Spreading(
            store,
            runs,
            cluster,
            sights,
            launching,
            results,
            logs,
            clock,
            self._look_again,
            self._run_ended,
        )
        self._applying = Applying(
            store,
            cluster,
            hub,
            orders,
            storing,
            clock,
            sights,
            self._cron_jobs.objects,
            settings.token_seconds,
        )
        self._attending = Attending(
            store,
            runs,
            cluster,
            sights,
            launching,
            spreading,
            results,
            logs,
            clock,
            settings.start_seconds,
            self._look_again,
            self._run_ended,
        )

    async def run(self) -> None:
        """Work until cancelled; runs go on without the engine."""
        try:
            async with asyncio.TaskGroup() as group:
                for one in self._watching:
                    group.create_task(one.run())
                for one in self._watching:
                    # Before all is listed, what is not seen yet would be taken for gone.
                    await one.listed.wait()
                self._restore()
                group.create_task(self._work.run())
                await self._follow_store()
        finally:
            self._attending.close()
            await self._cluster.close()

    def wake(self) -> None:
        """Look at the waiting runs; all else that changes tells of itself."""
        self._work.add(_TURNS)

    def _see_cron_job(self, found: dict[str, Any], gone: bool) -> None:
        if gone:
            self._applying.gone(found)
        self._sights.see_cron_job(found, gone)

    async def _look(self, key: Key) -> None:
        if key.kind == "job":
            again = await self._applying.look(key.id)
            if again is not None:
                self._work.add_after(key, again)
        elif key.kind == "run":
            await self._attending.look(key.id)
        else:
            self._give_turns()

    def _give_turns(self) -> None:
        turns = take_turns(self._store, self._store.launched(), self._limits, self._clock.now())
        for run in turns.taken:
            self._work.add(Key("run", run.id))
        if turns.following:
            self._work.add_after(_TURNS, self._seconds_until(turns.following))

    def _look_again(self, run_id: str, seconds: float) -> None:
        self._work.add_after(Key("run", run_id), seconds)

    def _run_ended(self, run_id: str) -> None:
        self._work.add(_TURNS)

    async def _follow_store(self) -> None:
        """Look at what changes in the store, and first at all that is in it."""
        seq = self._store.newest_change()
        self._look_at_all()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                seq = self._look_at_changes(seq)
            except (sqlite3.Error, OSError):
                # A full disk, a locked file: what was not seen is seen by the next look.
                log.exception("the store cannot be read")

    def _look_at_changes(self, seq: int) -> int:
        """Look at what changed after `seq`; the number of the newest change that was seen."""
        newest = self._store.newest_change()
        if newest == seq:
            return seq
        if newest < seq or (seq and self._store.oldest_change() > seq + 1):
            # More has changed than the store remembers.
            self._look_at_all()
            return newest
        for change in self._store.changes_since(seq):
            seq = change.seq
            if change.kind == "job":
                self._work.add(Key("job", change.id))
            elif change.kind == "run":
                self._work.add(Key("run", change.id))
        self._work.add(_TURNS)
        return seq

    def _look_at_all(self) -> None:
        for job in self._store.jobs(JobFilter(limit=_MANY)):
            if job.schedule:
                self._work.add(Key("job", job.id))
        for found in self._cron_jobs.objects.values():
            if id := job_id_of(found):
                self._work.add(Key("job", id))
        for one in self._store.launched():
            self._work.add(Key("run", one.run.id))
        for id in self._sights.runs():
            self._work.add(Key("run", id))
        self._work.add(_TURNS)

    def _restore(self) -> None:
        """Make a store that is new again from what the cluster holds."""
        if self._store.newest_change():
            return
        for found in self._cron_jobs.objects.values():
            with suppress(ValidationError):
                job = Job.model_validate_json(annotation_of(found, BODY) or "")
                self._store.add_job(job, self._clock.now())
                log.warning("job restored from the cluster", extra={"job": job.id})

    def _seconds_until(self, moment: datetime) -> float:
        return max(0.0, self._clock.seconds_until(moment))

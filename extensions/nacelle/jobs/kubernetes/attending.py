"""Runs on the cluster, each until its end, whatever happened while nobody watched.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_attending.py:

1. A Job that a CronJob made is a run of its tick: once, however often it is told of.
2. A second Job of a tick, or one of a job that was deleted, is removed; so is one of a tick from
   before its job was armed or had this schedule, which Kubernetes takes for one that was missed.
3. A run that was taken and has no Job gets one; one whose Job is not complete, its Secret.
4. A run that is asked to stop has its Job deleted, and ends when its pod has.
5. A run that has waited for its start as long as it may has failed, with the reason.
6. A pod that runs is followed; a run that ends has its whole log.
7. A run that is over keeps no Job that goes on.
8. A Job that was there and is not was taken away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nacelle.jobs.engine.outside import Clock
from nacelle.jobs.job import ENDS, Run
from nacelle.jobs.kubernetes.cluster import JOBS, Cluster
from nacelle.jobs.kubernetes.following import Following
from nacelle.jobs.kubernetes.launching import Launching
from nacelle.jobs.kubernetes.naming import (
    RUN,
    VERSION,
    Object,
    annotation_of,
    is_of_cron_job,
    job_id_of,
    label_of,
    tick_of,
)
from nacelle.jobs.kubernetes.reasons import (
    Over,
    Running,
    Sight,
    Starting,
    container_state,
    is_over,
    judge,
)
from nacelle.jobs.kubernetes.results import Results
from nacelle.jobs.kubernetes.sights import SeenRun, Sights
from nacelle.jobs.manifest import RUNNER_MEMORY
from nacelle.jobs.order import RunFolder
from nacelle.jobs.states import IllegalTransition
from nacelle.jobs.store import Outputs, Store
from nacelle.jobs.store.rows import Launched, Seen

# For what is left of a log once its pod has ended.
_LOG_SECONDS = 20.0

log = logging.getLogger(__name__)


class Attending:
    """Looks after runs; `again` asks for another look at one after some seconds."""

    def __init__(
        self,
        store: Store,
        runs: Path,
        cluster: Cluster,
        sights: Sights,
        launching: Launching,
        results: Results,
        clock: Clock,
        start_seconds: int,
        again: Callable[[str, float], None],
        ended: Callable[[str], None],
    ) -> None:
        self._store = store
        self._runs = runs
        self._cluster = cluster
        self._sights = sights
        self._launching = launching
        self._results = results
        self._clock = clock
        self._start = timedelta(seconds=start_seconds)
        self._again = again
        self._ended = ended
        self._followed: dict[str, asyncio.Task[None]] = {}

    async def look(self, run_id: str) -> None:
        """Do what one run needs. Raises Passing, ClusterRefused."""
        seen, run = self._sights.of(run_id), self._store.run(run_id)
        there = seen.job is not None and not seen.gone
        if run is None:
            if not there:
                return self._sights.forget(run_id)
            assert seen.job is not None
            run = self._take_in(run_id, seen.job)
            if run is None:
                return await self._remove(seen)
        if run.state in ENDS:
            return await self._clear(run, seen)
        launched = self._launched(run_id)
        if launched is None:
            return None
        if seen.job is None:
            return await self._without_job(launched)
        await self._attend(launched, seen)

    def close(self) -> None:
        """Follow no more logs."""
        for task in self._followed.values():
            task.cancel()

    def _launched(self, run_id: str) -> Launched | None:
        return next((one for one in self._store.launched() if one.run.id == run_id), None)

    def _take_in(self, run_id: str, made: Object) -> Run | None:
        """The run that a Job is, from now on in the store; None when it is nobody's."""
        job = self._store.job(job_id_of(made) or "")
        of_tick = is_of_cron_job(made) and label_of(made, RUN) is None
        scheduled = tick_of(made) if of_tick else None
        if job is None or scheduled is None or self._is_of_before(job.id, scheduled, made):
            return None
        version = annotation_of(made, VERSION) or job.snapshot.version
        try:
            snapshot = self._store.snapshot(version)
        except LookupError:
            # The first of this version; an older one that was never run is nowhere any more.
            snapshot = job.snapshot
        run = Run(
            id=run_id,
            job=job.id,
            version=snapshot.version,
            cause="schedule",
            scheduled=scheduled,
        )
        kept = self._store.ask_run(run, snapshot)
        if kept.id != run_id:
            log.warning("a tick has a second Job", extra={"run": kept.id, "job": job.id})
            return None
        self._store.take(run_id, self._clock.now())
        self._launching.remember(run)
        return self._store.run(run_id)

    def _is_of_before(self, job_id: str, scheduled: datetime, made: Object) -> bool:
        """Whether a tick passed before its job was armed, and Kubernetes catches up on it since."""
        since = self._store.due_from(job_id)
        return since is not None and scheduled <= since < _created(made)

    async def _without_job(self, launched: Launched) -> None:
        run = launched.run
        if self._launching.was_made(run) or launched.stop:
            sight = Sight(None, None, gone=True, asked=launched.stop is not None)
            verdict = judge(sight)
            assert isinstance(verdict, Over)
            return self._end(launched, SeenRun(gone=True), verdict)
        await self._launching.make(run)

    async def _attend(self, launched: Launched, seen: SeenRun) -> None:
        run, made = launched.run, seen.job
        assert made is not None
        if not seen.gone:
            self._launching.remember(run)
        if launched.stop and not seen.gone and not made["metadata"].get("deletionTimestamp"):
            # Its pod ends first: the runner writes what there is, and says so.
            await self._delete(made, "Foreground")
        late = self._clock.now() - _created(made)
        verdict = judge(self._sight(launched, seen, late > self._start))
        if isinstance(verdict, Starting):
            if made["spec"].get("suspend") and not launched.stop and not seen.gone:
                await self._launching.complete(run, made)
            self._again(run.id, (self._start - late).total_seconds() + 1)
        elif isinstance(verdict, Running):
            self._store.begun(run.id, verdict.since)
            self._follow(run.id, seen)
        else:
            await self._finish_log(run.id, seen)
            self._end(launched, seen, verdict)
            await self._clear(self._store.run(run.id) or run, seen)

    def _sight(self, launched: Launched, seen: SeenRun, late: bool) -> Sight:
        job = self._store.job_of_run(launched.run.id)
        return Sight(
            job=seen.job,
            pod=seen.pod,
            gone=seen.gone,
            asked=launched.stop is not None,
            warning=self._sights.warning(seen),
            late=late,
            owner=launched.owner,
            start_seconds=int(self._start.total_seconds()),
            timeout_seconds=launched.timeout_seconds,
            memory_bytes=_memory(seen.job),
            replaced=job is not None and job.overlap == "replace",
        )

    def _end(self, launched: Launched, seen: SeenRun, over: Over) -> None:
        run, result = launched.run, over.result
        outputs = Outputs(result.notebook, result.html, result.log) if result else None
        progress = RunFolder(self._runs / run.id).read_progress()
        ended = result.ended if result else None
        with suppress(IllegalTransition):
            self._store.job_ends_run(
                run.id,
                over.event,
                over.exit,
                self._clock.now(),
                outputs=outputs,
                seen=Seen(over.since, ended, progress),
            )
        log.info("run ended", extra={"run": run.id, "state": over.event, "exit": over.exit.code})
        self._ended(run.id)

    async def _clear(self, run: Run, seen: SeenRun) -> None:
        """Let no Job of a run that is over go on; one that has ended stays to be looked at."""
        if task := self._followed.pop(run.id, None):
            task.cancel()
        await self._results.take(run)
        if seen.job is None or seen.gone:
            return self._sights.forget(run.id)
        if not is_over(seen.job) and not seen.job["metadata"].get("deletionTimestamp"):
            await self._delete(seen.job, "Background")

    async def _remove(self, seen: SeenRun) -> None:
        assert seen.job is not None
        if not seen.job["metadata"].get("deletionTimestamp"):
            await self._delete(seen.job, "Background")

    async def _delete(self, made: Object, policy: str) -> None:
        await self._cluster.delete(JOBS, str(made["metadata"]["name"]), policy=policy)

    def _follow(self, run_id: str, seen: SeenRun) -> None:
        before = self._followed.get(run_id)
        failed = before and before.done() and not before.cancelled() and before.exception()
        if seen.pod is None or (before and not failed):
            return
        following = Following(
            self._cluster,
            str(seen.pod["metadata"]["name"]),
            RunFolder(self._runs / run_id),
            lambda progress: self._store.progressed(run_id, progress),
            lambda: _has_ended(self._sights.of(run_id)),
        )
        task = self._followed[run_id] = asyncio.create_task(following.run())
        task.add_done_callback(_tell_failure)

    async def _finish_log(self, run_id: str, seen: SeenRun) -> None:
        if not container_state(seen.pod).keys() & {"running", "terminated"}:
            # It never began, and has no log.
            return
        self._follow(run_id, seen)
        task = self._followed[run_id]
        done, _ = await asyncio.wait({task}, timeout=_LOG_SECONDS)
        if not done:
            log.warning("a log did not come to its end", extra={"run": run_id})


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("a log cannot be followed", exc_info=error)


def _has_ended(seen: SeenRun) -> bool:
    return seen.gone or "terminated" in container_state(seen.pod)


def _created(made: Object) -> datetime:
    return datetime.fromisoformat(made["metadata"]["creationTimestamp"])


def _memory(made: dict[str, Any] | None) -> int:
    """What a notebook may use: its container's limit without the runner's own part."""
    containers = (made or {}).get("spec", {}).get("template", {}).get("spec", {}).get("containers")
    limits = (containers or [{}])[0].get("resources", {}).get("limits", {})
    return max(0, int(limits.get("memory") or 0) - RUNNER_MEMORY)

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
9. A tick of a run in several steps waits for its turn: while the run before is not over, it is
   skipped, or takes its place, as its job says. Kubernetes sees the Job of the first step only.

A run whose steps are Jobs of their own is conducted by nacelle.jobs.kubernetes.spreading.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nacelle.cluster.pods import container_state
from nacelle.jobs.engine.outside import Clock
from nacelle.jobs.exits import explain
from nacelle.jobs.job import ENDS, Job, Run
from nacelle.jobs.kubernetes.cluster import JOBS, Cluster
from nacelle.jobs.kubernetes.launching import Launching
from nacelle.jobs.kubernetes.logs import Logs, has_log
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
    is_over,
    judge,
)
from nacelle.jobs.kubernetes.results import Results
from nacelle.jobs.kubernetes.sights import SeenRun, Sights
from nacelle.jobs.kubernetes.spreading import Spreading
from nacelle.jobs.manifest import RUNNER_MEMORY
from nacelle.jobs.order import RunFolder
from nacelle.jobs.states import IllegalTransition
from nacelle.jobs.store import Outputs, Store
from nacelle.jobs.store.rows import Launched, Seen

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
        spreading: Spreading,
        results: Results,
        logs: Logs,
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
        self._logs = logs
        self._spreading = spreading

    async def look(self, run_id: str) -> None:
        """Do what one run needs. Raises Passing, ClusterRefused."""
        seen, run = self._sights.of(run_id), self._store.run(run_id)
        if run is None:
            there = [one for one in self._sights.stages(run_id) if one.job and not one.gone]
            if not there:
                return self._sights.forget(run_id)
            if seen.job is not None and not seen.gone:
                run = self._take_in(run_id, seen.job)
            if run is None:
                for one in there:
                    await self._remove(one)
                return None
        if run.state in ENDS:
            return await self._clear(run)
        launched = self._launched(run_id)
        if launched is None:
            return None
        if stages := await self._spreading.stages_of(run):
            return await self._spreading.look(launched, stages, self._sight(launched, seen, False))
        if seen.job is None:
            return await self._without_job(launched)
        await self._attend(launched, seen)

    def close(self) -> None:
        """Follow no more logs."""
        self._logs.close()

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
        self._give_way(run, job, made)
        self._store.take(run_id, self._clock.now())
        self._launching.remember(run)
        return self._store.run(run_id)

    def _give_way(self, run: Run, job: Job, made: Object) -> None:
        """Let a tick of a run in several steps be skipped, or take the place of the one before."""
        if not made["spec"].get("suspend") or job.overlap == "allow":
            return
        now = self._clock.now()
        others = [one.run.id for one in self._store.launched() if one.run.job == job.id]
        for other in others:
            if job.overlap == "replace":
                self._store.ask_stop(other, explain("replaced"), now)
        if others and job.overlap == "forbid":
            self._store.job_ends_run(run.id, "skipped", explain("overlap"), now)

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
            await self._clear(self._store.run(run.id) or run)

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

    async def _clear(self, run: Run) -> None:
        """Let no Job of a run that is over go on; one that has ended stays to be looked at."""
        self._logs.forget(run.id)
        self._spreading.close(run)
        await self._results.take(run)
        jobs = [one for one in self._sights.stages(run.id) if one.job and not one.gone]
        if not jobs:
            return self._sights.forget(run.id)
        for one in jobs:
            if one.job and _goes_on(one):
                await self._delete(one.job, "Background")

    async def _remove(self, seen: SeenRun) -> None:
        assert seen.job is not None
        if not seen.job["metadata"].get("deletionTimestamp"):
            await self._delete(seen.job, "Background")

    async def _delete(self, made: Object, policy: str) -> None:
        await self._cluster.delete(JOBS, str(made["metadata"]["name"]), policy=policy)

    def _follow(self, run_id: str, seen: SeenRun) -> None:
        if seen.pod is None:
            return
        self._logs.follow(
            run_id,
            seen.pod,
            RunFolder(self._runs / run_id),
            lambda progress: self._store.progressed(run_id, progress),
            lambda: _has_ended(self._sights.of(run_id)),
        )

    async def _finish_log(self, run_id: str, seen: SeenRun) -> None:
        if has_log(seen.pod):
            self._follow(run_id, seen)
            await self._logs.finish(run_id)


def _goes_on(seen: SeenRun) -> bool:
    """Whether a Job is not over, nor all of its pods."""
    assert seen.job is not None
    if is_over(seen.job) or seen.job["metadata"].get("deletionTimestamp"):
        return False
    ended = sum("terminated" in container_state(pod) for pod in seen.pods.values())
    return ended < int(seen.job["spec"].get("completions") or 1)


def _has_ended(seen: SeenRun) -> bool:
    return seen.gone or "terminated" in container_state(seen.pod)


def _created(made: Object) -> datetime:
    return datetime.fromisoformat(made["metadata"]["creationTimestamp"])


def _memory(made: dict[str, Any] | None) -> int:
    """What a notebook may use: its container's limit without the runner's own part."""
    containers = (made or {}).get("spec", {}).get("template", {}).get("spec", {}).get("containers")
    limits = (containers or [{}])[0].get("resources", {}).get("limits", {})
    return max(0, int(limits.get("memory") or 0) - RUNNER_MEMORY)

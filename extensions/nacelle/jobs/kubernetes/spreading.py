"""Runs whose steps are Jobs: one after the other, those of a matrix as one Indexed Job.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_spreading.py:

 1. A step whose turn has come has a Job of its own, with a Secret and a token of its own; one with
    a matrix an Indexed Job, which runs each combination in a pod.
 2. What steps gave lies beside the results before the next one begins.
 3. Each item has its state, its log and copies of what it left, as it comes; the run says how many
    are over.
 4. A combination that fails stops no other; the run fails with the first, and how many more.
 5. What needs a step that failed is left out.
 6. Asked to stop, or over its time, the Job goes; the run ends when its pods have.
 7. A Job that cannot begin fails its items with the reason, and goes.
 8. A Job that is gone and that nobody here removed was taken away.
 9. A run that goes on from one that failed runs the combinations alone that did not succeed.
10. An engine that is killed begins again where it was: no Job is made twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from nacelle.cluster.pods import condition
from nacelle.jobs.engine.outside import Clock
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Run
from nacelle.jobs.kubernetes.bundles import Bundles
from nacelle.jobs.kubernetes.cluster import JOBS, Cluster
from nacelle.jobs.kubernetes.indexes import idle_since, stuck
from nacelle.jobs.kubernetes.items import Items, Seat
from nacelle.jobs.kubernetes.launching import Launching, Turn
from nacelle.jobs.kubernetes.logs import Logs
from nacelle.jobs.kubernetes.reasons import Over, Running, Sight, is_over
from nacelle.jobs.kubernetes.results import NotHad, Results
from nacelle.jobs.kubernetes.sights import SeenRun, Sights
from nacelle.jobs.kubernetes.stages import Stages, of_platform
from nacelle.jobs.manifest import Part
from nacelle.jobs.order import RunFolder, Stage
from nacelle.jobs.pipelines.ending import exit_of
from nacelle.jobs.running.ending import state_of
from nacelle.jobs.running.measures import duration
from nacelle.jobs.running.page import make_page
from nacelle.jobs.states import IllegalTransition, RunEvent
from nacelle.jobs.store import Outputs, Store
from nacelle.jobs.store.rows import Launched, Seen

_PAGE_SECONDS = 20.0

log = logging.getLogger(__name__)


class Spreading:
    """Conducts runs; `sight` makes what is known of one, but for the pod."""

    def __init__(
        self,
        store: Store,
        runs: Path,
        cluster: Cluster,
        sights: Sights,
        launching: Launching,
        results: Results,
        logs: Logs,
        clock: Clock,
        again: Callable[[str, float], None],
        ended: Callable[[str], None],
    ) -> None:
        self._store = store
        self._runs = runs
        self._cluster = cluster
        self._sights = sights
        self._launching = launching
        self._results = results
        self._items = Items(store, sights, results, logs)
        self._clock = clock
        self._again = again
        self._ended = ended
        self._bundles = Bundles()
        self._open: dict[str, Stages] = {}

    async def stages_of(self, run: Run) -> Stages | None:
        """The steps of a run that is spread; None of any other. Raises Passing."""
        if found := self._open.get(run.id):
            return found
        snapshot, job = self._store.snapshot(run.version), self._store.job_of_run(run.id)
        file = self._store.notebook_path(snapshot.notebook.sha256)
        if job is None:
            return None
        try:
            if not file.exists():
                # The store of jobs was lost with its notebooks.
                await self._results.bring_notebook(run)
            understood = await self._bundles.read(snapshot.notebook.sha256, file)
        except (NotHad, OSError):
            # Whoever launches it, or the runner, tells why.
            return None
        if understood is None:
            return None
        folder, began = RunFolder(self._runs / run.id), self._clock.now()
        made = Stages(folder, run, job, snapshot, understood, began)
        self._open[run.id] = made
        return made

    async def look(self, launched: Launched, stages: Stages, sight: Sight) -> None:
        """Do what a run needs. `sight` is what is known of it, but for Job and pods.

        Raises Passing, ClusterRefused.
        """
        while (turn := stages.turn()) is not None:
            place, step = turn
            items = stages.items(step)
            if stages.board.state(step.name) != "open":
                continue
            seat = Seat(step, place, self._sights.of(launched.run.id, place), items)
            end = self._end_asked(launched, seat.seen)
            if end is not None:
                if await self._is_cleared(seat):
                    await self._items.take_in(
                        stages, seat, self._items.verdicts(seat, sight, True), end
                    )
                    await self._close(
                        launched, stages, end, "cancelled" if launched.stop else "timed-out"
                    )
                return
            if seat.seen.job is None:
                return await self._without_job(launched, stages, seat, sight)
            if not await self._attend(launched, stages, seat, sight):
                return
        exit = exit_of(stages.board.items()) or explain("succeeded")
        await self._close(launched, stages, exit, state_of(exit))

    def close(self, run: Run) -> None:
        """A run is over, however that came: nothing of it is shown as going on."""
        stages = self._open.pop(run.id, None)
        if stages and run.exit:
            stages.end_all(run.exit)

    def _end_asked(self, launched: Launched, seen: SeenRun) -> Exit | None:
        """Why a run is to end now, whatever its step does; not when that has ended by itself."""
        if launched.stop:
            return launched.stop
        if launched.run.started is None or _has_ended_by_itself(seen):
            return None
        limit = timedelta(seconds=launched.timeout_seconds)
        left = (launched.run.started + limit - self._clock.now()).total_seconds()
        if left <= 0:
            return explain("timed-out", limit=duration(launched.timeout_seconds))
        self._again(launched.run.id, left + 1)
        return None

    async def _is_cleared(self, seat: Seat) -> bool:
        """Whether no pod of a step goes on; its Job is removed, and goes when they have."""
        made = seat.seen.job
        if made is None or seat.seen.gone or is_over(made):
            return True
        if not made["metadata"].get("deletionTimestamp"):
            await self._cluster.delete(JOBS, str(made["metadata"]["name"]), policy="Foreground")
        return False

    async def _without_job(
        self, launched: Launched, stages: Stages, seat: Seat, sight: Sight
    ) -> None:
        if self._launching.was_made(launched.run, seat.place):
            return await self._close(launched, stages, _taken_away(sight), "cancelled")
        await self._launching.make(launched.run, self._turn(stages, seat))

    def _turn(self, stages: Stages, seat: Seat) -> Turn:
        numbers = tuple(one.number for one in seat.items if one.number is not None)
        part = Part(seat.place, len(numbers) if numbers else None, alone=len(stages.steps) == 1)
        return Turn(part, Stage(step=seat.step.name, numbers=numbers, goes_on=True))

    async def _attend(self, launched: Launched, stages: Stages, seat: Seat, sight: Sight) -> bool:
        """Look after the Job of a step; whether the step is over."""
        run, seen = launched.run, seat.seen
        assert seen.job is not None
        if not seen.gone:
            self._launching.remember(run, seat.place)
            if seen.job["spec"].get("suspend"):
                await self._launching.complete(run, seen.job, self._turn(stages, seat))
        verdicts = self._items.verdicts(seat, sight)
        if seen.gone and not is_over(seen.job):
            # What ended by itself did; that the others were stopped is told of the run.
            verdicts = {
                index: one
                for index, one in verdicts.items()
                if isinstance(one, Over) and one.event != "cancelled"
            }
        for index, verdict in verdicts.items():
            if isinstance(verdict, Running):
                self._items.begin(stages, seat, index, verdict.since)
        await self._items.take_in(stages, seat, verdicts)
        if stages.board.state(seat.step.name) != "open":
            return True
        if is_over(seen.job):
            await self._items.end_rest(stages, seat, of_platform(run))
            return True
        if seen.gone:
            await self._close(launched, stages, _taken_away(sight), "cancelled")
            return False
        return await self._end_if_stuck(stages, seat, sight)

    async def _end_if_stuck(self, stages: Stages, seat: Seat, sight: Sight) -> bool:
        made = seat.seen.job
        assert made is not None
        if made["spec"].get("suspend"):
            return False
        since = idle_since(made, list(seat.seen.pods.values()))
        sights = [
            self._items.sight(seat, sight, index)
            for index, item in enumerate(seat.items)
            if item.state in ("waiting", "running")
        ]
        now = self._clock.now()
        exit = stuck(sights, since, now)
        if exit is None:
            left = sight.start_seconds - (now - since).total_seconds()
            self._again(stages.run.id, max(1.0, left + 1))
            return False
        await self._cluster.delete(JOBS, str(made["metadata"]["name"]), policy="Background")
        await self._items.end_rest(stages, seat, exit)
        return True

    async def _close(self, launched: Launched, stages: Stages, exit: Exit, event: RunEvent) -> None:
        """The end of the run: the table of its steps goes beside its results. Raises Passing."""
        run, outputs = launched.run, Outputs()
        stages.end_all(exit)
        await asyncio.to_thread(
            make_page, stages.folder.notebook, stages.folder.html, _PAGE_SECONDS
        )
        try:
            kept = await self._results.give(run, stages.files())
            outputs = Outputs(
                kept.get("notebook.ipynb"), kept.get("notebook.html"), kept.get("log.txt")
            )
        except NotHad as error:
            log.warning("a table cannot be kept: %s", error, extra={"run": run.id})
        now, progress = self._clock.now(), stages.folder.read_progress()
        with suppress(IllegalTransition):
            self._store.job_ends_run(
                run.id,
                event,
                exit,
                now,
                outputs=outputs,
                seen=Seen(progress=progress),
            )
        log.info("run ended", extra={"run": run.id, "exit": exit.code})
        self._ended(run.id)


def _has_ended_by_itself(seen: SeenRun) -> bool:
    """Whether the Job of a step came to its end, not to that of its time."""
    failed = condition(seen.job, "Failed") or {}
    return is_over(seen.job) and failed.get("reason") != "DeadlineExceeded"


def _taken_away(sight: Sight) -> Exit:
    return explain("replaced") if sight.replaced else explain("cancelled", by="Kubernetes")

"""The items of a step, each followed in its pod: its state, its log, copies of what it left."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from nacelle.jobs.job import Exit
from nacelle.jobs.kubernetes.indexes import has_ended, judge_index
from nacelle.jobs.kubernetes.logs import Logs, has_log
from nacelle.jobs.kubernetes.reasons import Over, Running, Sight
from nacelle.jobs.kubernetes.results import NotHad, Results
from nacelle.jobs.kubernetes.sights import SeenRun, Sights
from nacelle.jobs.kubernetes.stages import Stages
from nacelle.jobs.parts import Progress
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.records import ITEM, ItemRecord
from nacelle.jobs.store import Store

_COPIED = ("notebook.ipynb", "notebook.html", ITEM)

log = logging.getLogger(__name__)


class Seat(NamedTuple):
    """The step whose turn it is: its place, what is seen of its Job, and the item of each index."""

    step: Step
    place: int
    seen: SeenRun
    items: list[ItemRecord]


class Items:
    """Follows items; what is seen of them is written into the record of their run."""

    def __init__(self, store: Store, sights: Sights, results: Results, logs: Logs) -> None:
        self._store = store
        self._sights = sights
        self._results = results
        self._logs = logs

    def verdicts(self, seat: Seat, sight: Sight, asked: bool = False) -> dict[int, Running | Over]:
        """How the indexes stand that have begun, or ended, and whose end is not told yet."""
        found: dict[int, Running | Over] = {}
        for index, item in enumerate(seat.items):
            if item.state in ("waiting", "running"):
                verdict = judge_index(self.sight(seat, sight, index, asked))
                if isinstance(verdict, Running | Over):
                    found[index] = verdict
        return found

    def sight(self, seat: Seat, sight: Sight, index: int, asked: bool = False) -> Sight:
        """What is known of an index; `sight` is what is known of all."""
        seen = seat.seen
        return replace(
            sight,
            job=seen.job,
            pod=seen.pods.get(index),
            gone=seen.gone,
            asked=asked,
            warning=self._sights.warning(seen, index),
        )

    def begin(self, stages: Stages, seat: Seat, index: int, since: datetime) -> None:
        """An index runs: its log is followed."""
        item = seat.items[index]
        self._store.begun(stages.run.id, since)
        if item.state == "waiting":
            seat.items[index] = stages.board.begin(item, since)
            self._progress(stages)
        self._follow(stages, seat, index)

    def _follow(self, stages: Stages, seat: Seat, index: int) -> None:
        pod, item = seat.seen.pods[index], seat.items[index]

        def progressed(progress: Progress) -> None:
            stages.board.tell(item, progress)
            self._progress(stages)

        self._logs.follow(
            f"{stages.run.id}/{item.name}",
            pod,
            stages.item_folder(item),
            progressed,
            partial(_ended_now, self._sights, stages.run.id, seat.place, index),
        )

    def _progress(self, stages: Stages) -> None:
        if progress := stages.folder.read_progress():
            self._store.progressed(stages.run.id, progress)

    async def take_in(
        self,
        stages: Stages,
        seat: Seat,
        verdicts: dict[int, Running | Over],
        end: Exit | None = None,
    ) -> None:
        """What ended: its log to the end, copies of what it left, its end told. `end` is why those
        were stopped that say no more than that they were."""
        over = {index: one for index, one in verdicts.items() if isinstance(one, Over)}
        if not over:
            return
        with_log = [index for index in over if has_log(seat.seen.pods.get(index))]
        for index in with_log:
            self._follow(stages, seat, index)
        names = [seat.items[index].name for index in over]
        await asyncio.gather(*(self._logs.finish(f"{stages.run.id}/{name}") for name in names))
        await self._copy(stages, names)
        for index, verdict in over.items():
            if verdict.since:
                self._store.begun(stages.run.id, verdict.since)
            stopped = end if verdict.event == "cancelled" else None
            _tell_end(stages, seat.items[index], verdict, stopped)
        self._progress(stages)

    async def _copy(self, stages: Stages, names: list[str]) -> None:
        try:
            await self._results.take_items(stages.run, names, _COPIED)
        except NotHad as error:
            log.warning("items are not to be had: %s", error, extra={"run": stages.run.id})

    async def end_rest(self, stages: Stages, seat: Seat, exit: Exit) -> None:
        """The Job of a step is over, and the pods of some items are gone: these have written how
        they ended, or nobody will know."""
        open_ = [one for one in stages.items(seat.step) if one.state in ("waiting", "running")]
        await self._copy(stages, [one.name for one in open_])
        for item in open_:
            _tell_left(stages, item, exit)
        self._progress(stages)


def _tell_end(stages: Stages, item: ItemRecord, over: Over, stopped: Exit | None) -> None:
    left, result = stages.left(item), over.result
    if item.state == "waiting":
        item = stages.board.begin(item, over.since)
    if over.event == "succeeded":
        outputs = left.outputs if left else {}
        stages.board.succeeded(item, outputs, result.ended if result else None)
    else:
        stages.board.failed(item, stopped or over.exit, result.ended if result else None)


def _tell_left(stages: Stages, item: ItemRecord, otherwise: Exit) -> None:
    """The end of an item whose pod is gone: as it wrote itself, or otherwise."""
    left = stages.left(item)
    if left is not None and left.state == "succeeded":
        stages.board.succeeded(item, left.outputs, left.ended)
    else:
        stages.board.failed(item, (left.exit if left else None) or otherwise)


def _ended_now(sights: Sights, run_id: str, place: int, index: int) -> bool:
    seen = sights.of(run_id, place)
    return seen.gone or has_ended(seen.pods.get(index))

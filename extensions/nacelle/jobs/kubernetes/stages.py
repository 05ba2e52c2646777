"""A run whose steps are Jobs, as far as it is: kept in its folder, as of a run on one machine.

Nothing is known here that is not in `pipeline.json`: the engine may be killed between two lines.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nacelle.jobs.engine.addressing import target
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Exit
from nacelle.jobs.pipelines.board import Board
from nacelle.jobs.pipelines.going_on import Earlier, find_earlier
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.records import ITEM, ItemRecord, PipelineRecord, read_record
from nacelle.jobs.pipelines.resolving import Known, Times, values_of
from nacelle.jobs.pipelines.spreading import in_order
from nacelle.jobs.pipelines.step_folder import KEPT, steps_folder
from nacelle.jobs.pipelines.understanding import Understood
from nacelle.jobs.running.ending import Ended

_MOST_BYTES = 50_000_000

log = logging.getLogger(__name__)


class Stages:
    """The steps of one run, each with its turn. `began` is when the run did."""

    def __init__(
        self,
        folder: RunFolder,
        run: Run,
        job: Job,
        snapshot: Snapshot,
        understood: Understood,
        began: datetime,
    ) -> None:
        self.folder = folder
        self.run = run
        self.steps = in_order(understood.pipeline)
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        zone = job.schedule.zone if job.schedule else "UTC"
        self._earlier = find_earlier(folder, run)
        record = read_record(folder)
        if record is None or record.run != run.id:
            record = self._begin(understood, snapshot, began, zone)
        self.board = Board(folder, self.say, str, understood, record)
        of_the_run = {"folder": "", "target": target(job, run), "id": run.id}
        times = Times(record.scheduled, record.started, zone)
        self._known = Known(record.values, of_the_run, times, self.board.output)

    def turn(self) -> tuple[int, Step] | None:
        """The step whose turn it is, with its place; those that cannot run any more are left out.

        None when there is no other.
        """
        for place, step in enumerate(self.steps):
            if self.board.state(step.name) != "open":
                continue
            if "bad" in {self.board.state(name) for _, name in step.before()}:
                self.board.leave_out(step)
                continue
            return place, step
        return None

    def items(self, step: Step) -> list[ItemRecord]:
        """The items of a step that its Job runs, in the order of its indexes; those that ran in an
        earlier run are taken over."""
        try:
            items = self.board.spread(step, self._known.combinations(step))
        except Ended as end:
            self.board.cannot_begin(step, end.exit)
            return []
        for item in items:
            if item.state == "waiting" and (found := self._take_over(step, item)):
                self.board.took_over(item, found)
        return [one for one in self.board.items() if one.step == step.name and not one.reused]

    def item_folder(self, item: ItemRecord) -> RunFolder:
        """Where copies of what an item left are, and its log."""
        return RunFolder(steps_folder(self.folder, item.name))

    def left(self, item: ItemRecord) -> ItemRecord | None:
        """What an item's own process wrote of it, as far as it can be believed."""
        file = self.item_folder(item).path / ITEM
        try:
            if file.stat().st_size > _MOST_BYTES:
                return None
            found = ItemRecord.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            return None
        same = (found.step, found.number) == (item.step, item.number)
        return found if same and found.state in ("succeeded", "failed") else None

    def end_all(self, exit: Exit) -> None:
        """Nothing of the run goes on: what runs has this end, what waits is left out."""
        for item in self.board.items():
            if item.state == "running":
                self.board.failed(item, exit)
        for step in self.steps:
            if self.board.state(step.name) == "open":
                self.board.leave_out(step)

    def say(self, sentence: str) -> None:
        """One line of the run's log."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        with self.folder.log.open("a", encoding="utf-8") as file:
            file.write(f"{now}  {' '.join(sentence.split())}\n")

    def files(self) -> list[tuple[Path, str]]:
        """What the engine itself has to put beside the results, by its name there."""
        found = [
            (self.folder.notebook, "notebook.ipynb"),
            (self.folder.html, "notebook.html"),
            (self.folder.log, "log.txt"),
        ]
        for item in self.board.items():
            if item.reused:
                folder = self.item_folder(item).path
                found += [
                    (folder / file, f"steps/{item.name}/{kept}") for file, kept in KEPT.items()
                ]
        return [(file, name) for file, name in found if file.exists()]

    def _begin(
        self, understood: Understood, snapshot: Snapshot, began: datetime, zone: str
    ) -> PipelineRecord:
        """With what this run begins: an earlier one's values, or its own."""
        run = self.run
        if self._earlier:
            before = self._earlier.record
            self.say(f"Going on from the run {before.run[:8]}, with its values")
            return before.model_copy(update={"run": run.id, "items": ()})
        times = Times(run.scheduled, began, zone)
        values: dict[str, Any] = values_of(understood.pipeline, snapshot.parameters, times)
        return PipelineRecord(
            run=run.id,
            version=run.version,
            values=values,
            scheduled=run.scheduled,
            started=began,
            shared="",
        )

    def _take_over(self, step: Step, item: ItemRecord) -> ItemRecord | None:
        fresh = any(not self.board.is_reused(name) for _, name in step.before())
        if fresh or self._earlier is None:
            return None
        return _taken(self._earlier, item)


def _taken(earlier: Earlier, item: ItemRecord) -> ItemRecord | None:
    try:
        return earlier.take(item.step, item.matrix, item.name)
    except OSError:
        log.warning("a step cannot be taken over", exc_info=True, extra={"step": item.name})
        return None


def of_platform(run: Run) -> Exit:
    """The end of what nobody knows the end of."""
    return explain("platform", request=run.id[:8])

"""How the steps of a run are: told to the log, the progress, the record and the index at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Exit, Progress
from nacelle.jobs.pipelines.index import index
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord, output_of, write_record
from nacelle.jobs.pipelines.understanding import Understood
from nacelle.jobs.running.files import write_text


class Board:
    """Any thread may tell it something. `items` are in the order of the file.

    `say` writes a line of the run's log; `hide` takes keys out of what is shown. Items that the
    record has are taken up as they are.
    """

    def __init__(
        self,
        folder: RunFolder,
        say: Callable[[str], None],
        hide: Callable[[str], str],
        understood: Understood,
        record: PipelineRecord,
    ) -> None:
        self._folder = folder
        self._say = say
        self._hide = hide
        self._pipeline, self._notebooks = understood
        self._record = record
        self._lock = threading.Lock()
        self._items = {
            step.name: [one for one in record.items if one.step == step.name]
            or [ItemRecord(step=step.name)]
            for step in self._pipeline.steps
        }
        self._matrices = {step.name for step in self._pipeline.steps if step.matrix is not None}
        self._begun = {
            name
            for name, items in self._items.items()
            if items[0].number is not None or items[0].state != "waiting"
        }
        self._cells: dict[tuple[str, int | None], int] = {}
        self._write()

    def spread(self, step: Step, combinations: list[dict[str, Any]]) -> list[ItemRecord]:
        """A step's turn has come: its items, waiting; or as they are, if it came before."""
        with self._lock:
            if step.matrix is not None and step.name not in self._begun:
                self._items[step.name] = [
                    ItemRecord(step=step.name, number=number, matrix=one)
                    for number, one in enumerate(combinations, start=1)
                ]
            self._begun.add(step.name)
            return list(self._items[step.name])

    def state(self, step: str) -> Literal["open", "good", "bad"]:
        """Whether a step has ended, and all of it well."""
        states = {one.state for one in self._items[step]}
        if step not in self._begun or states & {"waiting", "running"}:
            return "open"
        return "bad" if states & {"failed", "left-out"} else "good"

    def is_reused(self, step: str) -> bool:
        """Whether all of a step ran in an earlier run."""
        return all(one.reused for one in self._items[step])

    def output(self, step: str, name: str) -> Any:
        """What a step gave, a list where it has a matrix. Raises KeyError."""
        return output_of(self._items[step], step in self._matrices, name)

    def begin(self, item: ItemRecord, at: datetime | None = None) -> ItemRecord:
        return self._change(item, state="running", started=at or _now())

    def took_over(self, item: ItemRecord, earlier: ItemRecord) -> None:
        """It ran in an earlier run."""
        self._say(f"{item.name}: taken over from the earlier run")
        kept = {"outputs": earlier.outputs, "started": earlier.started, "ended": earlier.ended}
        self._change(item, state="succeeded", reused=True, **kept)

    def succeeded(
        self, item: ItemRecord, outputs: dict[str, Any], at: datetime | None = None
    ) -> None:
        names = f" and gave {', '.join(outputs)}" if outputs else ""
        self._say(f"{item.name}: succeeded{names}")
        self._change(item, state="succeeded", outputs=outputs, ended=at or _now())

    def failed(self, item: ItemRecord, exit: Exit, at: datetime | None = None) -> None:
        self._say(f"{item.name}: {exit.said.en}")
        self._change(item, state="failed", exit=exit, ended=at or _now())

    def cannot_begin(self, step: Step, exit: Exit) -> None:
        """The values that it is to run with are not to be had."""
        self._begun.add(step.name)
        self.failed(self._items[step.name][0], exit)

    def leave_out(self, step: Step) -> None:
        """It will not run, nor will those of its combinations that have not."""
        self._begun.add(step.name)
        for item in list(self._items[step.name]):
            if item.state == "waiting":
                self._change(item, state="left-out")

    def tell(self, item: ItemRecord, progress: Progress) -> None:
        """An item is at another cell."""
        with self._lock:
            self._cells[item.step, item.number] = progress.cell
            self._write_progress()

    def items(self) -> list[ItemRecord]:
        with self._lock:
            return [one for items in self._items.values() for one in items]

    def _change(self, item: ItemRecord, **changes: Any) -> ItemRecord:
        with self._lock:
            items = self._items[item.step]
            place = (item.number or 1) - 1
            items[place] = items[place].model_copy(update=changes)
            self._write()
            return items[place]

    def _write(self) -> None:
        items = tuple(one for items in self._items.values() for one in items)
        write_record(self._folder, self._record.model_copy(update={"items": items}))
        text = index(self._pipeline, self._record.values, items)
        write_text(self._folder.notebook, self._hide(text))
        self._write_progress()

    def _write_progress(self) -> None:
        done = of = over = total = 0
        steps = {step.name: step for step in self._pipeline.steps}
        for items in self._items.values():
            for one in items:
                cells = len(self._notebooks[steps[one.step].notebook].cells)
                of += cells
                whole = one.state == "succeeded"
                done += cells if whole else min(cells, self._cells.get((one.step, one.number), 0))
            # Each combination counts: that a sweep is at 7 of 12 says more than 0 of 1.
            over += sum(one.state not in ("waiting", "running") for one in items)
            total += len(items)
        self._folder.write_progress(Progress(cell=done, of=of, step=over, steps=total))


def _now() -> datetime:
    return datetime.now(UTC)

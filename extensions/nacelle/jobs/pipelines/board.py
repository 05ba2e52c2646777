"""How the steps of a run are: told to the log, the progress, the record and the index at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, Literal

from nacelle.jobs.parts import Exit, Progress
from nacelle.jobs.pipelines.index import index
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord, write_record
from nacelle.jobs.pipelines.understanding import Understood
from nacelle.jobs.running.executing import Bench
from nacelle.jobs.running.files import write_text


class Board:
    """Any thread may tell it something. `items` are in the order of the file."""

    def __init__(self, bench: Bench, understood: Understood, record: PipelineRecord) -> None:
        self._bench = bench
        self._pipeline, self._notebooks = understood
        self._record = record
        self._lock = threading.Lock()
        self._items = {step.name: [ItemRecord(step=step.name)] for step in self._pipeline.steps}
        self._matrices = {step.name for step in self._pipeline.steps if step.matrix is not None}
        self._begun: set[str] = set()
        self._cells: dict[tuple[str, int | None], int] = {}
        self._write()

    def spread(self, step: Step, combinations: list[dict[str, Any]]) -> list[ItemRecord]:
        """A step's turn has come: its items, waiting."""
        with self._lock:
            self._begun.add(step.name)
            if step.matrix is not None:
                self._items[step.name] = [
                    ItemRecord(step=step.name, number=number, matrix=one)
                    for number, one in enumerate(combinations, start=1)
                ]
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
        items = self._items[step]
        if step in self._matrices:
            return [one.outputs[name] for one in items]
        return items[0].outputs[name]

    def begin(self, item: ItemRecord) -> ItemRecord:
        return self._change(item, state="running", started=_now())

    def took_over(self, item: ItemRecord, earlier: ItemRecord) -> None:
        """It ran in an earlier run."""
        self._bench.journal.say(f"{item.name}: taken over from the earlier run")
        kept = {"outputs": earlier.outputs, "started": earlier.started, "ended": earlier.ended}
        self._change(item, state="succeeded", reused=True, **kept)

    def succeeded(self, item: ItemRecord, outputs: dict[str, Any]) -> None:
        names = f" and gave {', '.join(outputs)}" if outputs else ""
        self._bench.journal.say(f"{item.name}: succeeded{names}")
        self._change(item, state="succeeded", outputs=outputs, ended=_now())

    def failed(self, item: ItemRecord, exit: Exit) -> None:
        self._bench.journal.say(f"{item.name}: {exit.said.en}")
        self._change(item, state="failed", exit=exit, ended=_now())

    def cannot_begin(self, step: Step, exit: Exit) -> None:
        """The values that it is to run with are not to be had."""
        self._begun.add(step.name)
        self.failed(self._items[step.name][0], exit)

    def leave_out(self, step: Step) -> None:
        self._begun.add(step.name)
        self._change(self._items[step.name][0], state="left-out")

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
        folder = self._bench.folder
        write_record(folder, self._record.model_copy(update={"items": items}))
        text = index(self._pipeline, self._record.values, items)
        write_text(folder.notebook, self._bench.hider.hide(text))
        self._write_progress()

    def _write_progress(self) -> None:
        done = of = over = 0
        steps = {step.name: step for step in self._pipeline.steps}
        for items in self._items.values():
            for one in items:
                cells = len(self._notebooks[steps[one.step].notebook].cells)
                of += cells
                whole = one.state == "succeeded"
                done += cells if whole else min(cells, self._cells.get((one.step, one.number), 0))
            over += all(one.state not in ("waiting", "running") for one in items)
        self._bench.folder.write_progress(
            Progress(cell=done, of=of, step=over, steps=len(self._items))
        )


def _now() -> datetime:
    return datetime.now(UTC)

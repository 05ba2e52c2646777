"""The output notebook while it comes to be: papermill's bookkeeping, written now and then."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Progress
from nacelle.jobs.running.files import write_text
from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.measures import duration
from nacelle.jobs.running.prepare import Numbering

# At least so long between two writings, and at most this part of the time spent on them.
_PAUSE_SECONDS = 2.0
_SHARE = 0.05


class Bookkeeping(NotebookExecutionManager):  # type: ignore[misc]
    """Marks the cells as papermill does; says in log and progress how far the notebook is."""

    def __init__(
        self, notebook: Any, numbering: Numbering, folder: RunFolder, hider: Hider, journal: Journal
    ) -> None:
        super().__init__(notebook, progress_bar=False, autosave_cell_every=0)
        self._numbering = numbering
        self._folder = folder
        self._hider = hider
        self._journal = journal
        self._due = 0.0
        self._waiting = False
        self._cell_began = 0.0
        self.at = 0

    def save(self, **_: Any) -> None:
        """Write soon: papermill asks at each start and end of a cell, which many cells make dear.

        Between the answers of a cell the loop runs and writes what waits.
        """
        wait = self._due - time.monotonic()
        if wait <= 0:
            self.write()
        elif not self._waiting:
            self._waiting = self._write_later(wait)

    def autosave_cell(self) -> None:
        self.save()

    def write(self) -> None:
        """Write the notebook as it is now, without the run's keys."""
        began = time.monotonic()
        write_text(self._folder.notebook, self._hider.hide(nbformat.writes(self.nb)))
        took = time.monotonic() - began
        self._due = time.monotonic() + max(_PAUSE_SECONDS, took / _SHARE)

    def cell_start(self, cell: Any, cell_index: int | None = None, **more: Any) -> None:
        assert cell_index is not None
        self.at = cell_index
        super().cell_start(cell, cell_index, **more)
        self._cell_began = time.monotonic()
        number = self._numbering.number(cell_index)
        if cell.cell_type != "code":
            return
        what = "Parameters" if cell_index == self._numbering.inserted else f"Cell {number}"
        self._journal.say(f"{what} of {self._numbering.cells}")
        self._tell(number - 1)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **more: Any) -> None:
        assert cell_index is not None
        super().cell_complete(cell, cell_index, **more)
        if cell.cell_type == "code" and (took := time.monotonic() - self._cell_began) >= 1:
            self._journal.say(f"That took {duration(took)}.")

    def notebook_complete(self, **_: Any) -> None:
        """The times; cells that did not run are not made to look as if they had."""
        self.end_time = self.now()
        kept = self.nb.metadata.papermill
        kept["end_time"] = self.end_time.isoformat()
        kept["duration"] = (self.end_time - self.start_time).total_seconds()
        self.write()

    def all_done(self) -> None:
        """Every cell ran."""
        self._tell(self._numbering.cells)

    @property
    def cell(self) -> int:
        """The cell that runs or ran last, as the input notebook counts it."""
        return self._numbering.number(self.at)

    def _tell(self, done: int) -> None:
        self._folder.write_progress(Progress(cell=done, of=self._numbering.cells))

    def _write_later(self, seconds: float) -> bool:
        try:
            asyncio.get_running_loop().call_later(seconds, self._write_waiting)
        except RuntimeError:
            # Between two cells; the next one asks again.
            return False
        return True

    def _write_waiting(self) -> None:
        self._waiting = False
        self.write()

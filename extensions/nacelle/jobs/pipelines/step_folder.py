"""The folder of a step within that of its run: what it leaves is its own, the rest is shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Progress

# What a step leaves in its folder, by the names that it has in the store.
KEPT = {"notebook.ipynb": "notebook.ipynb", "notebook.html": "notebook.html", "log": "log.txt"}


@dataclass(frozen=True)
class StepFolder(RunFolder):
    """`steps/<name>` of the folder `run`. `tell` hears how far the step is."""

    run: RunFolder
    tell: Callable[[Progress], None]

    @property
    def home(self) -> Path:
        return self.run.home

    @property
    def runtime(self) -> Path:
        return self.run.runtime

    @property
    def packages(self) -> Path:
        return self.run.packages

    @property
    def cache(self) -> Path:
        return self.run.cache

    def write_progress(self, progress: Progress) -> None:
        self.tell(progress)


def steps_folder(run: RunFolder, name: str) -> Path:
    """Where a step leaves its results; `name` is that of its record."""
    return run.path / "steps" / name


def shared_folder(run: RunFolder) -> Path:
    """What steps of a run share on disk. It goes when the run succeeds, else with the run."""
    return run.path / "shared"

"""One step of a run, or one combination of its matrix: its notebook, run as a job's alone is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from nacelle.jobs.notebook import NotebookFile
from nacelle.jobs.order import Order
from nacelle.jobs.parts import Progress
from nacelle.jobs.pipelines.outputs import given
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.step_folder import KEPT, StepFolder, steps_folder
from nacelle.jobs.pipelines.step_parts import StepHalt, StepJournal
from nacelle.jobs.running.executing import Bench, Rights, Work, run_notebook
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.kernel import find_kernel


class Task(NamedTuple):
    """A step to run: `name` is that of its record, `values` are for its notebook."""

    step: Step
    name: str
    content: bytes
    notebook: NotebookFile
    values: dict[str, Any]


def run_step(
    bench: Bench, task: Task, rights: Rights, tell: Callable[[Progress], None]
) -> dict[str, Any]:
    """Run a step; what it gave. Raises Ended unless it succeeded."""
    folder = StepFolder(steps_folder(bench.folder, task.name), bench.folder, tell)
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = StepJournal(bench.journal, task.name, Journal(folder.log, bench.hider))
    own = replace(bench, folder=folder, journal=journal, halt=StepHalt(bench.halt))
    own.halt.check()
    work = work_of(bench.order, task, f"{bench.order.target}/steps/{task.name}")
    follow(bench, task.name)
    try:
        run_notebook(own, work, rights)
    finally:
        journal.close()
        shutil.rmtree(folder.work, ignore_errors=True)
    produced = json.loads(folder.notebook.read_bytes())
    return given(produced, str(find_kernel(work.kernel).language).lower())


def work_of(order: Order, task: Task, target: str) -> Work:
    """The notebook of a step with what it gets; its results are kept at `target`."""
    kernel = _kernel(order, task)
    return Work(task.content, kernel, task.values, task.step.notebook, target, task.step.timeout)


def follow(bench: Bench, name: str) -> None:
    """Keep a step's results in the store, as far as they are."""
    folder = steps_folder(bench.folder, name)
    for file, kept in KEPT.items():
        bench.uploads.follow(folder / file, f"steps/{name}/{kept}")


def _kernel(order: Order, task: Task) -> str:
    """The step's own kernel, else the job's; in another language, that of the notebook."""
    chosen = task.step.kernel or order.kernel
    if task.step.kernel is None and task.notebook.language:
        language = str(find_kernel(chosen).language).lower()
        if language != task.notebook.language:
            return task.notebook.kernel or chosen
    return chosen

"""A run of a pipeline: each step when what it needs has succeeded, side by side where it may be.

A step that fails stops those that need it; the others go on to their end, and the run fails with
the first failure, in the order of the file. What stops the run (its time, its memory, a person)
stops all of it.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from nacelle.jobs.exits import explain
from nacelle.jobs.parts import UtcTime
from nacelle.jobs.pipelines.board import Board
from nacelle.jobs.pipelines.bundle import Bundle, read_bundle
from nacelle.jobs.pipelines.ending import exit_of
from nacelle.jobs.pipelines.going_on import Earlier, find_earlier
from nacelle.jobs.pipelines.pipeline import Step
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord
from nacelle.jobs.pipelines.resolving import Known, Times, values_of
from nacelle.jobs.pipelines.step_folder import shared_folder, steps_folder
from nacelle.jobs.pipelines.stepping import Task, follow, run_step
from nacelle.jobs.pipelines.understanding import Understood, understand
from nacelle.jobs.refusal import Refused
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.executing import Bench, Rights
from nacelle.jobs.running.page import make_page

# Kernels beside each other share the memory of one environment.
_MOST_AT_ONCE = 2
_PAGE_SECONDS = 10.0
_PAGES_SECONDS = 30.0
_PAGES_SECONDS_SOON = 2.0


def conduct(bench: Bench, content: bytes, started: UtcTime, rights: Rights) -> None:
    """Run a pipeline; when this returns, every step succeeded. Raises Ended with any other end."""
    try:
        bundle = read_bundle(content, 2**30)
        understood = understand(bundle)
    except Refused as error:
        # It was checked when it was promoted; this platform may have become stricter since.
        raise Ended("notebook", message=error.said.en) from None
    Conductor(bench, bundle, understood, started, rights).run()


class Conductor:
    """One run of a pipeline."""

    def __init__(
        self,
        bench: Bench,
        bundle: Bundle,
        understood: Understood,
        started: UtcTime,
        rights: Rights,
    ) -> None:
        self._bench = bench
        self._bundle = bundle
        self._pipeline, self._notebooks = understood
        self._rights = rights
        self._earlier = _go_on(bench)
        record = self._record(started)
        self._board = Board(bench.folder, bench.journal.say, bench.hider.hide, understood, record)
        of_the_run = {"folder": record.shared, "target": bench.order.target, "id": record.run}
        times = Times(record.scheduled, record.started, bench.order.zone)
        self._known = Known(record.values, of_the_run, times, self._board.output)
        self._waiting = list(self._pipeline.steps)
        self._running: dict[Future[dict[str, Any]], ItemRecord] = {}
        self._steps = ThreadPoolExecutor(_at_once(), "step")
        self._pages = ThreadPoolExecutor(1, "pages")
        self._drawn: list[Future[bool]] = []
        self._broken: Exception | None = None

    def run(self) -> None:
        """Until no step is left that can run."""
        shared = shared_folder(self._bench.folder)
        shared.mkdir(mode=0o700, exist_ok=True)
        try:
            while self._start_all_ready():
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take_in(future)
            self._judge()
        finally:
            self._wait_for_pages()
        # What a failed run leaves there is needed by the one that goes on.
        shutil.rmtree(shared, ignore_errors=True)

    def _record(self, started: UtcTime) -> PipelineRecord:
        """With what this run begins: an earlier one's values, or its own."""
        order = self._bench.order
        shared = str(shared_folder(self._bench.folder))
        if self._earlier:
            return self._earlier.record.model_copy(
                update={"run": order.run.id, "shared": shared, "items": ()}
            )
        times = Times(order.run.scheduled, started, order.zone)
        return PipelineRecord(
            run=order.run.id,
            version=order.run.version,
            values=values_of(self._pipeline, order.snapshot.parameters, times),
            scheduled=order.run.scheduled,
            started=started,
            shared=shared,
        )

    def _start_all_ready(self) -> bool:
        """Start what can be, and what can be then; whether anything runs."""
        while self._start_ready():
            continue
        return bool(self._running)

    def _start_ready(self) -> bool:
        """Start the steps whose turn has come; whether there were any."""
        began = False
        for step in list(self._waiting):
            states = {self._board.state(name) for _, name in step.before()}
            if "bad" in states or self._bench.halt.reason:
                self._board.leave_out(step)
            elif "open" in states:
                continue
            else:
                self._start(step)
            self._waiting.remove(step)
            began = True
        return began

    def _start(self, step: Step) -> None:
        try:
            items = self._board.spread(step, self._known.combinations(step))
        except Ended as end:
            self._board.cannot_begin(step, end.exit)
            return
        for item in items:
            try:
                if not self._take_over(step, item):
                    self._submit(step, item)
            except Ended as end:
                self._board.failed(item, end.exit)

    def _take_over(self, step: Step, item: ItemRecord) -> bool:
        fresh = any(not self._board.is_reused(name) for _, name in step.before())
        if self._earlier is None or fresh:
            return False
        found = self._earlier.take(step.name, item.matrix, item.name)
        if found is None:
            return False
        follow(self._bench, item.name)
        self._board.took_over(item, found)
        return True

    def _submit(self, step: Step, item: ItemRecord) -> None:
        values = self._known.parameters(step, item.matrix)
        content, notebook = self._bundle.notebooks[step.notebook], self._notebooks[step.notebook]
        task = Task(step, item.name, content, notebook, values)
        self._running[self._steps.submit(self._work, task, item)] = item

    def _work(self, task: Task, item: ItemRecord) -> dict[str, Any]:
        """In a thread of its own."""
        self._bench.halt.check()
        self._board.begin(item)
        try:
            return run_step(self._bench, task, self._rights, partial(self._board.tell, item))
        finally:
            folder = steps_folder(self._bench.folder, item.name)
            notebook, page = folder / "notebook.ipynb", folder / "notebook.html"
            if notebook.exists():
                self._drawn.append(self._pages.submit(make_page, notebook, page, _PAGE_SECONDS))

    def _take_in(self, future: Future[dict[str, Any]]) -> None:
        item = self._running.pop(future)
        try:
            self._board.succeeded(item, future.result())
        except Ended as end:
            self._board.failed(item, end.exit)
        except Exception as error:
            self._broken = error
            self._board.failed(item, explain("platform", request=self._bench.folder.path.name[:8]))

    def _wait_for_pages(self) -> None:
        wait(self._drawn, _PAGES_SECONDS_SOON if self._bench.halt.reason else _PAGES_SECONDS)
        self._pages.shutdown(wait=False, cancel_futures=True)

    def _judge(self) -> None:
        self._bench.halt.check()
        if self._broken:
            raise self._broken
        items = self._board.items()
        left_out = [one.shown for one in items if one.state == "left-out"]
        if left_out:
            self._bench.journal.say(f"Left out: {', '.join(left_out)}")
        if exit := exit_of(items):
            raise Ended.of(exit)


def _go_on(bench: Bench) -> Earlier | None:
    """The run to go on from, what its steps shared brought along."""
    earlier = find_earlier(bench.folder, bench.order.run)
    if earlier is None:
        return None
    try:
        earlier.copy_shared()
    except OSError as error:
        bench.journal.say(f"The earlier run cannot be gone on from ({error}); all runs anew.")
        shutil.rmtree(shared_folder(bench.folder), ignore_errors=True)
        return None
    bench.journal.say(f"Going on from the run {earlier.record.run[:8]}, with its values")
    return earlier


def _at_once() -> int:
    return max(1, min(_MOST_AT_ONCE, len(os.sched_getaffinity(0))))

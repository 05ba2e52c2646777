"""Run a few long tasks side by side, each in a process of its own that never outlives us."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from threadpoolctl import threadpool_limits

from nacelle.nace.errors import NaceError

Report = Callable[[float], None]
_LOOK = 0.2


@dataclass(frozen=True)
class Task:
    """`function(*arguments, report)`, importable by name; `report` takes the share done."""

    what: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]


def run(tasks: Sequence[Task], workers: int, progress: Callable[[float, str], None]) -> None:
    """Run all tasks, `workers` at a time; each leaves its result in a file of its own.

    A task that fails stops the others and raises its NaceError here. Interrupted, all are stopped.
    """
    context = multiprocessing.get_context("spawn")
    done = context.Array("d", len(tasks))
    problems = context.SimpleQueue()
    waiting = list(enumerate(tasks))
    running: dict[int, SpawnProcess] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                position, task = waiting.pop(0)
                process = context.Process(
                    target=_child, args=(task, position, done, problems), daemon=True
                )
                with _deaf_to_ctrl_c():
                    process.start()
                    running[position] = process
            wait([process.sentinel for process in running.values()], timeout=_LOOK)
            first = tasks[min(running)].what
            progress(sum(done[:]) / len(tasks), first)
            for position in [one for one, process in running.items() if not process.is_alive()]:
                _finish(running.pop(position), tasks[position], problems)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What starts here never gets the terminal's Ctrl-C: we do, and stop it without its traceback.

    A mask outlives the start of a process, and a signal to us only waits until the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _finish(process: SpawnProcess, task: Task, problems: Any) -> None:
    process.join()
    if not problems.empty():
        raise NaceError(problems.get())
    if process.exitcode:
        raise NaceError(
            f"{task.what}: the process ended with status {process.exitcode}. Where memory ran out,"
            " train with fewer workers."
        )


def _child(task: Task, position: int, done: Any, problems: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def report(share: float) -> None:
        done[position] = share

    # One thread each: processes fill the cores, and sums come out the same each time.
    with threadpool_limits(1):
        try:
            task.function(*task.arguments, report)
        except NaceError as error:
            problems.put(str(error))
            raise SystemExit(1) from None
    report(1.0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))

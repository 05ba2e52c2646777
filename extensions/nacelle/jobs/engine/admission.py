"""Which of the waiting runs start now: pure, each case with a test of its number in
tests/jobs/test_engine_admission.py.

1. There are never more runs under way than the platform allows, nor of one owner than each may.
2. The owner with the fewest under way comes first, then the run that has waited longest.
3. A job that lets no two run at once has one under way, and the others wait.
4. Who may have no more, or waits for their own, holds up nobody else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nacelle.jobs.store.rows import Waiting


@dataclass(frozen=True)
class Limits:
    """Runs at once: of the platform, and of one owner."""

    at_once: int
    at_once_each: int


def choose(
    waiting: Sequence[Waiting], under_way: Iterable[tuple[str, str]], limits: Limits
) -> list[Waiting]:
    """Those to start, in this order. `waiting` is oldest first, `under_way` owners and jobs."""
    busy = list(under_way)
    running = Counter(owner for owner, _ in busy)
    jobs = {job for _, job in busy}
    queues: dict[str, deque[tuple[int, Waiting]]] = {}
    for place, one in enumerate(waiting):
        queues.setdefault(one.owner, deque()).append((place, one))
    chosen: list[Waiting] = []
    while len(busy) + len(chosen) < limits.at_once:
        first = [
            (running[owner], *found)
            for owner, queue in queues.items()
            if running[owner] < limits.at_once_each and (found := _next(queue, jobs))
        ]
        if not first:
            break
        _, place, one = min(first, key=lambda item: item[:2])
        queues[one.owner].remove((place, one))
        running[one.owner] += 1
        jobs.add(one.job)
        chosen.append(one)
    return chosen


def _next(queue: deque[tuple[int, Waiting]], jobs: set[str]) -> tuple[int, Waiting] | None:
    """The oldest of one owner's that does not wait for another run of its job."""
    return next((item for item in queue if not (item[1].alone and item[1].job in jobs)), None)

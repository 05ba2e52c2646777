"""Jobs: from promoting to armed, long lists, many due at once, free places, the cost of a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import httpx

from benchmarks import jobs_overhead
from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import scratch
from nacelle.credentials.identity import PROOF_HEADER, Person
from nacelle.jobs.job import Job
from nacelle.jobs.store import RunFilter, Store
from tests.jobs.engines import Bench, bench_in
from tests.jobs.serving import notebook
from tests.jobs.started import started_service
from tests.jobs.stored import NOW, add, ask

PROMOTED, LISTED, LISTS, DUE, AT_ONCE, EACH = 20, 10_000, 5, 200, 4, 4
PROMOTE_LIMIT, LIST_LIMIT, DUE_LIMIT, REFILL_LIMIT = 1.0, 0.3, 1.0, 1.0
OWNER = Person("alice")


def run(report: Report) -> Iterable[Figure]:
    """All figures of jobs; what is beside papermill comes last, for it takes longest."""
    yield from _served(report)
    with scratch() as folder, bench_in(folder, at_once=AT_ONCE, each=EACH) as bench:
        yield from asyncio.run(_engine(bench, report))
    yield from jobs_overhead.run(report)


def _served(report: Report) -> Iterator[Figure]:
    with scratch() as folder, _service(folder) as ask_service:
        report(f"{PROMOTED} notebooks promoted")
        took = [_promote(ask_service, number) for number in range(PROMOTED)]
        yield _of_limit(
            "jobs.promote",
            max(took),
            PROMOTE_LIMIT,
            "s",
            f"slowest of {PROMOTED}: the notebook sent, examined, and the job armed",
        )
        report(f"a list of {LISTED:,} runs")
        _fill(folder / "data" / "jobs" / "jobs.sqlite")
        took = [_list(ask_service) for _ in range(LISTS)]
        yield _of_limit(
            "jobs.list", median(took), LIST_LIMIT, "s", f"{LISTED:,} runs in one answer, over HTTP"
        )


async def _engine(bench: Bench, report: Report) -> list[Figure]:
    """Many due at one tick: how soon they all wait, and how soon a free place is taken."""
    report(f"{DUE} jobs due at one tick, runs that do nothing, {AT_ONCE} at once")
    for number in range(DUE):
        add(bench.store, NOW - timedelta(seconds=31), owner=("ada", "bob")[number % 2])
    most = 0

    def counted() -> int:
        nonlocal most
        under_way = len(bench.store.launched())
        most = max(most, under_way)
        return bench.store.count_runs(RunFilter())

    began = time.monotonic()
    async with bench.running():
        await bench.until(lambda: counted() >= DUE, "all runs to be there")
        pending = time.monotonic() - began

        def over() -> bool:
            counted()
            return len(bench.ran()) >= DUE

        await bench.until(over, "all runs to be over")
        took = time.monotonic() - began
    gaps = _gaps(bench)
    if most > AT_ONCE:
        raise RuntimeError(f"{most} runs at once, where {AT_ONCE} may be")
    return [
        _of_limit("jobs.due", pending, DUE_LIMIT, "s", f"until all {DUE} were pending"),
        _of_limit(
            "jobs.refill",
            max(gaps),
            REFILL_LIMIT,
            "s",
            f"longest time without a start while runs waited; never more than {most} at once,"
            f" all {DUE} in {took:.1f} s",
        ),
    ]


def _gaps(bench: Bench) -> list[float]:
    """Seconds between one start and the next, while there were runs that waited."""
    begun = sorted(
        found.at
        for path in (bench.folder / "runs").iterdir()
        if (found := bench.run_folder(path.name).begun())
    )
    return [(later - early).total_seconds() for early, later in pairwise(begun)]


def _of_limit(name: str, value: float, limit: float, unit: str, note: str) -> Figure:
    against = f"limit {limit:g} {unit} (ours {value:.3f})"
    return Figure(name, value / limit, "of limit", against, Goal("<=", 1.0), note)


@contextmanager
def _service(folder: Path) -> Iterator[httpx.Client]:
    """The service as the platform starts it; what asks it as OWNER."""
    with started_service(folder) as service:
        proof = {PROOF_HEADER: service.proof(OWNER)}
        with httpx.Client(base_url=service.url, headers=proof, timeout=60, trust_env=False) as http:
            yield http


def _promote(http: httpx.Client, number: int) -> float:
    content = notebook(f"print({number}, year)")
    began = time.monotonic()
    brought = http.post("/v1/notebooks?path=work/bench.ipynb", content=content).json()
    body = {
        "name": f"Bench {number}",
        "notebook": {name: brought[name] for name in ("sha256", "path")},
        "environment": {"profile": "python", "kernel": "python3"},
        "schedule": {"cron": "0 6 1 * *", "zone": "Europe/Paris"},
        "first": "arm",
    }
    made = http.post("/v1/jobs", json=body)
    took = time.monotonic() - began
    if made.status_code != 201 or made.json()["job"]["state"] != "armed":
        raise RuntimeError(f"the job was not armed: {made.text}")
    return took


def _fill(path: Path) -> None:
    store = Store(path)
    job: Job = add(store, owner=OWNER.name, state="draft")
    for _ in range(LISTED):
        ask(store, job)
    store.close()


def _list(http: httpx.Client) -> float:
    began = time.monotonic()
    answer = http.get(f"/v1/runs?limit={LISTED}")
    took = time.monotonic() - began
    if len(answer.json()["runs"]) != LISTED:
        raise RuntimeError("the list is not whole")
    return took

"""The engine with the platform's own runner: real kernels, results in the embedded store."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from nacelle.credentials.issuer import Identity
from nacelle.jobs.engine.addressing import target
from nacelle.jobs.engine.launcher import RUNNER
from nacelle.jobs.engine.outside import Token
from nacelle.jobs.job import Job, Notebook, Retry, Run, Snapshot
from nacelle.jobs.order import Order
from tests.jobs.engines import Bench, FakeHub, PlainOrders, bench_in
from tests.jobs.running.runs import OWNER, TOKEN, Place, all_gone, notebook, running_place
from tests.jobs.stored import add, ask, runs_of

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_place(tmp_path_factory.mktemp("place")) as made:
        yield made


class Orders(PlainOrders):
    """With this place's store and broker."""

    def __init__(self, place: Place, bench: Bench) -> None:
        self._place, self._bench = place, bench

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Order:
        plain = super().make(run, snapshot, job, person)
        changes = {
            "notebook_file": self._bench.store.notebook_path(snapshot.notebook.sha256),
            "variables": {"AWS_ENDPOINT_URL": self._place.store.url},
            "memory_bytes": 4 * 2**30,
            "target": target(job, run),
            "broker_url": self._place.broker.url,
        }
        return plain.model_copy(update=changes)


class Hub(FakeHub):
    """Gives the token that this place's broker knows."""

    async def mint(self, owner: str, run_id: str, seconds: int) -> Token:
        made = await super().mint(owner, run_id, seconds)
        return Token(made.id, TOKEN)


@pytest.fixture
def bench(place: Place, tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        made.command, made.orders, made.hub = RUNNER, Orders(place, made), Hub()
        yield made


def promoted(bench: Bench, *cells: str, **changes: object) -> Job:
    content = notebook(*cells)
    sha256 = bench.store.keep_notebook(OWNER, content)
    where = Notebook(sha256=sha256, path="work/figures.ipynb")
    return add(bench.store, notebook=where, schedule=None, state="draft", **changes)


async def test_a_notebook_that_works_arms_its_job(bench: Bench) -> None:
    job = promoted(bench, "print('hello')")
    run = ask(bench.store, job, cause="first")
    async with bench.running():
        ended = await bench.ended(run.id)
    assert ended.state == "succeeded", bench.run_folder(run.id).log.read_text()
    assert ended.notebook == f"{target(job, run)}/notebook.ipynb" and ended.html and ended.log
    assert ended.progress and ended.progress.cell == ended.progress.of == 1
    found = bench.store.job(job.id)
    assert found and found.state == "armed"
    left = nbformat.read(bench.run_folder(run.id).notebook, as_version=4)
    assert "hello" in str(left.cells[0].outputs)


async def test_a_notebook_that_fails_says_where_and_why(bench: Bench) -> None:
    job = promoted(bench, "1", "raise ValueError('no rows')")
    run = ask(bench.store, job, cause="first")
    async with bench.running():
        ended = await bench.ended(run.id)
    assert ended.exit and (ended.state, ended.exit.code, ended.exit.cell) == (
        "failed",
        "exception",
        2,
    )
    (message,) = bench.store.messages_of(OWNER)
    assert "no rows" in message.said.en


WAITS = ("import time", "print('here', flush=True)\ntime.sleep(300)")


async def test_a_run_outlives_the_engine_and_is_cancelled_by_the_next(bench: Bench) -> None:
    run = ask(bench.store, promoted(bench, *WAITS))
    folder = bench.run_folder(run.id)
    async with bench.running():
        await bench.until(lambda: folder.log.exists() and "here" in folder.log.read_text())
    begun = folder.begun()
    assert begun and folder.is_alive()
    below = psutil.Process(begun.pid).children(recursive=True)
    assert below
    async with bench.running():
        bench.store.ask_cancel(run.id, "bob", bench.clock.now())
        ended = await bench.ended(run.id)
    assert ended.state == "cancelled" and ended.exit and "bob" in ended.exit.said.en
    assert ended.notebook and ended.log
    all_gone(below)


async def test_a_lost_runner_leaves_no_kernel_and_is_tried_again(bench: Bench) -> None:
    job = promoted(bench, *WAITS, retry=Retry(count=1))
    run = ask(bench.store, job)
    folder = bench.run_folder(run.id)
    async with bench.running():
        await bench.until(lambda: folder.log.exists() and "here" in folder.log.read_text())
        begun = folder.begun()
        assert begun
        below = psutil.Process(begun.pid).children(recursive=True)
        os.kill(begun.pid, signal.SIGKILL)
        ended = await bench.ended(run.id)
        assert ended.exit and ended.exit.code == "lost-machine"
        all_gone(below)
    assert not any(place.exists() for place in (folder.work, folder.home, folder.runtime))
    assert [one.attempt for one in runs_of(bench.store, job)] == [1, 2]

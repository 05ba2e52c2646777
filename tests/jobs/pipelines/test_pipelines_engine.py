"""A pipeline as a job: the engine runs it, and a retry goes on from the step that failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from nacelle.jobs.engine.addressing import target
from nacelle.jobs.engine.launcher import RUNNER
from nacelle.jobs.job import Notebook, Retry
from nacelle.jobs.pipelines.bundle import write_bundle
from tests.jobs.engines import Bench, bench_in
from tests.jobs.pipelines.pipelines import Pipelines
from tests.jobs.pipelines.test_pipelines_resume import MADE
from tests.jobs.running.runs import OWNER, text
from tests.jobs.stored import add, ask, runs_of
from tests.jobs.test_engine_real_runs import Hub, Orders

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill


@pytest.fixture
def bench(pipelines: Pipelines, tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        made.command, made.orders, made.hub = RUNNER, Orders(pipelines.place, made), Hub()
        yield made


async def test_a_retry_goes_on_from_the_step_that_failed(bench: Bench, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    digest = bench.store.keep_notebook(OWNER, write_bundle(MADE))
    job = add(
        bench.store,
        notebook=Notebook(sha256=digest, path="work/pipeline.yaml"),
        parameters={"flag": text(str(flag))},
        schedule=None,
        state="draft",
        retry=Retry(count=1, backoff_seconds=1),
    )
    run = ask(bench.store, job, cause="first")
    async with bench.running():
        ended = await bench.ended(run.id)
        assert ended.exit and ended.exit.said.en.startswith(
            "Step each-2 (letter=b): Cell 2 stopped"
        )
        assert ended.progress and (ended.progress.step, ended.progress.steps) == (4, 4)
        flag.touch()
        second = runs_of(bench.store, job)[-1]
        assert second.retry_of == run.id
        bench.clock.time += timedelta(seconds=60)
        ended = await bench.ended(second.id)
    log = bench.run_folder(second.id).log.read_text()
    assert ended.state == "succeeded", log
    assert ended.notebook == f"{target(job, second)}/notebook.ipynb"
    assert "first: taken over" in log and "each-2: Cell 2" in log
    found = bench.store.job(job.id)
    assert found and found.state == "armed"

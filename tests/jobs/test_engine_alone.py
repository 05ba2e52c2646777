"""The engine as a part of the platform: one at a time, old runs forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import yaml

from nacelle.jobs.engine.history import History
from nacelle.jobs.store import Store
from tests.jobs.engines import Bench, bench_in, doing
from tests.jobs.stored import NOW, add, ask
from tests.support.installation import ROOT
from tests.support.waiting import wait_for


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


class Part:
    """`python -m nacelle.jobs.engine` over a folder of its own, with no hub that answers."""

    def __init__(self, folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        settings = folder / "settings.yaml"
        profiles = str(ROOT / "hub_config" / "profiles.yaml")
        raw = {"data_dir": str(folder / "data"), "profiles": profiles}
        settings.write_text(yaml.safe_dump(raw))
        environment = {
            "PATH": os.environ["PATH"],
            "NACELLE_SETTINGS": str(settings),
            "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
            "JUPYTERHUB_API_TOKEN": "the-service-s-own",
        }
        with self.log.open("wb") as log:
            command = (sys.executable, "-m", "nacelle.jobs.engine")
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def holds(self, file: str) -> bool:
        opened = psutil.Process(self.process.pid).open_files()
        return any(one.path.endswith(file) for one in opened)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def test_a_second_engine_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    first = Part(tmp_path, "first")
    try:
        wait_for(lambda: first.holds("jobs.sqlite"), 30, "the first engine")
        second = Part(tmp_path, "second")
        wait_for(lambda: "another engine works" in second.log.read_text(), 30, "the second's wait")
        assert not second.holds("jobs.sqlite")
        first.process.kill()
        first.process.wait()
        wait_for(lambda: second.holds("jobs.sqlite"), 30, "the second engine's turn")
        assert second.end() == 0
        assert "the-service-s-own" not in second.log.read_text()
        assert "Traceback" not in second.log.read_text()
    finally:
        for part in (first, second):
            if part.process.poll() is None:
                part.process.kill()
                part.process.wait()


async def test_old_runs_go_with_their_folders_and_strays_too(bench: Bench) -> None:
    job = add(bench.store, schedule=None, overlap="allow")
    runs = [ask(bench.store, job) for _ in range(2)]
    async with bench.running():
        for run in runs:
            await bench.ended(run.id)
    folders = [bench.run_folder(run.id).path for run in runs]
    stray, fresh = bench.folder / "runs" / ("e" * 32), bench.folder / "runs" / ("f" * 32)
    for path in (stray, fresh):
        path.mkdir()
    past = time.time() - 7200
    os.utime(stray, (past, past))
    clock = bench.clock
    # Ends are of the machine's own clock here.
    clock.time = (bench.store.run(runs[0].id) or runs[0]).ended or NOW
    history = History(bench.store, bench.folder / "runs", clock, keep_days=10)
    await history.forget()
    assert all(folder.exists() for folder in folders) and fresh.exists() and not stray.exists()
    clock.time += timedelta(days=11)
    await history.forget()
    # The newest success of a job stays.
    assert [folder.exists() for folder in folders] == [False, True]


async def test_a_job_deleted_with_its_runs_leaves_nothing(bench: Bench) -> None:
    job = add(bench.store, schedule=None)
    run = ask(bench.store, job)
    async with bench.running():
        await bench.ended(run.id)
    other = Store(bench.folder / "jobs.sqlite")
    other.delete_job(job.id, "ada", NOW, keep_runs=False)
    other.close()
    await History(bench.store, bench.folder / "runs", bench.clock, 90).forget()
    assert bench.store.run(run.id) is None
    assert not bench.run_folder(run.id).path.exists()


async def test_the_engine_s_end_leaves_runs_alone(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, parameters=doing("wait"), schedule=None))
    async with bench.running():
        await bench.begun(run.id)
    assert bench.run_folder(run.id).is_alive()

"""The folder of a run tells who has it, whether that lives, and how it ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from nacelle.jobs.exits import explain
from nacelle.jobs.order import AlreadyBegun, Order, Result, RunFolder
from nacelle.jobs.parts import Progress
from tests.jobs.samples import DIGEST, NOON, job, run
from tests.support.waiting import wait_for

HOLD = """import sys, pathlib
from nacelle.jobs.order import RunFolder
held = RunFolder(pathlib.Path(sys.argv[1])).begin()
print("held", flush=True)
sys.stdin.read()"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "runs" / ("1" * 32))
    made.write_order(order())
    return made


def order(**changes: object) -> Order:
    plain: dict[str, object] = {
        "run": run(),
        "snapshot": job().snapshot,
        "job_name": "Monthly figures",
        "owner": "ada",
        "zone": "UTC",
        "notebook_file": Path("/x") / DIGEST,
        "kernel": "python3",
        "variables": {},
        "memory_bytes": 1,
        "target": "s3://user-ada/jobs/x",
        "broker_url": "http://127.0.0.1:1/services/broker",
    }
    return Order.model_validate(plain | changes)


def test_an_order_is_read_as_it_was_written(folder: RunFolder) -> None:
    assert folder.read_order() == order()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.order.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "s3://bucket-alone"},
        {"target": "s3://bucket/ends/"},
        {"target": "/etc/passwd"},
        {"memory_bytes": 0},
        {"token": "x"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        order(**changes)


def test_before_and_after(folder: RunFolder) -> None:
    assert folder.begun() is None
    assert folder.read_result() is None and folder.read_progress() is None
    assert not folder.is_alive()
    folder.write_progress(Progress(cell=1, of=2))
    result = Result(state="succeeded", exit=explain("succeeded"), ended=NOON)
    folder.write_result(result)
    assert folder.read_progress() == Progress(cell=1, of=2)
    assert folder.read_result() == result
    folder.result.write_text('{"state": "succ')
    assert folder.read_result() is None


def test_it_lives_as_long_as_its_process(folder: RunFolder) -> None:
    before = datetime.now(UTC)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        begun = folder.begun()
        assert begun is not None and begun.pid == process.pid and begun.at >= before
        assert folder.is_alive()
        with pytest.raises(AlreadyBegun):
            folder.begin()
        process.kill()
    wait_for(lambda: not folder.is_alive(), 5, "the lock to be free")
    assert folder.begun() == begun
    with pytest.raises(AlreadyBegun):
        folder.begin()


def test_whoever_looks_is_not_taken_for_a_runner(folder: RunFolder) -> None:
    (folder.path / "lock").touch()
    ended = threading.Event()
    seen: set[bool] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(folder.is_alive())

    watchers = [threading.Thread(target=look) for _ in range(4)]
    for one in watchers:
        one.start()
    wait_for(lambda: seen, 5, "a look")
    assert seen == {False}
    held = folder.begin()
    begun = folder.begun()
    assert begun is not None and begun.pid == os.getpid()
    ended.set()
    for one in watchers:
        one.join()
    assert folder.is_alive()
    del held

"""Rates and quotas: exact over processes, killed ones too, and no clock locks anybody out."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from nacelle.nace.serving.counters import DAY, Counters, CountersUnusable, Wait

RATE, BURST, QUOTA = 10.0, 5, 100
NOON = 20_000 * DAY + DAY / 2


class Clocks:
    """The machine's clock since its start, and the time of day."""

    def __init__(self) -> None:
        self.run, self.wall = 1_000.0, NOON

    def pass_by(self, seconds: float) -> None:
        self.run += seconds
        self.wall += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def counters(tmp_path: Path, clocks: Clocks) -> Iterator[Counters]:
    made = Counters(tmp_path / "counters.bin", 16, lambda: clocks.run, lambda: clocks.wall)
    yield made
    made.close()


def take(counters: Counters, texts: int = 1, slot: int = 3) -> Wait | None:
    return counters.take(slot, texts, RATE, BURST, QUOTA)


def test_a_burst_then_the_rate(counters: Counters, clocks: Clocks) -> None:
    assert [take(counters) for _ in range(BURST)] == [None] * BURST
    wait = take(counters)
    assert wait is not None and wait.reason == "rate"
    assert wait.seconds == pytest.approx(1 / RATE)
    clocks.pass_by(wait.seconds * 1.01)
    assert take(counters) is None
    assert take(counters) is not None
    clocks.pass_by(3600)
    assert [take(counters) for _ in range(BURST)] == [None] * BURST
    assert take(counters) is not None


def test_callers_do_not_share(counters: Counters) -> None:
    for _ in range(BURST + 1):
        take(counters, slot=3)
    assert take(counters, slot=3) is not None
    assert take(counters, slot=2) is None and take(counters, slot=4) is None


def test_the_quota_counts_texts_of_a_day(counters: Counters, clocks: Clocks) -> None:
    assert take(counters, 60) is None
    wait = take(counters, 41)
    assert wait == Wait("quota", DAY / 2, 40)
    # What was refused took nothing.
    assert take(counters, 40) is None
    clocks.pass_by(DAY / 2)
    assert take(counters, 100) is None


def test_texts_are_counted_apart_from_requests(counters: Counters, clocks: Clocks) -> None:
    assert take(counters, 0) is None
    assert [counters.spend(3, 10, QUOTA) for _ in range(2 * BURST)] == [None] * 2 * BURST
    assert counters.spend(3, 1, QUOTA) == Wait("quota", DAY / 2, 0)
    # They took nothing of the rate, and gave nothing to it.
    assert [take(counters, 0) for _ in range(BURST - 1)] == [None] * (BURST - 1)
    wait = take(counters, 0)
    assert wait is not None and wait.reason == "rate"
    clocks.pass_by(DAY / 2)
    assert counters.spend(3, QUOTA, QUOTA) is None


def test_texts_are_given_back_on_their_day(counters: Counters, clocks: Clocks) -> None:
    assert counters.spend(3, 60, QUOTA) is None
    assert counters.spend(3, -60, QUOTA) is None
    assert counters.spend(3, QUOTA, QUOTA) is None
    clocks.pass_by(DAY / 2)
    assert counters.spend(3, -QUOTA, QUOTA) is None
    assert counters.spend(3, QUOTA + 1, QUOTA) == Wait("quota", DAY, QUOTA)


def test_no_quota_is_no_limit(counters: Counters) -> None:
    assert counters.take(1, 10**12, RATE, BURST, 0) is None
    assert counters.take(1, 10**12, RATE, BURST, 0) is None


def test_what_was_counted_survives_a_restart(
    counters: Counters, tmp_path: Path, clocks: Clocks
) -> None:
    assert take(counters, 99) is None
    again = Counters(tmp_path / "counters.bin", 16, lambda: clocks.run, lambda: clocks.wall)
    assert take(again, 2) == Wait("quota", DAY / 2, 1)
    again.close()


def test_a_clock_set_back_locks_nobody_out(counters: Counters, clocks: Clocks) -> None:
    clocks.wall += 365 * DAY
    assert take(counters, QUOTA) is None
    clocks.wall -= 365 * DAY
    assert take(counters, QUOTA) is None
    for _ in range(BURST):
        take(counters)
    # The machine started again: its clock did, too.
    clocks.run = 1.0
    clocks.wall += DAY
    for _ in range(20):
        wait = take(counters)
        assert wait is None or 0 < wait.seconds <= BURST / RATE
        clocks.pass_by(wait.seconds * 1.01 if wait else 0)


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff" * 32,
        struct.pack("<ddqq", float("nan"), float("nan"), 20_000, -5),
        struct.pack("<ddqq", float("inf"), -float("inf"), -1, 2**62),
        struct.pack("<ddqq", -1e300, 1e300, 20_000, 0),
        struct.pack("<ddqq", 0.0, 1e300, 20_000, 2**63 - 1),
    ],
)
def test_a_damaged_slot_heals(tmp_path: Path, clocks: Clocks, junk: bytes) -> None:
    (tmp_path / "counters.bin").write_bytes(junk * 16)
    counters = Counters(tmp_path / "counters.bin", 16, lambda: clocks.run, lambda: clocks.wall)
    wait = take(counters)
    assert wait is None or 0 < wait.seconds <= BURST / RATE
    clocks.pass_by(BURST / RATE)
    assert take(counters) is None
    clocks.pass_by(DAY)
    assert take(counters, QUOTA) is None
    counters.close()


def test_a_slot_that_changes_hands_starts_anew(counters: Counters) -> None:
    for _ in range(BURST):
        take(counters, 20)
    counters.clear(3)
    assert take(counters, QUOTA) is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CountersUnusable, match=r"counters\.bin: cannot be used"):
        Counters(tmp_path / "nowhere" / "counters.bin")


def _spend(file: Path, result: Connection) -> None:
    # The real clock of the machine, which all processes share; so slow a rate gives nothing back.
    counters = Counters(file, 16)
    admitted = sum(counters.take(7, 3, 1e-9, 500, 1_200) is None for _ in range(400))
    result.send(admitted)


def _hammer(file: Path, result: Connection) -> None:
    counters = Counters(file, 16)
    result.send("ready")
    while True:
        counters.take(7, 1, 1e9, 10**9, 0)


def test_processes_count_together_exactly(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ends, workers = [], []
    for _ in range(3):
        mine, theirs = spawn.Pipe()
        workers.append(spawn.Process(target=_spend, args=(tmp_path / "counters.bin", theirs)))
        ends.append(mine)
        workers[-1].start()
    admitted = sum(end.recv() for end in ends)
    for worker in workers:
        worker.join(20)
    # 500 requests at once would do; the 1,200 texts are used after 400.
    assert admitted == 400


def test_a_killed_worker_holds_no_lock(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    counters = Counters(tmp_path / "counters.bin", 16)
    for _ in range(3):
        mine, theirs = spawn.Pipe()
        worker = spawn.Process(target=_hammer, args=(tmp_path / "counters.bin", theirs))
        worker.start()
        assert mine.recv() == "ready"
        for _ in range(200):
            assert counters.take(7, 1, 1e9, 10**9, 0) is None
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join(20)
        assert counters.take(7, 1, 1e9, 10**9, 0) is None
    counters.close()

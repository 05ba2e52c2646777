"""Fifty jobs each minute for ten simulated minutes, the service and the engine killed with -9 all
the while: every tick ran once, none twice, and missed ones went as the job's policy says."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.engine.engine import GRACE
from nacelle.jobs.job import Job, Missed
from nacelle.jobs.store import RunFilter, Store
from tests.drills.jobs_parts import OTHERS, FastClock
from tests.jobs.stored import MINUTE, NOW, add
from tests.support.installation import ROOT
from tests.support.waiting import wait_for

pytestmark = pytest.mark.drill

JOBS = 50
TICKS = 10
SPEED = 6
KILLS = 24
# Kills, early in the ten minutes, after which the engine stays down until a tick is past its grace.
OUTAGES = (3, 9)
POLICIES = ("skip", "latest", "all")


class Parts:
    """The two processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: Counter[str] = Counter()

    def start(self, part: str) -> None:
        command = (sys.executable, "-m", "tests.drills.jobs_parts", part, str(self._folder))
        with (self._folder / f"{part}.log").open("ab") as log:
            self._running[part] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self, part: str) -> None:
        """With -9. It must not have ended by itself."""
        process = self._running.pop(part)
        assert process.poll() is None, f"the {part} ended by itself"
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills[part] += 1

    def engine_works(self) -> bool:
        mark = self._folder / "engine.works"
        return mark.exists() and mark.read_text() == str(self._running["engine"].pid)

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    yield made
    made.end()


def test_every_tick_runs_once_whoever_is_killed(parts: Parts, tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    jobs = add_jobs(store)
    clock = FastClock(NOW, NOW + TICKS * MINUTE, SPEED, time.monotonic())
    clock.write(tmp_path / "clock")
    for part in ("engine", "service"):
        parts.start(part)
    kill_all_the_while(parts, clock)
    parts.kill("service")
    wait_for(lambda: clock.now() == clock.end, 120, "the tenth minute")
    wait_for(lambda: all_over(store, clock), 60, "the end of all runs")
    parts.kill("engine")
    store.close()
    rows = read_runs(tmp_path / "jobs.sqlite")
    check_runs(rows, tmp_path / "ran")
    missed = sum(check_ticks(job, rows) for job in jobs)
    print(f"{len(rows)} runs; {missed} of {JOBS * TICKS} ticks missed; killed {dict(parts.kills)}")
    assert 0 < missed < JOBS * TICKS
    assert sum(parts.kills.values()) >= 20


def add_jobs(store: Store) -> list[Job]:
    """Jobs whose ticks are counted, and ten that the service changes all the time."""
    for place in range(10):
        add(store, owner=OTHERS, overlap=("allow", "forbid", "replace")[place % 3])
    return [
        add(store, overlap="allow", missed=Missed(policy=POLICIES[place % 3]))
        for place in range(JOBS)
    ]


def kill_all_the_while(parts: Parts, clock: FastClock) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for kill in range(KILLS):
        part = "engine" if kill in OUTAGES or chance.random() < 0.7 else "service"
        # Most while they work, some while they start.
        if part == "engine" and chance.random() < 0.8:
            wait_for(parts.engine_works, 30, "the engine's start")
        time.sleep(chance.uniform(0.1, 2.5))
        parts.kill(part)
        if kill in OUTAGES:
            past = clock.now().replace(second=0, microsecond=0) + MINUTE + GRACE * 1.1
            wait_for(lambda past=past: clock.now() > past, 60, "a missed tick")
        parts.start(part)


def all_over(store: Store, clock: FastClock) -> bool:
    due = store.next_due()
    alive = sum(store.count_runs(RunFilter(state=state)) for state in ("pending", "running"))
    return not alive and due is not None and due > clock.end


def read_runs(file: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("select id, job, cause, state, scheduled, asked, body from runs")
        names = ("id", "job", "cause", "state", "scheduled", "asked", "body")
        return [dict(zip(names, row, strict=True)) for row in rows]


def check_runs(rows: list[dict[str, Any]], ran: Path) -> None:
    """What the runners wrote down themselves is what the store says."""
    written = [json.loads(line) for line in ran.read_text().splitlines()]
    begun = Counter(id for _, _, id in written)
    assert max(begun.values()) == 1, "a run ran twice"
    assert set(begun) == {row["id"] for row in rows if row["state"] == "succeeded"}
    ticks = Counter((row["job"], row["scheduled"]) for row in rows if row["cause"] == "schedule")
    assert max(ticks.values()) == 1, "a tick ran twice"
    assert {row["state"] for row in rows} <= {"succeeded", "skipped", "cancelled"}


def check_ticks(job: Job, rows: list[dict[str, Any]]) -> int:
    """Every tick of a job is there and went as its policy says. Returns how many were missed."""
    mine = [row for row in rows if row["job"] == job.id]
    first = NOW.replace(second=0) + MINUTE
    ticks = [first + number * MINUTE for number in range(TICKS)]
    assert sorted(moment(row["scheduled"]) for row in mine) == ticks
    together = defaultdict(list)
    for row in mine:
        together[row["asked"]].append(row)
    missed = 0
    for asked, settled in together.items():
        late = [row for row in settled if moment(asked) - moment(row["scheduled"]) > GRACE]
        caught_up = [row for row in late if row["state"] == "succeeded"]
        on_time = [row for row in settled if row not in late]
        assert all(row["state"] == "succeeded" for row in on_time)
        assert all('"code":"missed"' in row["body"] for row in late if row not in caught_up)
        latest = min(len(late), 0 if on_time else 1)
        expected = {"skip": 0, "latest": latest, "all": len(late)}[job.missed.policy]
        assert len(caught_up) == expected, (job.missed.policy, settled)
        missed += len(late)
    return missed


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    assert found.utcoffset() == timedelta(0)
    return found

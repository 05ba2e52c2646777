"""The two processes of the drill of jobs: `python -m tests.drills.jobs_parts PART FOLDER`.

PART is engine or service.

The engine is the platform's own, over a clock that runs faster and a runner that does nothing but
write its run. The service is not the platform's: no HTTP, no rights. It is another writer over the
same store, which is what the service is to the engine: it changes jobs, asks for runs and cancels
some, as fast as it can.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nacelle.jobs.engine.__main__ import alone
from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.engine import Engine
from nacelle.jobs.engine.launcher import Launcher
from nacelle.jobs.job import Job, Suspension
from nacelle.jobs.parts import Sentence
from nacelle.jobs.states import IllegalTransition
from nacelle.jobs.store import JobFilter, RunFilter, Store
from tests.jobs.engines import RUNNER, FakeHub, PlainOrders
from tests.jobs.stored import ask

OTHERS = "bob"
WHY = Sentence(en="A drill.", fr="Un exercice.")


@dataclass(frozen=True)
class FastClock:
    """Runs `speed` times as fast from `start` to `end`, the same in all processes of the machine.

    `origin` is when it started, on the clock that nobody sets.
    """

    start: datetime
    end: datetime
    speed: float
    origin: float

    def now(self) -> datetime:
        passed = timedelta(seconds=(time.monotonic() - self.origin) * self.speed)
        return min(self.start + passed, self.end)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds() / self.speed

    def write(self, file: Path) -> None:
        times = [self.start.timestamp(), self.end.timestamp(), self.speed, self.origin]
        file.write_text(json.dumps(times))

    @classmethod
    def read(cls, file: Path) -> FastClock:
        start, end, speed, origin = json.loads(file.read_text())
        moments = (datetime.fromtimestamp(stamp, UTC) for stamp in (start, end))
        return cls(*moments, speed, origin)


async def engine(folder: Path) -> None:
    clock, store = FastClock.read(folder / "clock"), Store(folder / "jobs.sqlite")
    people = {"ada": (), OTHERS: ()}
    outside = (clock, FakeHub(**people), PlainOrders(), Launcher(RUNNER), Limits(24, 16))
    (folder / "engine.works").write_text(str(os.getpid()))
    await Engine(store, folder, *outside, look_seconds=0.1).run()


def service(folder: Path) -> None:
    """Change the jobs of others without end."""
    clock, store = FastClock.read(folder / "clock"), Store(folder / "jobs.sqlite")
    chance = random.Random()
    while True:
        job = chance.choice(store.jobs(JobFilter(owner=OTHERS)).items)
        act = chance.choice((suspend_or_resume, edit, ask_for_a_run, cancel_one))
        act(store, job, clock.now(), chance)
        time.sleep(0.02)


def suspend_or_resume(store: Store, job: Job, now: datetime, _: random.Random) -> None:
    def other(one: Job) -> Job:
        if one.state == "suspended":
            return one.model_copy(update={"state": "armed", "suspension": None})
        suspension = Suspension(by=OTHERS, at=now, why=WHY)
        return one.model_copy(update={"state": "suspended", "suspension": suspension})

    store.change_job(job.id, other, now)


def edit(store: Store, job: Job, now: datetime, chance: random.Random) -> None:
    name = f"Edited {chance.randrange(10**6)}"
    store.change_job(job.id, lambda one: one.model_copy(update={"name": name}), now)


def ask_for_a_run(store: Store, job: Job, now: datetime, _: random.Random) -> None:
    if store.count_runs(RunFilter(job=job.id, state="pending")) < 3:
        ask(store, job, now)


def cancel_one(store: Store, job: Job, now: datetime, _: random.Random) -> None:
    for run in store.runs(RunFilter(job=job.id, state="pending", limit=1)):
        try:
            store.ask_cancel(run.id, OTHERS, now)
        except IllegalTransition:
            continue


if __name__ == "__main__":
    part, place = sys.argv[1], Path(sys.argv[2])
    if part == "engine":
        with alone(place / "engine.lock"):
            asyncio.run(engine(place))
    else:
        service(place)

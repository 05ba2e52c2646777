"""An engine to test with: a clock that is set, a hub that can be taken away, a trivial runner."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nacelle.credentials.issuer import Identity
from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.engine import Engine
from nacelle.jobs.engine.launcher import Launcher
from nacelle.jobs.engine.outside import HubAway, NotGiven, Token
from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.parts import Value
from nacelle.jobs.store import RunFilter, Store
from tests.jobs.stored import NOW

RUNNER = (sys.executable, "-I", "-S", str(Path(__file__).parent / "trivial_runner.py"))
PATIENCE = 30


class SetClock:
    """Stands where it is set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.time).total_seconds()

    def go(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeHub:
    """People by name with their projects; tokens that were made and revoked."""

    def __init__(self, **people: tuple[str, ...]) -> None:
        self.people = people or {"ada": (), "bob": ()}
        self.away = False
        self.refusing = False
        self.live: dict[str, str] = {}
        self.made: list[tuple[str, str, int]] = []

    async def person(self, name: str) -> Identity | None:
        self._answer()
        projects = self.people.get(name)
        return None if projects is None else Identity("user", name, projects)

    async def mint(self, owner: str, run_id: str, seconds: int) -> Token:
        self._answer()
        if self.refusing:
            raise NotGiven("the hub gives no token")
        self.made.append((owner, run_id, seconds))
        token = Token(f"a{len(self.made)}", f"token-of-{run_id}")
        self.live[token.id] = owner
        return token

    async def revoke(self, owner: str, token_id: str) -> None:
        self._answer()
        self.live.pop(token_id, None)

    def _answer(self) -> None:
        if self.away:
            raise HubAway("gone for lunch")


class PlainOrders:
    """Orders without a catalogue of environments."""

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Order:
        return Order(
            run=run,
            snapshot=snapshot,
            job_name=job.name,
            owner=person.name,
            zone="UTC",
            notebook_file=Path("/nowhere"),
            kernel="python3",
            variables={},
            memory_bytes=1,
            target="s3://user-ada/jobs/x",
            broker_url="http://127.0.0.1:1",
        )


class Bench:
    """A store, and engines over it one after the other."""

    def __init__(self, folder: Path, at_once: int = 4, each: int = 2) -> None:
        self.folder = folder
        self.store = Store(folder / "jobs.sqlite")
        self.clock = SetClock()
        self.hub = FakeHub()
        self.limits = Limits(at_once, each)
        self.command: tuple[str, ...] = RUNNER
        self.orders: Any = PlainOrders()
        self.admins: tuple[str, ...] = ()
        # What `time.monotonic` is ahead of itself.
        self.passed = 0.0
        self.engine: Engine | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """An engine at work; it is stopped at the end, its runners are not."""
        launcher = Launcher(self.command)
        outside = (self.clock, self.hub, self.orders, launcher, self.limits)
        # A connection of its own, as in its own process: it has to notice what is written.
        store = Store(self.folder / "jobs.sqlite")
        self.engine = Engine(
            store,
            self.folder,
            *outside,
            look_seconds=0.02,
            admins=self.admins,
            monotonic=lambda: time.monotonic() + self.passed,
        )
        task = asyncio.create_task(self.engine.run())
        try:
            yield self.engine
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            store.close()

    async def until(self, reached: Callable[[], Any], what: str = "it") -> Any:
        """Wait for a state of the store or of files."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := reached()):
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            raise AssertionError(f"{what} did not happen: {self.states()}") from None

    async def ended(self, run_id: str) -> Run:
        """A run, once it is over."""

        def over() -> Run | None:
            found = self.store.run(run_id)
            return found if found and found.ended else None

        found: Run = await self.until(over, f"the end of {run_id}")
        return found

    async def begun(self, run_id: str) -> Run:
        """A run, once it is seen to run."""

        def running() -> Run | None:
            found = self.store.run(run_id)
            return found if found and found.started else None

        found: Run = await self.until(running, f"the start of {run_id}")
        return found

    def states(self) -> list[str]:
        return [run.state for run in self.store.runs(RunFilter(limit=1000)).items[::-1]]

    def run_folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.folder / "runs" / run_id)

    def go(self) -> None:
        """Let the runs that wait go on."""
        (self.folder / "go").touch()

    def ran(self) -> list[list[str]]:
        """Job, tick and id of each run that a runner really began."""
        path = self.folder / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def bench_in(folder: Path, **limits: int) -> Iterator[Bench]:
    made = Bench(folder, **limits)
    try:
        yield made
    finally:
        made.go()
        made.store.close()


def doing(what: str) -> dict[str, Value]:
    """Parameters of a job whose runner does this."""
    return {"do": Value(type="text", value=what)}

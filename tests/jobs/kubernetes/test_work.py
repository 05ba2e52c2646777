"""Things to look at: once for many changes, again after a failure. Tier: pure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nacelle.jobs.kubernetes.work import Passing, Work


@asynccontextmanager
async def working(look: Callable[[str], Awaitable[None]]) -> AsyncIterator[Work[str]]:
    work = Work(look)
    task = asyncio.create_task(work.run())
    try:
        yield work
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_thing_is_looked_at_by_one_at_a_time_and_again_if_it_changed() -> None:
    looked, go, busy = Counter[str](), asyncio.Event(), asyncio.Event()
    most = 0

    async def look(key: str) -> None:
        nonlocal most
        looked[key] += 1
        most = max(most, looked[key])
        busy.set()
        await go.wait()

    async with working(look) as work:
        work.add("a")
        await busy.wait()
        for _ in range(10):
            work.add("a")
            await asyncio.sleep(0)
        assert looked == {"a": 1}
        go.set()
        while looked["a"] < 2:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert looked == {"a": 2}


async def test_what_failed_is_looked_at_again() -> None:
    failures = [Passing("away"), ValueError("broken")]
    done = asyncio.Event()

    async def look(key: str) -> None:
        if failures:
            raise failures.pop()
        done.set()

    async with working(look) as work, asyncio.timeout(30):
        work.add("a")
        await done.wait()


async def test_of_two_times_the_sooner_counts() -> None:
    done = asyncio.Event()

    async def look(key: str) -> None:
        done.set()

    async with working(look) as work, asyncio.timeout(30):
        work.add_after("a", 0.01)
        work.add_after("a", 3600)
        await done.wait()

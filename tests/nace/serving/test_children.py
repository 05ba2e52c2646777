"""Commands in processes of their own: how they end, and that none stays behind."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from nacelle.nace.serving.children import Ended, run
from tests.support.waiting import wait_for

# A process that starts another, and tells its own number and the other's.
_FAMILY = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {child.pid}')\n"
    "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
    "time.sleep(600)\n"
)


def family(path: Path) -> list[psutil.Process]:
    wait_for(path.exists, 30, "the start")
    return [psutil.Process(int(number)) for number in path.read_text().split()]


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def python(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


def test_what_it_writes_is_given_back() -> None:
    script = "import sys; print('out'); print('é', file=sys.stderr); sys.exit(3)"
    ended = asyncio.run(run(python(script), 60, capture=True))
    assert ended == Ended(3, "out\n", "é\n")
    assert ended.words == "ended with status 3"


def test_a_killed_one_says_by_what() -> None:
    ended = asyncio.run(run(python("import os; os.kill(os.getpid(), 9)"), 60))
    assert ended.words == "was killed by signal 9"


def test_one_that_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    path = tmp_path / "pids"

    async def go() -> tuple[Ended, list[psutil.Process]]:
        task = asyncio.create_task(run(python(_FAMILY, path), 5, capture=True))
        started = await asyncio.to_thread(family, path)
        return await task, started

    ended, started = asyncio.run(go())
    assert ended.words == "took too long and was stopped"
    wait_for(lambda: all(map(gone, started)), 10, "their end")


def test_cancelled_it_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = tmp_path / "pids"

    async def go() -> list[psutil.Process]:
        task = asyncio.create_task(run(python(_FAMILY, path), 600))
        started = await asyncio.to_thread(family, path)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return started

    started = asyncio.run(go())
    wait_for(lambda: all(map(gone, started)), 10, "their end")

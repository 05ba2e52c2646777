"""How much memory a run's processes hold, and whether the system ended some for want of it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


def held(limit: int) -> int:
    """Bytes of all that runs below this process's wardens, pages that they share counted once.

    Exact where it may be above `limit`; below, an upper bound, which costs much less.
    """
    running = _below_wardens()
    resident = sum(_resident(process) for process in running)
    return resident if resident <= limit else sum(_proportional(process) for process in running)


def times_short() -> int:
    """How often the system has killed a process for want of memory."""
    return sum(_count(file) for file in _COUNTERS)


def _below_wardens() -> list[psutil.Process]:
    here = psutil.Process(os.getpid())
    wardens = {child.pid for child in here.children()}
    return [process for process in here.children(recursive=True) if process.pid not in wardens]


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    """A page that n processes share counts 1/n in each; what was moved to the swap counts too."""
    try:
        used = process.memory_full_info()
        return int(used.pss) + int(used.swap)
    except psutil.AccessDenied:
        return _resident(process)
    except psutil.Error:
        return 0


def _count(file: Path) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
    return int(found[0]) if found else 0

"""Find and end the processes of one installation, whoever their parent is by now.

Each process that the platform starts carries NACELLE_INSTANCE in its environment, and so do its
children: a process left behind by a killed supervisor is found by it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil

INSTANCE = "NACELLE_INSTANCE"
PART = "NACELLE_PART"
SESSION = "session"
# Runs of jobs, and their kernels.
RUN = "run"


def find(instance: str, wanted: Callable[[str], bool] = lambda part: True) -> list[psutil.Process]:
    """Processes of `instance` whose part is wanted; never this process or its ancestors."""
    here = psutil.Process()
    own = {here.pid, *(parent.pid for parent in here.parents())}
    found = (identify(pid, instance) for pid in psutil.pids() if pid not in own)
    return [process for process in found if process is not None and wanted(part_of(process))]


def identify(pid: int, instance: str) -> psutil.Process | None:
    """The process `pid` when it runs, is ours and belongs to `instance`."""
    try:
        process = psutil.Process(pid)
        if process.uids().real != os.getuid():
            return None
        return process if process.environ().get(INSTANCE) == instance else None
    except psutil.Error:
        return None


def part_of(process: psutil.Process) -> str:
    """Which part a process is, or belongs to; empty when it has ended."""
    try:
        return process.environ().get(PART, "")
    except psutil.Error:
        return ""


def end(processes: list[psutil.Process], patience: float = 10) -> int:
    """Ask them to stop, wait `patience` seconds, then kill. Returns how many there were."""
    for process in processes:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=5)
    return len(processes)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return

"""Stands between a runner and a process of a notebook, and leaves nothing of it behind.

`python -I -S warden.py RUNNER_PID COMMAND ...` runs the command as its child and ends as it ends.
When the runner ends, however it does, or this is asked to end, every process that came out of the
command is killed, those too that left its group and session. Standard library only: it starts in
a few milliseconds and stays small.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

# From <linux/prctl.h>.
_SET_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
# The system, short of memory, ends what runs in a notebook before any part of the platform.
_FIRST_TO_GO = "1000"
_AWAITED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP}
KILLED = 128 + signal.SIGKILL


def main(arguments: list[str]) -> int:
    """Run `arguments[1:]` for the process `arguments[0]`; its exit code, 128 + n for signal n."""
    runner, command = int(arguments[0]), arguments[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    # An interrupt is for the kernel, which shares the group. A handler, unlike "ignore", is not
    # handed down to it.
    signal.signal(signal.SIGINT, lambda *_: None)
    adopt_orphans()
    _die_with_parent(signal.SIGTERM)
    # The runner may have ended before its end was watched for.
    code = _run(command) if os.getppid() == runner else KILLED
    end_descendants()
    return code


def adopt_orphans() -> None:
    """Become the parent of those further down whose parent ends."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill every process below this one and wait until none is left."""
    while True:
        for pid in descendants(os.getpid()):
            _kill(pid)
        try:
            # Whose parent is gone becomes a child of this process, so each is waited for.
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def descendants(root: int) -> list[int]:
    """Processes below `root`, however deep."""
    below: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (parent := _parent(entry.name)) is not None:
            below.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        next_ones = below.get(waiting.pop(), [])
        found += next_ones
        waiting += next_ones
    return found


def children(root: int) -> list[int]:
    """Processes whose parent is `root`."""
    return [pid for pid in descendants(root) if _parent(str(pid)) == root]


def _run(command: list[str]) -> int:
    child = _start(command)
    while signal.sigwait(_AWAITED) == signal.SIGCHLD:
        # One signal may stand for several ends, and orphans end here too.
        while (ended := _reap()) is not None:
            pid, status = ended
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
    return KILLED


def _reap() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _start(command: list[str]) -> int:
    warden = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, warden)
    return child


def _become(command: list[str], warden: int) -> None:
    """Never returns: this process is the command, or is gone."""
    try:
        _die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        if os.getppid() == warden:
            _offer_to_the_system()
            # Kernels watch their parent by this name.
            os.execvpe(command[0], command, {**os.environ, "JPY_PARENT_PID": str(warden)})
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(127)


def _offer_to_the_system() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    except OSError:
        # Not allowed in some containers; the runner watches its memory all the same.
        return


def _die_with_parent(number: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, number, 0, 0, 0)


def _parent(pid: str) -> int | None:
    try:
        # The name, in brackets, may hold anything.
        stat = Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2]
        return int(stat.split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

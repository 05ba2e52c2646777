"""The runner: `python -m nacelle.jobs.run FOLDER` runs what FOLDER/order.json says, once.

The job's token comes as one line on standard input. SIGTERM stops the run. The exit code is 0 when
FOLDER/result.json was written, whatever the notebook did; 2 when there is no such order or no
token, and 3 when another runner took the folder.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from nacelle.jobs.order import AlreadyBegun, RunFolder
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.lean import leave_out

ENDED, MISTAKEN, TAKEN = 0, 2, 3


def main(arguments: list[str]) -> int:
    """Take the folder, run, write the result."""
    # What a run leaves is its owner's; what the notebook itself writes here as well.
    os.umask(0o077)
    halt = Halt()
    signal.signal(signal.SIGTERM, lambda *_: _stop(halt))
    if len(arguments) != 1 or not (folder := RunFolder(Path(arguments[0]))).order.exists():
        print("usage: python -m nacelle.jobs.run FOLDER (with an order.json)", file=sys.stderr)
        return MISTAKEN
    try:
        if folder.begun():
            raise AlreadyBegun
        token = sys.stdin.readline().strip()
        if not token:
            # Whoever started this ended before it could give one; the run has not begun.
            print("no token on standard input", file=sys.stderr)
            return MISTAKEN
        held = folder.begin()
    except AlreadyBegun:
        return TAKEN
    leave_out()
    # Late: a runner that comes second loads nothing.
    from nacelle.jobs.running.runner import run

    folder.write_result(run(folder, token, halt))
    # The lock is held to the very end.
    del held
    return ENDED


def _stop(halt: Halt) -> None:
    # Once is enough, and a second signal must not meet the first half-way. Not "ignore", which is
    # handed down to children.
    signal.signal(signal.SIGTERM, lambda *_: None)
    halt.ask()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # At once: a thread that still converts or uploads has nothing left to do.
    os._exit(code)

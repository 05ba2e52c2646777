"""Tasks that worker processes of the tests import by name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from nacelle.nace.errors import NaceError
from nacelle.nace.workers import Task, run


def leave(path: Path, report: Callable[[float], None]) -> None:
    """Say how far it is, and leave the number of the process."""
    report(0.5)
    path.write_text(str(os.getpid()), encoding="utf-8")


def refuse(sentence: str, report: Callable[[float], None]) -> None:
    """Fail as bad input does."""
    raise NaceError(sentence)


def die(report: Callable[[float], None]) -> None:
    """End as the kernel ends what takes too much memory."""
    os.kill(os.getpid(), 9)


def stay(path: Path, report: Callable[[float], None]) -> None:
    """Leave the number of the process, and never end."""
    leave(path, report)
    while True:
        time.sleep(60)


def stay_under(folder: Path) -> None:
    """Run two tasks that never end."""
    tasks = [Task("staying", stay, (folder / name,)) for name in ("one", "two")]
    run(tasks, 2, lambda share, what: None)

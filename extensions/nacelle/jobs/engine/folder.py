"""What the engine does with the folder of a run: look, stop its runner, keep runners out."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import UTC, datetime
from typing import NamedTuple

from nacelle.jobs.order import Begun, Result, RunFolder
from nacelle.jobs.parts import Progress
from nacelle.secrets import write_private


class Sight(NamedTuple):
    """How a folder stands at this moment."""

    begun: Begun | None
    alive: bool
    result: Result | None
    progress: Progress | None


def look(folder: RunFolder) -> Sight:
    """Look whether the runner lives before reading its result: what is dead writes no more."""
    begun = folder.begun()
    alive = begun is not None and folder.is_alive()
    return Sight(begun, alive, folder.read_result(), folder.read_progress())


def send(folder: RunFolder, begun: Begun, number: signal.Signals) -> None:
    """Send a signal to the runner that holds a folder; to nobody when none does."""
    try:
        process = os.pidfd_open(begun.pid)
    except ProcessLookupError:
        return
    try:
        # Looked at once the process is held: its number is not another's then.
        if folder.is_alive():
            signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        return
    finally:
        os.close(process)


def clear(folder: RunFolder) -> bool:
    """Remove what a runner that was killed could not; whether nothing of it is left.

    What a notebook worked with lies there, and the key to its kernel's ports.
    """
    steps = folder.path.glob("steps/*/work")
    places = [folder.work, folder.home, folder.runtime, *steps]
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
    return not any(place.is_dir() and not place.is_symlink() for place in places)


def forestall(folder: RunFolder) -> bool:
    """See to it that no runner ever begins in a folder; False when one has."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = folder.path / f".forestalled.{os.getpid()}"
    write_private(mark, Begun(pid=os.getpid(), at=datetime.now(UTC)).model_dump_json())
    try:
        os.link(mark, folder.path / "begun")
    except FileExistsError:
        return False
    finally:
        mark.unlink()
    return True

"""What a runner starts: kernels and pip, each below a warden."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from nacelle.jobs.running import warden


def warded(command: Sequence[str]) -> list[str]:
    """`command` such that nothing of it is left when this process ends."""
    # Isolated: neither the environment nor the working folder changes what the warden loads.
    return [sys.executable, "-I", "-S", str(Path(warden.__file__)), str(os.getpid()), *command]


def stop_children() -> None:
    """Ask the wardens of this process to end what they guard; returns at once."""
    for pid in warden.children(os.getpid()):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue

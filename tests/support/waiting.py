"""Wait for a state, never for a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_given: set[int] = set()


# What takes seconds alone takes longer beside other tests: only failures wait for all of it.
PATIENCE = 4


def wait_for(reached: Callable[[], Found], seconds: float = 60, what: str = "it") -> Found:
    """Poll until `reached` gives something true; `seconds` is ample on a machine with nothing else
    to do."""
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        if found := reached():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {PATIENCE * seconds:g} s")


def free_base(step: int = 20) -> int:
    """A port from which `step` on are free on loopback, below those the system hands out."""
    # Each process of a parallel run has two thousand ports to itself.
    first = 20000 + 2000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    for base in range(first, first + 2000, step):
        # Never the same twice: what was started there may only be down for the moment.
        if base not in _given and all(_is_free(port) for port in range(base, base + step)):
            _given.add(base)
            return base
    raise AssertionError(f"no {step} free ports from {first} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

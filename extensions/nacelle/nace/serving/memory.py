"""Memory that a process has freed and still holds."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return free memory to the system: loading a model takes a good deal more than the model.

    With another C library than glibc it stays with the process.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

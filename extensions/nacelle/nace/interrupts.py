"""Steps that Ctrl-C must not cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def postponed() -> Iterator[None]:
    """Let signals that end the process wait until the end of the block; the second does not wait.

    Only those that the process handles, and only in the main thread: others cannot be made to wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A mask would not do: any other thread takes the signal, and its handler runs in ours.
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    handled = {int(number): one for number, one in before.items() if callable(one)}
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            handled[number](number, frame)

    for number in handled:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        if len(waiting) == 1:
            handled[waiting[0]](waiting[0], None)

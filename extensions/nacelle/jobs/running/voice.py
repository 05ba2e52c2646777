"""What a kernel's process writes itself, beside what its cells put out."""

from __future__ import annotations

import os
import threading
from collections import deque

from nacelle.jobs.running.journal import Journal, plain

_LAST_LINES = 20
_LONGEST_LINE = 1_000
_AT_ONCE = 65_536


class Voice:
    """A pipe that is read to its end. The last lines are kept to be told when the kernel dies.

    While `aloud`, all of it goes to the log: R's `system()` and libraries in C write past the
    kernel. (Python's kernel passes such output on by itself.)
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._reader, self.pipe = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="voice", daemon=True)
        self.aloud = False

    def listen(self) -> None:
        """From here on only the kernel holds the pipe."""
        os.close(self.pipe)
        self._thread.start()

    def forget(self) -> None:
        """What was written until now is of no interest."""
        self._lines.clear()

    def last_words(self) -> str:
        """The last lines, once the kernel is gone."""
        self._thread.join(1)
        return "".join(f"{line}\n" for line in self._lines)

    def _listen(self) -> None:
        partial = ""
        with os.fdopen(self._reader, "rb", buffering=0) as pipe:
            while read := pipe.read(_AT_ONCE):
                text = read.decode("utf-8", errors="replace")
                if self.aloud:
                    self._journal.printed(text)
                *lines, partial = (partial + text).split("\n")
                self._lines.extend(plain(line)[:_LONGEST_LINE] for line in lines[-_LAST_LINES:])
                partial = partial[:_LONGEST_LINE]
        if partial:
            self._lines.append(plain(partial))

"""The log of a run, as a person reads it: what happened when, and what the cells printed."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from pathlib import Path

from nacelle.jobs.running.hiding import Hider

MOST_PRINTED = 10_000_000
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Journal:
    """Appends to a file; each line is there at once. Any thread."""

    def __init__(self, path: Path, hider: Hider) -> None:
        self._file = path.open("a", encoding="utf-8", errors="replace")
        path.chmod(0o600)
        self._hider = hider
        self._lock = threading.Lock()
        self._printed = 0
        self._full = False
        self._at_line_start = True

    def say(self, sentence: str) -> None:
        """One line with the time."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        with self._lock:
            if not self._at_line_start:
                self._file.write("\n")
            self._write(f"{now}  {plain(self._hider.hide(sentence))}\n")

    def printed(self, text: str) -> None:
        """What a cell printed, as it comes; a program that prints without end is cut short."""
        if self._full:
            return
        shown = plain(self._hider.hide(text))
        with self._lock:
            room = MOST_PRINTED - self._printed
            self._printed += len(shown)
            self._full = full = len(shown) > room
            self._write(shown[: max(0, room)])
        if full:
            self.say("The cells have printed too much: what they print now is not kept here.")

    def close(self) -> None:
        self._file.close()

    def _write(self, text: str) -> None:
        if text:
            self._file.write(text)
            self._file.flush()
            self._at_line_start = text.endswith("\n")


def plain(text: str) -> str:
    """`text` without colours, overwritten lines and signs that command a terminal."""
    return _UNSEEN.sub("", "\n".join(map(_last_writing, _COLOURS.sub("", text).split("\n"))))


def _last_writing(line: str) -> str:
    """What stands in a line that was written again and again, as bars of progress are."""
    return line.removesuffix("\r").rpartition("\r")[2]

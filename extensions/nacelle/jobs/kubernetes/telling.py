"""What a pod says of its run: log and progress on its output, the end as its last message."""

from __future__ import annotations

import threading
from typing import BinaryIO

from nacelle.jobs.order import Result, RunFolder

# "Record separator": the journal takes it out of all that cells print.
PROGRESS = b"\x1e"
# What Kubernetes keeps of a termination message, in bytes.
LONGEST_MESSAGE = 4096
_LOOK_SECONDS = 0.25
# Four bytes a sign at most, in two languages, beside three addresses.
_LONGEST_SAID = 350
_AT_ONCE = 65_536


class Telling:
    """Copies what a run writes into its folder to an output, from when it is made."""

    def __init__(self, folder: RunFolder, output: BinaryIO) -> None:
        self._folder = folder
        self._output = output
        self._place = 0
        self._at_line_start = True
        self._progress = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="telling", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Everything is told when this returns."""
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        over = False
        while not over:
            # Once more after the end: what was written last is told too.
            over = self._over.wait(_LOOK_SECONDS)
            self._tell_log()
            self._tell_progress()
            self._output.flush()

    def _tell_log(self) -> None:
        try:
            with self._folder.log.open("rb") as file:
                file.seek(self._place)
                while text := file.read(_AT_ONCE):
                    self._place += len(text)
                    self._output.write(text)
                    self._at_line_start = text.endswith(b"\n")
        except FileNotFoundError:
            return

    def _tell_progress(self) -> None:
        progress = self._folder.read_progress()
        written = progress.model_dump_json().encode() if progress else b""
        # A line of its own: within a line of the log it would be part of it.
        if written != self._progress and self._at_line_start:
            self._output.write(PROGRESS + written + b"\n")
            self._progress = written


def termination_message(result: Result) -> str:
    """A result that Kubernetes keeps whole; what is too long of its words is left out."""
    message = result.model_dump_json()
    if len(message.encode()) <= LONGEST_MESSAGE:
        return message
    said = result.exit.said
    short = said.model_copy(update={"en": _cut(said.en), "fr": _cut(said.fr)})
    exit = result.exit.model_copy(update={"said": short})
    return result.model_copy(update={"exit": exit}).model_dump_json()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SAID else text[: _LONGEST_SAID - 1] + "…"

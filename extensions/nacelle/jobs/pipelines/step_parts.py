"""What a step has of its own in a run: lines of the log with its name, and its own end."""

from __future__ import annotations

import threading

from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.journal import Journal

# A line without end is told in parts.
_LONGEST_LINE = 10_000


class StepJournal(Journal):
    """Writes to the step's own log, and to the run's with the step's name before each line: steps
    run side by side."""

    def __init__(self, journal: Journal, name: str, own: Journal) -> None:
        self._journal = journal
        self._name = name
        self._of_step = own
        self._begun = ""
        self._own = threading.Lock()

    def say(self, sentence: str) -> None:
        self._end_line()
        self._of_step.say(sentence)
        self._journal.say(f"{self._name}: {sentence}")

    def printed(self, text: str) -> None:
        self._of_step.printed(text)
        with self._own:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_LINE:
                lines, self._begun = [*lines, self._begun], ""
            if lines:
                self._journal.printed("".join(f"{self._name} | {line}\n" for line in lines))

    def close(self) -> None:
        self._end_line()
        self._of_step.close()

    def _end_line(self) -> None:
        """Tell what has no end of line yet."""
        with self._own:
            begun, self._begun = self._begun, ""
        if begun:
            self._journal.printed(f"{self._name} | {begun}\n")


class StepHalt(Halt):
    """The step's own reason to stop, or else its run's."""

    def __init__(self, run: Halt) -> None:
        super().__init__()
        self._run = run

    @property
    def reason(self) -> Ended | None:
        return super().reason or self._run.reason

    def wait(self, seconds: float) -> bool:
        if not super().wait(0):
            self._run.wait(seconds)
        return self.reason is not None

    def check(self) -> None:
        if self.reason is not None:
            raise self.reason

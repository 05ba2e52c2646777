"""Answers that are kept until all of a file's rows have one: a run that ended early goes on.

The first line says what the answers are for, each further line holds some of them, in the order of
the rows. Whatever follows the last whole line was being written when the process died.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.interrupts import postponed
from nacelle.nace.prediction import Prediction

_FORMAT = 1
REFUSED = "refused"
# The service's sums differ behind it, with the texts that happen to be answered together.
_DIGITS = 6


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The answer to one row, as far as it goes into a file."""

    codes: list[str]
    titles: list[str]
    probabilities: list[float]
    index: float
    automatic: bool | None
    stage: str
    detail: str
    threshold: float | None = None
    nomenclature: str = ""
    version: str = ""
    model: str = ""
    model_version: str = ""

    @classmethod
    def of(cls, answer: Prediction) -> Self:
        """What is kept of an answer."""
        return cls(
            [one.code for one in answer.top],
            [one.title for one in answer.top],
            [round(one.probability, _DIGITS) for one in answer.top],
            round(answer.index, _DIGITS),
            answer.automatic,
            answer.stage,
            answer.detail,
            answer.threshold,
            answer.nomenclature,
            answer.version,
            answer.model,
            answer.model_version,
        )

    @classmethod
    def refused(cls, detail: str) -> Self:
        """What is kept of a text that the service refused."""
        return cls([], [], [], 0.0, False, REFUSED, detail)


class Purpose(msgspec.Struct, frozen=True):
    """What answers are for: the same for all of a file. `asked` are options by name."""

    input: str
    url: str
    asked: dict[str, str | int | float | None]
    # Codes a row: the model that served when the work began may know fewer than were asked for.
    ranks: int
    format: int = _FORMAT


_purpose = msgspec.json.Decoder(Purpose)
_answers = msgspec.json.Decoder(list[Kept])


class Unfinished:
    """The file of answers of one run, held by one process at a time."""

    def __init__(self, path: Path, descriptor: int, purpose: Purpose) -> None:
        self.path = path
        self._descriptor = descriptor
        self.purpose, self.answered = self._begin(purpose)

    def add(self, answers: list[Kept]) -> None:
        """Keep the next answers, and empty the list: each is kept once, whatever interrupts."""
        with postponed():
            _write(self._descriptor, msgspec.json.encode(answers) + b"\n")
            self.answered += len(answers)
            answers.clear()

    def answers(self) -> Iterator[Kept]:
        """All answers so far, from the first on."""
        with self.path.open("rb") as lines:
            next(lines)
            for line in lines:
                yield from _answers.decode(line)

    def _begin(self, wanted: Purpose) -> tuple[Purpose, int]:
        """What the file is for, and how many answers it has; what is torn at its end is cut off."""
        end = answered = 0
        found: Purpose | None = None
        with self.path.open("rb") as lines:
            for line in lines:
                try:
                    if not line.endswith(b"\n"):
                        break
                    if found is None:
                        found = _purpose.decode(line)
                    else:
                        answered += len(_answers.decode(line))
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    break
                end += len(line)
        os.ftruncate(self._descriptor, end)
        if found is None:
            _write(self._descriptor, msgspec.json.encode(wanted) + b"\n")
            return wanted, 0
        self._check(found, wanted)
        return found, answered

    def _check(self, found: Purpose, wanted: Purpose) -> None:
        differences = [
            f"{name} was {before}, is now {now}"
            for name, before, now in (
                ("the service", found.url, wanted.url),
                *((one, found.asked.get(one), wanted.asked.get(one)) for one in wanted.asked),
            )
            if before != now
        ]
        if found.input != wanted.input:
            differences.insert(0, "the input is another, or was changed")
        if found.format != wanted.format:
            differences = ["it is of another version of this program"]
        if differences:
            raise NaceError(
                f"{self.path} holds answers of another run: {'; '.join(differences)}. Run that one"
                " to its end, name another output, or remove this file to begin again."
            )


@contextmanager
def open_unfinished(path: Path, purpose: Purpose) -> Iterator[Unfinished]:
    """The answers kept at `path`, made where there are none; it goes if it is left without any.

    Raises NaceError where it is for something else, or another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NaceError(
                f"Another process writes to {path}; wait for it, or name another output."
            ) from None
        kept = Unfinished(path, descriptor, purpose)
        try:
            yield kept
        finally:
            if not kept.answered:
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: Sequence[int] | bytes) -> None:
    left = memoryview(bytes(data))
    while left:
        left = left[os.write(descriptor, left) :]

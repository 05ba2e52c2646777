"""What the commands of `nacelle nace` share: errors for people, interruptions, progress, JSON."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click

from nacelle.nace.errors import NaceError

NO, BAD_INPUT, _SIGNALLED = 1, 2, 128
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LINES_APART = 10.0
_SHARE_APART = 0.1

Progress = Callable[[float, str], None]
P = ParamSpec("P")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
text_column = click.option(
    "--text-column", default="text", show_default=True, help="Column of the descriptions."
)
code_column = click.option(
    "--code-column", default="code", show_default=True, help="Column of the right codes."
)


class Share(click.FloatRange):
    """A number from 0 to 1; NaN, which no comparison keeps out of a range, is none."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is no number from 0 to 1.", param, ctx)
        return found


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command; library code takes it for Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def for_people(interrupted: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Let a command end in a sentence and an exit code: 2 bad input, 130 or 143 interrupted.

    `interrupted` says what an interruption leaves behind.
    """

    def decorate(command: Callable[P, None]) -> Callable[P, None]:
        @wraps(command)
        def run(*args: P.args, **options: P.kwargs) -> None:
            _print_whatever_the_terminal_can()
            try:
                with _interruptible():
                    command(*args, **options)
            except NaceError as error:
                _refuse(str(error))
            except Interrupted as signalled:
                click.echo(f"Interrupted. {interrupted}", err=True)
                sys.exit(_SIGNALLED + signalled.number)
            except ModuleNotFoundError as error:
                if (error.name or "").startswith("nacelle"):
                    raise
                _refuse(f"{error.name} is not installed; `nacelle nace` needs nacelle[nace].")
            except OSError as error:
                # Whoever reads our output may stop reading.
                if error.errno == errno.EPIPE or not error.strerror:
                    raise
                about = f"{error.filename}: " if error.filename else ""
                _refuse(f"{about}{error.strerror}.")

        return run

    return decorate


def say(words: object) -> None:
    """A line for the person who waits; never among the results."""
    click.echo(str(words), err=True)


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def aligned(rows: Sequence[tuple[str, ...]], indent: str = "  ") -> str:
    """Rows as lines, each column as wide as its longest value."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        indent + "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def check_place(path: Path) -> None:
    """Raise NaceError where nothing can be made at that path: said before the work, not after."""
    # "s3://..." as a path has lost a slash.
    if ":/" in str(path):
        raise NaceError(f"{path}: the output is on this machine; copy it there afterwards.")
    place = path if path.is_dir() else path.parent
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise NaceError(f"{path} cannot be made: {place} is a file.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise NaceError(f"{path} cannot be made: you may not write in {place.resolve()}.")


def check_file(path: Path | None) -> None:
    """Raise NaceError where no file can be written to that path."""
    if path is None:
        return
    if path.is_dir():
        raise NaceError(f"{path} is a folder; name a file in it.")
    check_place(path)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """What takes the share done and what is going on: a bar on a terminal, else a line at times."""
    if sys.stderr.isatty():
        from nacelle.nace.bar import bar

        with bar(title) as tell:
            yield tell
    else:
        yield _Lines(title).tell


class _Lines:
    """Lines for a log: at each tenth, and when nothing was heard for a while."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = self._last = time.monotonic()
        self._next = _SHARE_APART

    def tell(self, share: float, what: str) -> None:
        now = time.monotonic()
        # What is over in a moment needs no report.
        if now - self._last < (1 if share >= self._next else _LINES_APART):
            return
        say(f"{self._title}: {share:.0%}, {now - self._start:.0f} s ({what})")
        self._last = now
        self._next = share + _SHARE_APART


@contextmanager
def _interruptible() -> Iterator[None]:
    """Signals become exceptions, so that whatever was started is stopped and cleaned up."""
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    # What the caller ignores (nohup, a background job) stays ignored.
    taken = {n: handler for n, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> NoReturn:
    # A second Ctrl-C must not stop the stopping.
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise Interrupted(number)


def _print_whatever_the_terminal_can() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _refuse(problem: str) -> NoReturn:
    click.echo(problem, err=True)
    sys.exit(BAD_INPUT)

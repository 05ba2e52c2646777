"""`python -m benchmarks [NAME ...]`: run, print a row a figure, write latest.json.

Exit code 0 when all ran (their goals met or not), 1 when one failed, 2 for an unknown name.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import psutil

from benchmarks import BENCHMARKS, latest
from benchmarks.figure import Figure, Report, make_table

BUSY_PERCENT = 25
Benchmark = Callable[[Report], Iterable[Figure]]


def main(
    names: Sequence[str],
    load: Callable[[str], Benchmark] = lambda name: import_module(f"benchmarks.{name}").run,
    file: Path = latest.FILE,
) -> int:
    """Run the benchmarks `names`, or all when there is none; one that fails stops no other."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(
            f"{', '.join(unknown)}: no such benchmark; there are {', '.join(BENCHMARKS)}",
            file=sys.stderr,
        )
        return 2
    figures: list[Figure] = []
    failed: list[str] = []
    for name in names or BENCHMARKS:
        report = partial(_report, name)
        found: list[Figure] = []
        busy = _busy()
        if busy:
            report(busy)
        try:
            found = [_noted(figure, busy) for figure in load(name)(report)]
        except Exception as error:
            report(f"FAILED: {type(error).__name__}: {error}")
            failed.append(name)
        latest.record(name, found, file)
        figures += found
    print(make_table(figures))
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _busy() -> str:
    """A sentence when others use the machine, for then a figure says little; empty otherwise."""
    share = psutil.cpu_percent(interval=0.5)
    return f"the machine was {share:.0f} % busy before the start" if share > BUSY_PERCENT else ""


def _noted(figure: Figure, more: str) -> Figure:
    return replace(figure, note="; ".join(filter(None, (figure.note, more))))


def _report(name: str, line: str) -> None:
    print(f"{name}: {line}", file=sys.stderr, flush=True)


def _end(number: int, frame: object) -> None:
    """A benchmark stops what it started on its way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(sys.argv[1:]))

"""The file of the latest figures: a benchmark that runs again replaces its own rows only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import BENCHMARKS
from benchmarks.figure import Figure

FILE = Path(__file__).with_name("latest.json")
Row = dict[str, Any]


def record(name: str, figures: Sequence[Figure], file: Path = FILE) -> None:
    """Put the figures of the benchmark `name` in the place of its older ones.

    None are left of one that failed: an old figure must not pass for one of this code.
    """
    rows = merge(read(file), name, [figure.to_json() for figure in figures])
    written = file.with_suffix(".new")
    written.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    written.replace(file)


def read(file: Path = FILE) -> list[Row]:
    """The rows of earlier runs; none when there is no file that can be read."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return rows if isinstance(rows, list) else []


def merge(rows: Sequence[Row], name: str, new: Sequence[Row]) -> list[Row]:
    """`new` for the rows of `name`, in the order of BENCHMARKS, without those of unknown ones."""
    kept = [row for row in rows if benchmark_of(row) in BENCHMARKS and benchmark_of(row) != name]
    return sorted([*kept, *new], key=lambda row: BENCHMARKS.index(benchmark_of(row)))


def benchmark_of(row: Row) -> str:
    """The benchmark that a figure comes from: the first word of its name."""
    return str(row["name"]).partition(".")[0]

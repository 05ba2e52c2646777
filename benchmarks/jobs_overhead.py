"""What a run costs beside papermill alone on the same notebook: twenty seconds, many cells.

What it costs is mostly at start and end: of a longer notebook it is a smaller part.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import scratch
from tests.jobs.running.runs import Place, running_place

ROUNDS = 3
CELLS = 80
# Of each cell: some computing, the rest waiting, as for data.
SECONDS = 0.25
CELL = f"""import time
end = time.monotonic() + {SECONDS}
total = sum(i * i for i in range(100_000))
print({{number}}, total)
time.sleep(max(0.0, end - time.monotonic()))"""
LIMIT = 1.10


def run(report: Report) -> Iterable[Figure]:
    """Seconds from start to the last result, median of ROUNDS runs taken in turns, as a ratio."""
    with scratch() as folder, running_place(folder) as place:
        runs, bares = [], []
        for number in range(1, ROUNDS + 1):
            ours, bare = _seconds_of_run(place), _seconds_of_papermill(folder)
            report(f"{number} of {ROUNDS}: run {ours:.1f} s, papermill alone {bare:.1f} s")
            runs.append(ours)
            bares.append(bare)
    ours, bare = median(runs), median(bares)
    return [
        Figure(
            "jobs.overhead",
            ours / bare,
            "of papermill",
            f"papermill alone {bare:.1f} s (run {ours:.1f} s)",
            Goal("<=", LIMIT),
            f"{CELLS} cells of {SECONDS:g} s; the run also watches memory, uploads log and notebook"
            " while it goes on, and makes a page at the end",
        )
    ]


def _cells() -> list[str]:
    return [CELL.format(number=number) for number in range(CELLS)]


def _seconds_of_run(place: Place) -> float:
    folder = place.order("# Many cells", *_cells())
    began = time.monotonic()
    done = place.start(folder).done()
    took = time.monotonic() - began
    if done.result.state != "succeeded" or not done.result.html:
        raise RuntimeError(f"the run did not succeed: {done.said_en}")
    return took


def _seconds_of_papermill(folder: Path) -> float:
    cells = [new_markdown_cell("# Many cells"), *map(new_code_cell, _cells())]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    source = folder / "bare.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), source)
    command = [sys.executable, "-m", "papermill", "--no-progress-bar"]
    began = time.monotonic()
    subprocess.run(
        [*command, str(source), str(folder / "out.ipynb")],
        check=True,
        capture_output=True,
        timeout=600,
    )
    return time.monotonic() - began

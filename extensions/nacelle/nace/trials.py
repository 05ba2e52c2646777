"""The trials of a search on disk: a small file for each fit that is finished."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from nacelle.nace.errors import NaceError

T = TypeVar("T")

_TRIALS = "trials"
_RUN = "run.json"


class FoldResult(msgspec.Struct, frozen=True):
    """What came of one fit: figures by name, or the error that ended it."""

    metrics: dict[str, float]
    seconds: float
    error: str = ""


class RunLink(msgspec.Struct, frozen=True):
    """Where a trial stands in MLflow."""

    tracking_uri: str
    run_id: str


@dataclass(frozen=True)
class Trial:
    """One combination of settings: `chosen` of the grid, `settings` all of them by dotted name.

    `results` has an element a fold that was run. `digest` names it: settings, data and code.
    """

    digest: str
    chosen: dict[str, Any]
    settings: dict[str, Any]
    results: tuple[FoldResult, ...] = field(default=())

    @property
    def error(self) -> str:
        """Why a fit failed; '' where none did."""
        return next((one.error for one in self.results if one.error), "")

    @property
    def seconds(self) -> float:
        """The time of all its fits together."""
        return sum(one.seconds for one in self.results)

    def mean(self) -> dict[str, float]:
        """Each figure's mean over the folds; empty where a fit failed."""
        return {name: float(np.mean(values)) for name, values in self._figures().items()}

    def sd(self) -> dict[str, float]:
        """Each figure's standard deviation between folds (with n - 1)."""
        return {name: float(np.std(values, ddof=1)) for name, values in self._figures().items()}

    def _figures(self) -> dict[str, list[float]]:
        if self.error or not self.results:
            return {}
        names = self.results[0].metrics
        return {
            name: [one.metrics[name] for one in self.results]
            for name in names
            if all(name in one.metrics for one in self.results)
        }


def digest_of(*parts: Any) -> str:
    """Sixteen hexadecimal digits of JSON-able values."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


class TrialFolder:
    """The folder of a search: `trials/<digest>/fold-1.json`, tables of results beside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other searches out; the lock ends with the process."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("w")
        except OSError as error:
            raise NaceError(
                f"{self.folder} cannot hold a search: {error.strerror}. Give a folder to write in."
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise NaceError(
                    f"Another search works in {self.folder}. Wait for it, or give another folder."
                ) from None
            yield

    def fold_path(self, digest: str, fold: int) -> Path:
        """Where the result of a fold (from 0) is."""
        return self.folder / _TRIALS / digest / f"fold-{fold + 1}.json"

    def finished(self, digest: str, fold: int) -> FoldResult | None:
        """What came of a fold; None where it was not run to its end, or the file is damaged."""
        return _read(self.fold_path(digest, fold), FoldResult)

    def forget_failures(self, digest: str, folds: int) -> None:
        """Let fits that failed be tried again."""
        for fold in range(folds):
            found = self.finished(digest, fold)
            if found and found.error:
                self.fold_path(digest, fold).unlink()

    def link(self, digest: str) -> RunLink | None:
        """The run in MLflow that a trial was logged as, if any."""
        return _read(self.folder / _TRIALS / digest / _RUN, RunLink)

    def write_link(self, digest: str, link: RunLink) -> None:
        """Keep the run in MLflow with the trial."""
        write_json(self.folder / _TRIALS / digest / _RUN, link)

    def write_tables(self, trials: Sequence[Trial]) -> None:
        """Write `results.csv` for people and `results.json` for programs, in the order given."""
        rows = [_row(trial, self.link(trial.digest)) for trial in trials]
        write_json(self.folder / "results.json", rows)
        columns = list(dict.fromkeys(name for row in rows for name in _flat_row(row)))
        text = io.StringIO()
        table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(_flat_row(row) for row in rows)
        _write(self.folder / "results.csv", text.getvalue().encode())


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all, whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def checked(metrics: Mapping[str, float]) -> dict[str, float]:
    """Figures as plain numbers. Raises NaceError for none, or for one that is no number."""
    found = {name: float(value) for name, value in metrics.items()}
    wrong = [name for name, value in found.items() if not math.isfinite(value)]
    if wrong or not found:
        raise NaceError(f"{wrong[0]} is not a number." if wrong else "There are no figures.")
    return found


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        # Without it a machine that loses power may keep the name and lose the content.
        os.fsync(file.fileno())
    partial.replace(path)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _row(trial: Trial, link: RunLink | None) -> dict[str, Any]:
    return {
        "trial": trial.digest,
        "chosen": trial.chosen,
        "mean": trial.mean(),
        "sd": trial.sd(),
        "folds": len(trial.results),
        "seconds": round(trial.seconds, 3),
        "error": trial.error,
        "run_id": link.run_id if link else "",
        "settings": trial.settings,
    }


def _flat_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the table: what was chosen, then figures with their deviation."""
    figures = {}
    for name, value in row["mean"].items():
        figures[name] = f"{value:.6g}"
        figures[f"{name}_sd"] = f"{row['sd'][name]:.6g}"
    plain = ("folds", "seconds", "error", "trial", "run_id")
    return {**row["chosen"], **figures, **{name: row[name] for name in plain}}

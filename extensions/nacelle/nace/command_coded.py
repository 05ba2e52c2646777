"""Texts with the codes that a model gave them, as a file: what `nacelle nace predict` writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nacelle.nace.command_base import check_file
from nacelle.nace.command_rows import Columns, plain
from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import confidence_index

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.prediction import Answers

# Beside the input's columns; `code_2`, `title_2`, `probability_2` and so on follow in tables.
NAMES = (
    "code", "title", "probability", "index", "automatic", "stage", "detail", "threshold",
    "nomenclature", "version", "model", "model_version",
)  # fmt: skip
_DIGITS = 6


@dataclass(frozen=True)
class Coded:
    """The answers for n texts, column by column.

    `ranks` has `code`, `title` and `probability` of the best, second-best and so on; `about` the
    others of `NAMES`. Where a text was rejected, codes are '' and probabilities 0.
    """

    ranks: list[Columns]
    about: Columns

    def first(self) -> Columns:
        """The columns `NAMES`, in this order."""
        both = {**self.ranks[0], **self.about}
        return {name: both[name] for name in NAMES}

    def wide(self) -> Columns:
        """All of it, one value a cell."""
        found = self.first()
        for number, columns in enumerate(self.ranks[1:], start=2):
            found |= {f"{name}_{number}": column for name, column in columns.items()}
        return found

    def tops(self) -> list[list[dict[str, Any]]]:
        """For each text its candidates, best first; none where it was rejected."""
        rows = zip(*(_dicts(columns) for columns in self.ranks), strict=True)
        return [[one for one in row if one["code"]] for row in rows]


class Coder:
    """Turns a classifier's answers into columns; k candidates, titles in a language."""

    def __init__(
        self, classifier: Classifier, k: int, threshold: float | None, language: str
    ) -> None:
        self._classifier = classifier
        self._k = k
        self._threshold = threshold
        titles = [classifier.nomenclature.title(one, language) for one in classifier.classes]
        # The last is for texts that were rejected.
        self._codes = np.array([*classifier.classes, ""], dtype=object)
        self._titles = np.array([*titles, ""], dtype=object)

    def code(self, answers: Answers) -> Coded:
        """The answers as columns. `automatic` is None where there is no threshold."""
        rejected = np.array([stage == "rejected" for stage in answers.stages], dtype=bool)
        positions, values = answers.top(max(self._k, 2))
        index = confidence_index(values)
        positions = np.where(rejected[:, None], len(answers.classes), positions)
        values = np.where(rejected[:, None], 0, np.minimum(values, 1)).astype(np.float64)
        automatic = (index >= (self._threshold or 0)) & ~rejected
        ranks: list[Columns] = [
            {
                "code": self._codes[place].tolist(),
                "title": self._titles[place].tolist(),
                "probability": value.tolist(),
            }
            for place, value in zip(positions.T[: self._k], values.T[: self._k], strict=True)
        ]
        about: Columns = {
            "index": index.tolist(),
            "automatic": [None] * len(index) if self._threshold is None else automatic.tolist(),
            "stage": list(answers.stages),
            "detail": list(answers.details),
            **{name: [value] * len(index) for name, value in self._same_for_all().items()},
        }
        return Coded(ranks, about)

    def _same_for_all(self) -> dict[str, Any]:
        """A code never travels without its version, nor an answer without its model's."""
        return {
            "threshold": self._threshold,
            "nomenclature": self._classifier.nomenclature.name,
            "version": self._classifier.nomenclature.version,
            "model": self._classifier.name,
            "model_version": self._classifier.version,
        }


Write = Callable[[Columns, Coded], None]


def check_output(path: Path) -> None:
    """Raise NaceError unless a file of that name can be written: Parquet, CSV or JSON Lines."""
    check_file(path)
    if path.suffix.lower() not in _WRITERS:
        raise NaceError(f"{path}: the name must end in one of {', '.join(_WRITERS)}.")


@contextmanager
def write_file(path: Path) -> Iterator[Write]:
    """What takes batch after batch, input and answers; the file is there when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file, _WRITERS[path.suffix.lower()](file) as write:
            yield write
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def write_csv(file: IO[bytes]) -> Iterator[Write]:
    """Write CSV in UTF-8, one line a text."""
    stream = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
    writer = csv.writer(stream, lineterminator="\n")
    named = False

    def write(given: Columns, coded: Coded) -> None:
        nonlocal named
        columns = {**given, **coded.wide()}
        if not named:
            writer.writerow(columns)
            named = True
        cells = [map(_csv_cell, plain(column)) for column in columns.values()]
        writer.writerows(zip(*cells, strict=True))

    yield write
    stream.flush()
    stream.detach()


@contextmanager
def write_json_lines(file: IO[bytes]) -> Iterator[Write]:
    """Write one JSON object a text; the candidates are a list, `top`, best first."""

    def write(given: Columns, coded: Coded) -> None:
        for row in _dicts({**given, **coded.first(), "top": coded.tops()}):
            text = json.dumps(row, ensure_ascii=False, default=_as_text)
            file.write(text.encode("utf-8", "replace") + b"\n")
        file.flush()

    yield write


@contextmanager
def _write_parquet(file: IO[bytes]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"automatic": pa.bool_(), "index": pa.float64(), "threshold": pa.float64()}
    writer: Any = None

    def write(given: Columns, coded: Coded) -> None:
        nonlocal writer
        arrays = {
            name: pa.array(one, pa.string()) if isinstance(one, list) else one
            for name, one in given.items()
        }
        for name, column in coded.wide().items():
            number = name.startswith("probability")
            kind = pa.float32() if number else types.get(name, pa.string())
            arrays[name] = pa.array(column, kind)
        table = pa.table(arrays)
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer:
            writer.close()


_WRITERS = {".parquet": _write_parquet, ".csv": write_csv, ".jsonl": write_json_lines}


def _dicts(columns: Columns) -> Iterator[dict[str, Any]]:
    for values in zip(*map(plain, columns.values()), strict=True):
        yield dict(zip(columns, values, strict=True))


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bytes):
        return _as_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return round(value, _DIGITS) if isinstance(value, float) else value

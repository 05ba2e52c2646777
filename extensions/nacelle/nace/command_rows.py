"""Rows of a file with all their columns, batch by batch: what `nacelle nace predict` reads."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nacelle.nace.columns import TEXT_TYPES
from nacelle.nace.errors import NaceError
from nacelle.nace.files import place, read_bytes
from nacelle.nace.tables import csv_rows, missing_column, sniff_delimiter
from nacelle.nace.text import check_roles

STDIN = "-"
BATCH = 4096
_PARQUET = b"PAR1"

# By name: a list of texts, or an Arrow array of what the file has.
Columns = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """The rows of a file: how many (None where that is not known before the end), in batches.

    There is at least one batch, which has no rows where the file has none.
    """

    total: int | None
    batches: Iterator[Columns]


def plain(column: Any) -> list[Any]:
    """A column as Python values."""
    return column if isinstance(column, list) else list(column.to_pylist())


def read_rows(file: str, text_column: str, needed: Sequence[str]) -> Rows:
    """Open a file: Parquet, CSV, `.txt` (a text a line), or `-` for standard input.

    Standard input is a CSV if its first line names the text column, else a text a line. A CSV file
    is read once to its end before the first batch, so that nothing is coded of a broken file.
    Raises NaceError where it cannot be read, or a column that is needed is missing.
    """
    if file == STDIN:
        return _read_stdin(text_column, needed)
    name = PurePosixPath(file.replace("\\", "/")).name
    path = Path(place(file))
    if path.is_file():
        return _read(lambda: path.open("rb"), name, text_column, needed)
    # An address, a pipe, or the sentence that says why it cannot be read.
    data = read_bytes(file)
    return _read(lambda: io.BytesIO(data), name, text_column, needed)


def _read(
    open_file: Callable[[], IO[bytes]], name: str, text_column: str, needed: Sequence[str]
) -> Rows:
    with open_file() as file:
        start = file.read(len(_PARQUET))
    if start == _PARQUET or name.lower().endswith(".parquet"):
        return _read_parquet(open_file(), name, text_column, needed)
    if name.lower().endswith(".txt"):
        with open_file() as file:
            total = sum(1 for _ in _decoded(file))
        return Rows(total, _line_batches(_decoded(open_file()), text_column))
    with open_file() as file:
        total = sum(1 for _ in _Csv(_decoded(file), name, text_column, needed).rows())
    return Rows(total, _Csv(_decoded(open_file()), name, text_column, needed).batches())


def _read_stdin(text_column: str, needed: Sequence[str]) -> Rows:
    name = "standard input"
    stream = _decoded(sys.stdin.buffer)
    first = stream.readline()
    if first.startswith(_PARQUET.decode()):
        raise NaceError("Standard input is Parquet, which cannot be read so; name a file.")
    lines = chain([first] if first else [], stream)
    if text_column in _names(first, name):
        return Rows(None, _Csv(lines, name, text_column, needed).batches())
    if needed:
        raise NaceError(
            f"Standard input must name its columns in the first line: {text_column},"
            f" {', '.join(needed)}. The model reads them."
        )
    return Rows(None, _line_batches(lines, text_column))


def _names(header: str, name: str) -> list[str]:
    """The columns that a first line names; none where it is a text."""
    try:
        return next(csv_rows([header], sniff_delimiter(header), name), (1, []))[1]
    except NaceError:
        return []


def _decoded(file: Any) -> io.TextIOWrapper:
    """The file as text; its lines end as they stand in it, as a CSV reader wants them."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")


def _line_batches(lines: Iterator[str], text_column: str) -> Iterator[Columns]:
    texts = (line.rstrip("\r\n") for line in lines)
    yield {text_column: list(islice(texts, BATCH))}
    while batch := list(islice(texts, BATCH)):
        yield {text_column: batch}


class _Csv:
    """A CSV file, read row by row; a row with more or fewer values than columns is an error."""

    def __init__(
        self, lines: Iterator[str], name: str, text_column: str, needed: Sequence[str]
    ) -> None:
        self._name = name
        header = next(lines, "")
        if "\0" in header:
            raise NaceError(
                f"{name} is no CSV file that can be read; save it as CSV in UTF-8, or as Parquet."
            )
        if not header.strip():
            raise NaceError(f"{name} is empty; its first line must name the columns.")
        self._rows = csv_rows(chain([header], lines), sniff_delimiter(header), name)
        _, self.columns = next(self._rows)
        _check_columns(self.columns, name, text_column, needed)

    def rows(self) -> Iterator[list[str]]:
        """The rows; lines without anything are none."""
        for line, row in self._rows:
            if len(row) == len(self.columns):
                yield row
            elif row:
                raise NaceError(
                    f"{self._name}, line {line}: {len(row)} values for"
                    f" {len(self.columns)} columns; a value that holds the separator must stand in"
                    " quotes."
                )

    def batches(self) -> Iterator[Columns]:
        """The columns of the rows."""
        rows = self.rows()
        yield self._columns(list(islice(rows, BATCH)))
        while batch := list(islice(rows, BATCH)):
            yield self._columns(batch)

    def _columns(self, rows: list[list[str]]) -> Columns:
        turned = [list(one) for one in zip(*rows, strict=True)] or [[] for _ in self.columns]
        return dict(zip(self.columns, turned, strict=True))


def _read_parquet(file: IO[bytes], name: str, text_column: str, needed: Sequence[str]) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _parquet_errors(name):
        opened = pq.ParquetFile(file)
        schema = opened.schema_arrow
    _check_columns(schema.names, name, text_column, needed)
    kind = schema.field(text_column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if str(kind).removeprefix("large_") not in TEXT_TYPES:
        raise NaceError(
            f"{name}: the column {text_column!r} holds {kind}, not texts; name the column of the"
            " descriptions with --text-column."
        )
    return Rows(opened.metadata.num_rows, _parquet_batches(opened, name))


def _parquet_batches(file: Any, name: str) -> Iterator[Columns]:
    if not file.metadata.num_rows:
        empty = file.schema_arrow.empty_table()
        yield dict(zip(empty.schema.names, empty.columns, strict=True))
    with _parquet_errors(name):
        for batch in file.iter_batches(BATCH):
            yield dict(zip(batch.schema.names, batch.columns, strict=True))


@contextmanager
def _parquet_errors(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise NaceError(f"{name} is no readable Parquet file: {error}.") from None


def _check_columns(
    columns: Sequence[str], name: str, text_column: str, needed: Sequence[str]
) -> None:
    check_roles(text_column, *needed)
    for column in (text_column, *needed):
        if column not in columns:
            also = "" if column == text_column else " The model was trained with it."
            raise NaceError(missing_column(name, column, columns) + also)
    twice = next((one for one in columns if columns.count(one) > 1), None)
    if twice is not None:
        raise NaceError(f"{name} has the column {twice!r} twice; rename one.")

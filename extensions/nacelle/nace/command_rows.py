"""Rows of a file with all their columns, batch by batch: what `nacelle nace predict` reads."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nacelle.nace.errors import NaceError
from nacelle.nace.files import read_bytes
from nacelle.nace.tables import missing_column, sniff_delimiter

STDIN = "-"
BATCH = 4096
_PARQUET = b"PAR1"
# Arrow's names; null is a column without any value.
_TEXTS = ("string", "string_view", "binary", "null")

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
    path = Path(file)
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
            total = sum(1 for _ in _lines(file))
        return Rows(total, _line_batches(_lines(open_file()), text_column))
    with open_file() as file:
        total = sum(1 for _ in _Csv(file, name, text_column, needed).rows())
    return Rows(total, _Csv(open_file(), name, text_column, needed).batches())


def _read_stdin(text_column: str, needed: Sequence[str]) -> Rows:
    stream = sys.stdin.buffer
    first = stream.readline()
    if first.startswith(_PARQUET):
        raise NaceError("Standard input is Parquet, which cannot be read so; name a file.")
    header = first.decode("utf-8-sig", "replace")
    names = next(csv.reader([header], delimiter=sniff_delimiter(header)), [])
    if text_column in names:
        table = _Csv(_Rest(first, stream), "standard input", text_column, needed)
        return Rows(None, table.batches())
    if needed:
        raise NaceError(
            f"Standard input must name its columns in the first line: {text_column},"
            f" {', '.join(needed)}. The model reads them."
        )
    lines = chain(_lines(io.BytesIO(first)), _lines(stream))
    return Rows(None, _line_batches(lines, text_column))


class _Rest(io.RawIOBase):
    """A stream whose first line was read already."""

    def __init__(self, first: bytes, stream: IO[bytes]) -> None:
        self._first = first
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first[: len(buffer)]
        self._first = self._first[len(data) :]
        if not data:
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    for line in stream:
        yield line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")


def _line_batches(lines: Iterator[str], text_column: str) -> Iterator[Columns]:
    yield {text_column: list(islice(lines, BATCH))}
    while batch := list(islice(lines, BATCH)):
        yield {text_column: batch}


class _Csv:
    """A CSV file, read row by row; a row with more or fewer values than columns is an error."""

    def __init__(self, file: Any, name: str, text_column: str, needed: Sequence[str]) -> None:
        self._name = name
        stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        header = stream.readline()
        if "\0" in header:
            raise NaceError(
                f"{name} is no CSV file that can be read; save it as CSV in UTF-8, or as Parquet."
            )
        if not header.strip():
            raise NaceError(f"{name} is empty; its first line must name the columns.")
        # One cell may hold megabytes.
        csv.field_size_limit(sys.maxsize)
        delimiter = sniff_delimiter(header)
        self._reader = csv.reader(chain([header], stream), delimiter=delimiter, strict=True)
        self.columns = self._next() or []
        _check_columns(self.columns, name, text_column, needed)

    def rows(self) -> Iterator[list[str]]:
        """The rows; lines without anything are none."""
        while (row := self._next()) is not None:
            if len(row) == len(self.columns):
                yield row
            elif row:
                raise NaceError(
                    f"{self._name}, line {self._reader.line_num}: {len(row)} values for"
                    f" {len(self.columns)} columns; a value that holds the separator must stand in"
                    " quotes."
                )

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise NaceError(
                f"{self._name}, line {self._reader.line_num}: not a CSV row: {error}."
            ) from None

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
    if str(kind).removeprefix("large_") not in _TEXTS:
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
    for column in (text_column, *needed):
        if column not in columns:
            also = "" if column == text_column else " The model was trained with it."
            raise NaceError(missing_column(name, column, columns) + also)
    twice = next((one for one in columns if columns.count(one) > 1), None)
    if twice is not None:
        raise NaceError(f"{name} has the column {twice!r} twice; rename one.")

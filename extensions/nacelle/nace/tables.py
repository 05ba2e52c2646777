"""Small reference tables (nomenclatures, notes, correspondences, rules) read from CSV as text.

They are read strictly: whatever is wrong is said with file, line and column. Codes stay text, since
`0111` read as a number is 111.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nacelle.nace.errors import NaceError
from nacelle.nace.files import Location, read_bytes

DELIMITERS = (",", ";", "\t")
_OTHERS = ("|", "^", "~")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Row:
    """One row: the line of the file on which it starts (the header is line 1), and its values."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True)
class Table:
    """A CSV file: its name for messages, its columns in their order, its rows."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def error(self, line: int, column: str, problem: str) -> NaceError:
        """The sentence for something wrong at one place of the file."""
        return NaceError(f"{self.source}, line {line}, column {column}: {problem}")

    def require(self, columns: Sequence[str]) -> None:
        """Raise NaceError unless all of the columns are there."""
        for column in columns:
            if column not in self.columns:
                raise NaceError(missing_column(self.source, column, self.columns))


def missing_column(source: str, column: str, found: Sequence[str]) -> str:
    """The sentence for a column that is not there, with the nearest that is."""
    near = difflib.get_close_matches(column, found, n=1, cutoff=0.5)
    advice = f" Rename {near[0]!r}, if it is the one." if near else ""
    shown = ", ".join(found[:30]) or "none"
    sign = next((one for one in _OTHERS if len(found) == 1 and one in found[0]), None)
    if sign:
        advice = f" Its values seem to be separated by {sign!r}: write commas, semicolons or tabs."
    return f"{source} has no column {column!r}; its columns are: {shown}.{advice}"


def read_table(location: Location) -> Table:
    """Read a CSV file whose first line names its columns; separated by `,`, `;` or tabs.

    Values lose the blanks around them. Raises NaceError where the file is empty, not UTF-8, not a
    CSV, names a column twice, or has a row with more or fewer values than columns.
    """
    source = PurePosixPath(os.fspath(location)).name
    text = decode(read_bytes(location), source)
    lines = _parse(text, source)
    header = next(lines, None)
    if header is None or not any(header[1]):
        raise NaceError(f"{source} is empty; its first line must name the columns.")
    columns = tuple(name.strip() for name in header[1])
    _check_columns(columns, source)
    rows = tuple(_row(line, values, columns, source) for line, values in lines if any(values))
    if not rows:
        raise NaceError(f"{source} names its columns but has no rows.")
    return Table(source, columns, rows)


def decode(data: bytes, source: str) -> str:
    """UTF-8 with or without its mark. Raises NaceError naming the line and what to do."""
    if data.startswith(_UTF16):
        raise NaceError(f"{source} is written in UTF-16; save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NaceError(
            f"{source}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file"
            ' as UTF-8 (in a spreadsheet: "CSV UTF-8").'
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NaceError(f"{source}, line {line}: a zero byte; this is no CSV file.")
    return text


def sniff_delimiter(header: str) -> str:
    """The separator that occurs most often in the first line."""
    return max(DELIMITERS, key=header.count)


def csv_rows(lines: Iterable[str], delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file and the line on which each starts: the one rule for all that are read.

    Strict: a stray quote would make one row of many. Raises NaceError with the line where it is.
    """
    # One cell may hold megabytes.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = 1
    try:
        for values in reader:
            yield start, values
            start = reader.line_num + 1
    except csv.Error as error:
        raise NaceError(
            f"{source}, line {start}: not a CSV row: {error}. Look for a quote without its second"
            " in the row that starts there; within quotes, write a quote twice."
        ) from None


def _parse(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    delimiter = sniff_delimiter(text.split("\n", 1)[0])
    return csv_rows(io.StringIO(text, newline=""), delimiter, source)


def _check_columns(columns: Sequence[str], source: str) -> None:
    seen: set[str] = set()
    for number, name in enumerate(columns, start=1):
        if name in seen and name:
            raise NaceError(f"{source}, line 1: the column {name!r} is there twice; rename one.")
        if not name.isprintable():
            raise NaceError(f"{source}, line 1: column {number} has no readable name.")
        seen.add(name)


def _row(line: int, values: Sequence[str], columns: Sequence[str], source: str) -> Row:
    if len(values) != len(columns):
        raise NaceError(
            f"{source}, line {line}: {len(values)} values for {len(columns)} columns; a value that"
            " holds the separator must stand in quotes."
        )
    return Row(line, {name: value.strip() for name, value in zip(columns, values, strict=True)})

"""Columns of Parquet and CSV files as they stand, so that what cannot be read can be counted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from nacelle.nace.errors import NaceError
from nacelle.nace.files import read_bytes
from nacelle.nace.tables import csv_rows, missing_column, sniff_delimiter
from nacelle.nace.text import cell_text

Cell = bytes | None
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PARQUET = b"PAR1"
# Arrow's names of what needs no change to be a text; null is a column without any value.
TEXT_TYPES = ("string", "string_view", "binary", "null")


@dataclass(frozen=True)
class Columns:
    """Some columns of one file: the cells as bytes, None where empty, and what their type was.

    `numbers` has the number of each row in the file (the first below the header is 1). `broken` are
    rows that have more or fewer values than the file has columns: their number and their text.
    `numeric` are the columns that the file stores as numbers.
    """

    file: str
    cells: dict[str, list[Cell]]
    numbers: list[int]
    broken: list[tuple[int, str]]
    numeric: dict[str, str]

    def __len__(self) -> int:
        return len(self.numbers)


def read_columns(location: str, required: Sequence[str], optional: Sequence[str] = ()) -> Columns:
    """Read the required columns of a file, and the optional ones that it has.

    The kind is told by what the file holds, then by its name. Raises NaceError for a column that is
    missing and for a file that is neither Parquet nor CSV.
    """
    data = read_bytes(location)
    name = PurePosixPath(location.replace("\\", "/")).name
    if not data.strip():
        raise NaceError(f"{name} is empty.")
    if data[:4] == _PARQUET or location.lower().endswith(".parquet"):
        return _read_parquet(data, name, required, optional)
    return _read_csv(data, name, required, optional)


def _wanted(
    found: Sequence[str], name: str, required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    for column in required:
        if column not in found:
            raise NaceError(missing_column(name, column, found))
    wanted = list(dict.fromkeys([*required, *(one for one in optional if one in found)]))
    for column in wanted:
        if found.count(column) > 1:
            raise NaceError(f"{name} has the column {column!r} twice; rename one.")
    return wanted


def _read_parquet(
    data: bytes, name: str, required: Sequence[str], optional: Sequence[str]
) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        wanted = _wanted(file.schema_arrow.names, name, required, optional)
        table = file.read(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        raise NaceError(f"{name} is no readable Parquet file: {error}.") from None
    numeric = {
        one: str(table[one].type)
        for one in wanted
        if pa.types.is_integer(table[one].type) or pa.types.is_floating(table[one].type)
    }
    cells = {one: _as_bytes(table[one], name, one) for one in wanted}
    return Columns(name, cells, list(range(1, table.num_rows + 1)), [], numeric)


def _as_bytes(column: Any, name: str, title: str) -> list[Cell]:
    import pyarrow as pa

    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if types.is_nested(kind):
        raise NaceError(f"{name}: the column {title!r} holds {kind} and cannot be read as text.")
    try:
        if str(kind).removeprefix("large_") in TEXT_TYPES:
            if "binary" not in str(kind):
                column = column.cast(pa.large_string())
            cells: list[Cell] = column.cast(pa.large_binary()).to_pylist()
            return cells
        return [cell_text(value).encode() for value in column.to_pylist()]
    except (pa.ArrowException, ValueError, OverflowError):
        raise NaceError(
            f"{name}: the column {title!r} holds {kind} and cannot be read as text."
        ) from None


def _read_csv(data: bytes, name: str, required: Sequence[str], optional: Sequence[str]) -> Columns:
    delimiter = sniff_delimiter(_header(data, name))
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", errors="replace", newline="")
    rows = (values for _, values in csv_rows(lines, delimiter, name) if values)
    names = next(rows, [])
    wanted = _wanted(names, name, required, optional)
    places = [names.index(one) for one in wanted]
    cells: dict[str, list[Cell]] = {one: [] for one in wanted}
    numbers: list[int] = []
    broken: list[tuple[int, str]] = []
    for number, values in enumerate(rows, start=1):
        if len(values) != len(names):
            broken.append((number, delimiter.join(values)))
            continue
        numbers.append(number)
        for column, place in zip(cells.values(), places, strict=True):
            column.append(values[place].encode())
    return Columns(name, cells, numbers, broken, {})


def _header(data: bytes, name: str) -> str:
    if data.startswith(_UTF16):
        raise NaceError(f"{name} is written in UTF-16; save it as UTF-8.")
    first = data.split(b"\n", 1)[0]
    try:
        header = first.decode("utf-8-sig")
    except UnicodeDecodeError:
        header = "\0"
    if "\0" in header:
        raise NaceError(f"{name} is no CSV file: its first line cannot be read as UTF-8 text.")
    return header

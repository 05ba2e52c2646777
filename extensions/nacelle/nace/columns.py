"""Columns of Parquet and CSV files as they stand, so that what cannot be read can be counted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from nacelle.nace.errors import NaceError
from nacelle.nace.files import read_bytes
from nacelle.nace.tables import missing_column, sniff_delimiter

Cell = bytes | None
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PARQUET = b"PAR1"
_MIN_BLOCK = 1 << 20
_MAX_BLOCK = 1 << 30


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
        if found.count(column) > 1:
            raise NaceError(f"{name} has the column {column!r} twice; rename one.")
    return [*required, *(one for one in optional if one in found and one not in required)]


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
    import pyarrow.compute as pc

    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = kind.value_type
        if pa.types.is_floating(kind):
            # A whole number with gaps is stored as a float: 1.0 means 1.
            column = pc.if_else(pc.is_nan(column), None, column)
            if pc.all(pc.equal(pc.floor(column), column)).as_py():
                column = column.cast(pa.int64())
            column = column.cast(pa.large_string())
        elif not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            column = column.cast(pa.large_string())
        cells: list[Cell] = column.cast(pa.large_binary()).to_pylist()
    except pa.ArrowException:
        raise NaceError(
            f"{name}: the column {title!r} holds {kind} and cannot be read as text."
        ) from None
    return cells


def _read_csv(data: bytes, name: str, required: Sequence[str], optional: Sequence[str]) -> Columns:
    import pyarrow as pa
    from pyarrow import csv

    header = _header(data, name)
    # Arrow hands broken rows over as text, which bytes that are no UTF-8 cannot be; the mark that
    # takes their place is found again when the row is judged.
    data = data.decode("utf-8", "replace").encode("utf-8")
    broken: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        broken.append((row.number or 0, row.text))
        return "skip"

    parse = csv.ParseOptions(
        delimiter=sniff_delimiter(header), newlines_in_values=True, invalid_row_handler=skip
    )
    # A block must hold the longest row, and one cell may hold megabytes.
    block = min(max(len(data) + 1, _MIN_BLOCK), _MAX_BLOCK)
    read = csv.ReadOptions(use_threads=False, block_size=block)
    try:
        names = csv.open_csv(io.BytesIO(data), read_options=read, parse_options=parse).schema.names
        broken.clear()
        wanted = _wanted(names, name, required, optional)
        kinds = csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.binary()),
            strings_can_be_null=False,
        )
        table = csv.read_csv(io.BytesIO(data), read, parse, kinds)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise NaceError(f"{name} is no readable CSV file: {error}.") from None
    skipped = {number - 1 for number, _ in broken}
    total = table.num_rows + len(broken)
    numbers = [number for number in range(1, total + 1) if number not in skipped]
    cells = {one: table[one].to_pylist() for one in wanted}
    return Columns(name, cells, numbers, [(number - 1, text) for number, text in broken], {})


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

"""Records as Parquet: one schema for every file, whatever is empty in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from nacelle.nace.records import PredictionRecord

_TEXTS = ("text", "nomenclature", "version", "stage", "detail", "model", "model_version")
_IDENTITY = ("request_id", "caller", "language")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("time", pa.timestamp("us", tz="UTC")),
        (
            "top",
            pa.list_(
                pa.struct(
                    [("code", pa.string()), ("title", pa.string()), ("probability", pa.float64())]
                )
            ),
        ),
        ("index", pa.float64()),
        ("automatic", pa.bool_()),
        ("threshold", pa.float64()),
        *((name, pa.string()) for name in _IDENTITY),
        ("position", pa.int32()),
        ("side", pa.map_(pa.string(), pa.string())),
    ]
)
_PLAIN = (*_TEXTS, "index", "automatic", "threshold", *_IDENTITY, "position")


class ParquetBytes:
    """One Parquet file, made in memory."""

    def __init__(self) -> None:
        self._buffer = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._buffer, SCHEMA, compression="zstd")

    def add(self, records: Sequence[tuple[PredictionRecord, datetime]]) -> None:
        """Append records, each with its time as an aware datetime."""
        self._writer.write_table(_table(records))

    def finish(self) -> bytes:
        """The whole file; the same records in the same steps give the same bytes."""
        self._writer.close()
        return bytes(self._buffer.getvalue())


def _table(records: Sequence[tuple[PredictionRecord, datetime]]) -> pa.Table:
    columns = {name: [getattr(record, name) for record, _ in records] for name in _PLAIN}
    columns["time"] = [moment for _, moment in records]
    columns["top"] = [
        [{"code": one.code, "title": one.title, "probability": one.probability} for one in r.top]
        for r, _ in records
    ]
    columns["side"] = [list(record.side.items()) for record, _ in records]
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)

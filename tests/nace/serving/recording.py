"""Records to write and read back, and children that die at a given point."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from nacelle.nace.prediction import Candidate
from nacelle.nace.records import PredictionRecord

DAY = "2026-11-20T10:00:00.250+00:00"
NEXT_DAY = "2026-11-21T00:30:00.000+00:00"


def make_record(request: str = "request", position: int = 0, **changes: Any) -> PredictionRecord:
    """A record of a usual answer."""
    values: dict[str, Any] = {
        "text": "culture de blé",
        "nomenclature": "NACE",
        "version": "Rev. 2",
        "stage": "model",
        "detail": "",
        "top": (Candidate("0111", "Growing of cereals", 0.75), Candidate("0113", "Roots", 0.25)),
        "index": 0.5,
        "automatic": True,
        "threshold": 0.4,
        "model": "nace",
        "model_version": "3f2a9c",
        "time": DAY,
        "request_id": request,
        "position": position,
        "caller": "user:alice",
        "language": "fr",
        "side": {"surface": "12"},
    }
    return PredictionRecord(**{**values, **changes})


def make_spool(
    folder: Path, name: str, records: Sequence[PredictionRecord], more: bytes = b""
) -> Path:
    """A file that its writer has closed; `more` follows the records."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(msgspec.json.Encoder().encode_lines(records) + more)
    return path


def lines_of(folder: Path) -> list[PredictionRecord]:
    """All records of the fresh files; each must be whole."""
    decode = msgspec.json.Decoder(PredictionRecord).decode_lines
    return [one for path in sorted(folder.glob("*.jsonl")) for one in decode(path.read_bytes())]


def read(target: Path | str, columns: str = "*", con: Any = None) -> list[tuple[Any, ...]]:
    """What DuckDB finds in one glob."""
    glob = f"{target}/records/**/*.parquet"
    query = f"SELECT {columns} FROM read_parquet('{glob}', hive_partitioning = true)"
    rows: list[tuple[Any, ...]] = (con or duckdb).sql(query).fetchall()
    return rows


def identities(target: Path | str, con: Any = None) -> Counter[tuple[str, int]]:
    """How often each record is there."""
    return Counter(read(target, "request_id, position", con))


def run_child(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Python code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


# Arguments: spool, target, days to keep, and '' or where to be killed:
# 'module class function before|after number-of-the-call'.
COMPACTING = """
import importlib, json, os, signal, sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from nacelle.nace.serving.compact import compact

spool, target, keep_days, point = sys.argv[1:]
if point:
    module, owner, name, when, call = point.split()
    place = getattr(importlib.import_module(module), owner)
    real, left = getattr(place, name), int(call)

    def dying(*given, **named):
        global left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*given, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(place, name, dying)
done = compact(Path(spool), target, now=datetime.now(UTC), keep_days=int(keep_days))
print(json.dumps(asdict(done)))
"""

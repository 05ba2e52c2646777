"""Closed files of fresh records become Parquet by date; nothing is lost and nothing doubled.

Each fresh file gives one object a UTC date, whose name and content follow from the file alone, and
goes only when all its objects are there. So a compaction that was killed is simply run again.

The cases, each with a test:

1. A file that a process writes to is left alone.
2. A line that is no record, or whose time cannot be read, goes to the quarantine with its number
   and what is wrong with it; the rest of the file is used.
3. Two compactions at once share the files between them; a file that a rival took is no error.
4. Where the target cannot be written, the file stays.
5. A clock that was wrong gives records another date; they are kept `keep_days` all the same, from
   when they were written to the target.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.records import PredictionRecord
from nacelle.nace.serving.parquet import ParquetBytes
from nacelle.nace.serving.recorder import NAME, SUFFIX
from nacelle.nace.serving.target import Target, TargetUnusable, open_target

RECORDS, QUARANTINE = "records", "quarantine"
_PARTITION = "date="
# What is ours to remove: members may keep files of their own in the same bucket.
_OURS = re.compile(rf"{RECORDS}/{_PARTITION}(\d{{4}}-\d{{2}}-\d{{2}})/{NAME}\.parquet")
_OURS_APART = re.compile(rf"{QUARANTINE}/{NAME}{re.escape(SUFFIX)}")
# Records that are Python objects at one time, and rows of a row group at most.
_STEP = 10_000
_decode = msgspec.json.Decoder(PredictionRecord).decode


@dataclass(frozen=True)
class Summary:
    """What a compaction did: files used up, records and damaged lines in them, bytes of Parquet
    written, and partitions (dates) removed for their age."""

    files: int = 0
    records: int = 0
    damaged: int = 0
    bytes: int = 0
    removed_partitions: int = 0

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.files + other.files,
            self.records + other.records,
            self.damaged + other.damaged,
            self.bytes + other.bytes,
            self.removed_partitions + other.removed_partitions,
        )


class NotCompacted(NaceError):
    """Not all could be done; the message says why, `done` what was done. Nothing is lost."""

    def __init__(self, message: str, done: Summary) -> None:
        super().__init__(message)
        self.done = done


def compact(spool: Path, target: str, *, now: datetime, keep_days: int) -> Summary:
    """Turn the closed files in `spool` into `<target>/records/date=YYYY-MM-DD/<file>.parquet`.

    `target` is `s3://bucket/prefix` or a folder. `now` is aware. Records older than `keep_days`
    (0: none) are removed from the target, and so is what stood in the quarantine that long. Memory
    grows with the largest file: 150 MB for 64 MB of records, 400 MB for as much junk. Raises
    NotCompacted.
    """
    done = Summary()
    unread = []
    try:
        place = open_target(target)
        for path in sorted(spool.glob(f"*{SUFFIX}")):
            try:
                done += _use_up(path, place)
            except OSError as error:
                # One bad file must not keep the others waiting.
                unread.append(f"{path}: {error.strerror or error}")
        if keep_days:
            removed = _remove_old(place, now.astimezone(UTC), timedelta(days=keep_days))
            done += Summary(removed_partitions=removed)
    except TargetUnusable as error:
        raise NotCompacted(f"The records stay in {spool}: {error}", done) from None
    if unread:
        raise NotCompacted(f"Not all files could be read: {'; '.join(unread)}.", done)
    return done


def _use_up(path: Path, place: Target) -> Summary:
    with _closed_file(path) as file:
        if file is None:
            return Summary()
        found = _Contents()
        for number, line in enumerate(file, start=1):
            found.add(number, line)
        name = path.name.removesuffix(SUFFIX)
        size = 0
        for day, data in found.finish():
            place.put(f"{RECORDS}/{_PARTITION}{day.isoformat()}/{name}.parquet", data)
            size += len(data)
        if found.damaged:
            place.put(f"{QUARANTINE}/{name}{SUFFIX}", b"".join(found.damaged))
        path.unlink(missing_ok=True)
    return Summary(1, found.records, len(found.damaged), size)


@contextmanager
def _closed_file(path: Path) -> Iterator[BinaryIO | None]:
    """The file, locked against rivals; None where a process has it or a rival used it up."""
    try:
        # Writable, since locks over a network ask for it.
        file = path.open("r+b")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file if os.fstat(file.fileno()).st_nlink else None


@dataclass
class _Contents:
    """What was read of one file: Parquet by date, and damaged lines as they go to quarantine."""

    records: int = 0
    damaged: list[bytes] = field(default_factory=list)
    _waiting: dict[date, list[tuple[PredictionRecord, datetime]]] = field(default_factory=dict)
    _made: dict[date, ParquetBytes] = field(default_factory=dict)

    def add(self, number: int, line: bytes) -> None:
        try:
            record = _decode(line)
            moment = _moment(record.time)
        # Deeply nested junk ends in a RecursionError, a time near the year 1 in an OverflowError.
        except (ValueError, OverflowError, RecursionError) as error:
            self.damaged.append(_quarantined(number, line, str(error)))
            return
        self._waiting.setdefault(moment.date(), []).append((record, moment))
        self.records += 1
        if self.records % _STEP == 0:
            self._write()

    def finish(self) -> Iterator[tuple[date, bytes]]:
        """Each date with its file, one file in memory more than once at a time."""
        self._write()
        for day in sorted(self._made):
            yield day, self._made.pop(day).finish()

    def _write(self) -> None:
        for day, records in self._waiting.items():
            self._made.setdefault(day, ParquetBytes()).add(records)
        self._waiting.clear()


def _moment(time: str) -> datetime:
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError("time: it has no zone")
    return moment.astimezone(UTC)


def _quarantined(number: int, line: bytes, problem: str) -> bytes:
    entry: dict[str, object] = {"line": number, "problem": problem}
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = "\0"
    # After a power cut, zeros can fill a file: as JSON text each would be six bytes.
    if "\0" in text:
        entry["base64"] = base64.b64encode(line).decode()
    else:
        entry["text"] = text
    return msgspec.json.encode(entry) + b"\n"


def _remove_old(place: Target, now: datetime, kept: timedelta) -> int:
    """How many dates are gone. What was written lately stays, whatever date a clock gave it; so
    does what no compaction wrote."""
    first = (now - kept).date()
    files = place.files(RECORDS)
    old = {
        name
        for name, written in files.items()
        if written < now - kept and (day := _date_of(name)) and day < first
    }
    quarantined = [
        name
        for name, written in place.files(QUARANTINE).items()
        if written < now - kept and _OURS_APART.fullmatch(name)
    ]
    place.remove([*sorted(old), *quarantined])
    return len({_date_of(name) for name in old} - {_date_of(name) for name in files.keys() - old})


def _date_of(name: str) -> date | None:
    """The date of the partition that a file is in, None for what is not ours."""
    found = _OURS.fullmatch(name)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None

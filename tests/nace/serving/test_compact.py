"""Compaction: each record exactly once, whatever happens on the way."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest

from nacelle.nace.serving.compact import NotCompacted, Summary, compact
from nacelle.nace.serving.recorder import Recorder

from .recording import (
    COMPACTING,
    DAY,
    NEXT_DAY,
    identities,
    make_record,
    make_spool,
    read,
    run_child,
)

# Names as a recorder gives them: what bears another is not removed for its age.
OLD, NEW = f"20251101T100000Z-{'0' * 16}", f"20261120T100000Z-{'0' * 16}"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = (NOW - timedelta(days=400)).timestamp()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def run(spool: Path, target: Path, keep_days: int = 0, now: datetime = NOW) -> Summary:
    return compact(spool, str(target), now=now, keep_days=keep_days)


def names(target: Path) -> list[str]:
    return sorted(str(one.relative_to(target)) for one in target.rglob("*") if one.is_file())


def aged(target: Path, *files: str) -> None:
    for file in files:
        os.utime(target / file, (LONG_AGO, LONG_AGO))


def quarantine(target: Path) -> list[dict[str, Any]]:
    files = sorted((target / "quarantine").glob("*.jsonl"))
    return [json.loads(line) for one in files for line in one.read_text().splitlines()]


def test_a_file_becomes_one_object_a_date(spool: Path, target: Path) -> None:
    records = [make_record("a"), make_record("b", time=NEXT_DAY), make_record("c")]
    path = make_spool(spool, "one", records)
    done = run(spool, target)
    assert names(target) == [
        "records/date=2026-11-20/one.parquet", "records/date=2026-11-21/one.parquet",
    ]  # fmt: skip
    size = sum((target / name).stat().st_size for name in names(target))
    assert done == Summary(files=1, records=3, bytes=size)
    assert not path.exists()
    assert run(spool, target) == Summary()


def test_duckdb_reads_all_fields_in_one_glob(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [make_record("a", 4, text="café\0 🌾")])
    rejected = make_record("b", stage="rejected", top=(), automatic=None, threshold=None, side={})
    make_spool(spool, "two", [rejected])
    run(spool, target)
    glob = f"{target}/records/**/*.parquet"
    found = duckdb.sql(f"SELECT * FROM read_parquet('{glob}') ORDER BY request_id")
    first, second = found.to_arrow_table().to_pylist(maps_as_pydicts="strict")
    assert str(first.pop("date")) == "2026-11-20"
    assert first.pop("time") == datetime.fromisoformat(DAY)
    assert first.pop("top") == [
        {"code": "0111", "title": "Growing of cereals", "probability": 0.75},
        {"code": "0113", "title": "Roots", "probability": 0.25},
    ]
    assert first == {
        "text": "café\0 🌾", "nomenclature": "NACE", "version": "Rev. 2", "stage": "model",
        "detail": "", "index": 0.5, "automatic": True, "threshold": 0.4, "model": "nace",
        "model_version": "3f2a9c", "request_id": "a", "position": 4, "caller": "user:alice",
        "language": "fr", "side": {"surface": "12"},
    }  # fmt: skip
    assert (second["top"], second["automatic"], second["threshold"]) == ([], None, None)
    assert second["side"] == {}


def test_a_date_filters_files(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [make_record("a"), make_record("b", time=NEXT_DAY)])
    run(spool, target)
    glob = f"read_parquet('{target}/records/**/*.parquet', hive_partitioning = true)"
    found = duckdb.sql(f"SELECT request_id FROM {glob} WHERE date = DATE '2026-11-21'").fetchall()
    assert found == [("b",)]


def test_the_schema_is_the_same_whatever_is_empty(spool: Path, target: Path) -> None:
    empty: dict[str, Any] = {
        "top": (),
        "automatic": None,
        "threshold": None,
        "side": {},
        "text": "",
    }
    make_spool(spool, "full", [make_record()])
    make_spool(spool, "empty", [make_record(**empty)])
    run(spool, target)
    full, other = (pq.read_schema(target / name) for name in names(target))
    assert full.equals(other, check_metadata=True)
    assert str(full.field("time").type) == "timestamp[us, tz=UTC]"


DAMAGED: dict[str, tuple[bytes, str]] = {
    "torn": (b'{"text": "cult', "truncated"),
    "binary": (b"\x00\xff\xfe\x93\n", "malformed"),
    "no object": (b"[1, 2]\n", "Expected `object`"),
    "blank": (b"\n", "truncated"),
    "not UTF-8": (b'{"text": "\xff"}\n', "utf-8"),
    "half a character": (b'{"text": "\\udc00"}\n', "malformed"),
    "nested": (b'{"what":' + b"[" * 100_000 + b"\n", "recursion"),
    "two in one line": (b'{"text": "a"}{"text": "b"}\n', "missing required"),
}
CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "a text for a number": ({"index": "0.5"}, "index"),
    "an unknown stage": ({"stage": "guess"}, "stage"),
    "a huge number": ({"position": 10**30}, "position"),
    "no time": ({"time": "yesterday"}, "yesterday"),
    "no zone": ({"time": "2026-11-20T10:00:00"}, "zone"),
    "before the calendar": ({"time": "0001-01-01T00:00:00+14:00"}, "out of range"),
}


def changed_line(changes: dict[str, Any]) -> bytes:
    return json.dumps({**msgspec.to_builtins(make_record()), **changes}).encode()


@pytest.mark.parametrize(
    ("line", "problem"),
    [*DAMAGED.values(), *((changed_line(c) + b"\n", why) for c, why in CHANGED.values())],
    ids=[*DAMAGED, *CHANGED],
)
def test_a_damaged_line_is_set_apart_and_the_rest_goes_on(
    spool: Path, target: Path, line: bytes, problem: str
) -> None:
    path = make_spool(spool, "one", [make_record("a")], line)
    if line.endswith(b"\n"):
        whole = make_spool(spool, "rest", [make_record("b")])
        path.write_bytes(path.read_bytes() + whole.read_bytes())
        whole.unlink()
    done = run(spool, target)
    assert done.damaged == 1
    assert identities(target) == Counter([("a", 0), *([("b", 0)] * line.endswith(b"\n"))])
    (entry,) = quarantine(target)
    assert entry["line"] == 2
    assert problem in entry["problem"]
    kept = base64.b64decode(entry["base64"]) if "base64" in entry else entry["text"].encode()
    assert kept == line


def test_a_file_of_damage_alone_is_used_up(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [], b"junk\n" * 3)
    assert run(spool, target) == Summary(files=1, damaged=3)
    assert names(target) == ["quarantine/one.jsonl"]


def test_an_empty_file_leaves_nothing(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [])
    assert run(spool, target) == Summary(files=1)
    assert not target.exists() and not list(spool.iterdir())


def test_no_service_yet_is_no_error(spool: Path, target: Path) -> None:
    assert run(spool, target, keep_days=5) == Summary()


def test_a_file_in_use_is_left_alone(spool: Path, target: Path) -> None:
    recorder = Recorder(spool, fsync=False, rotate_bytes=10**9, rotate_seconds=99, text_key=None)
    recorder.write([make_record("a")])
    assert run(spool, target) == Summary()
    recorder.write([make_record("b")])
    recorder.close()
    assert run(spool, target).records == 2
    assert identities(target) == Counter([("a", 0), ("b", 0)])


def test_many_records_of_many_dates(
    spool: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nacelle.nace.serving.compact._STEP", 7)
    days = [f"2026-11-{day:02d}T23:59:59.999Z" for day in (1, 2, 3)]
    make_spool(spool, "one", [make_record("r", n, time=days[n % 3]) for n in range(100)])
    assert run(spool, target).records == 100
    assert identities(target) == Counter(("r", n) for n in range(100))
    wrong = "count(*) FILTER (strftime(time AT TIME ZONE 'UTC', '%x') <> strftime(date, '%x'))"
    assert read(target, f"count(DISTINCT date), {wrong}") == [(3, 0)]


def test_the_zone_of_a_time_counts_for_its_date(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [make_record(time="2026-11-21T00:30:00+02:00")])
    run(spool, target)
    assert names(target) == ["records/date=2026-11-20/one.parquet"]


def test_twice_gives_the_same_bytes(spool: Path, target: Path) -> None:
    records = [make_record("r", n, text=f"text {n}") for n in range(50)]
    for _ in range(2):
        make_spool(spool, "one", records, b"torn")
        run(spool, target)
        content = {name: (target / name).read_bytes() for name in names(target)}
    make_spool(spool, "one", records, b"torn")
    run(spool, target)
    assert content == {name: (target / name).read_bytes() for name in names(target)}
    assert identities(target) == Counter(("r", n) for n in range(50))


def test_two_processes_at_once(spool: Path, target: Path) -> None:
    for file in range(30):
        make_spool(spool, f"file{file:02d}", [make_record(f"{file}", n) for n in range(40)], b"x\n")
    children = [run_child(COMPACTING, spool, target, 0, "") for _ in range(3)]
    done = []
    for child in children:
        out, problems = child.communicate(timeout=120)
        assert child.returncode == 0, problems
        done.append(json.loads(out))
    assert sum(one["records"] for one in done) == 30 * 40
    assert sum(one["damaged"] for one in done) == 30 == len(quarantine(target))
    assert identities(target) == Counter((f"{file}", n) for file in range(30) for n in range(40))
    assert not list(spool.iterdir())


def test_a_file_that_a_rival_took_is_no_error(
    spool: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_spool(spool, "one", [make_record()])
    make_spool(spool, "two", [make_record("b")])
    real = fcntl.flock

    def rival_first(file: int, how: int) -> None:
        path.unlink(missing_ok=True)
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", rival_first)
    assert run(spool, target).files == 1
    assert identities(target) == Counter([("b", 0)])


_TARGET = "nacelle.nace.serving.target Folder"
POINTS = [
    *(f"{_TARGET} put {when} {call}" for call in range(1, 7) for when in ("before", "after")),
    *(f"pathlib Path replace before {call}" for call in (1, 4)),
    *(f"pathlib Path unlink before {call}" for call in (1, 2)),
    "pathlib Path unlink after 2",
    f"{_TARGET} remove before 1",
    f"{_TARGET} remove after 1",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_compaction_that_is_killed_is_run_again(spool: Path, target: Path, point: str) -> None:
    make_spool(spool, OLD, [make_record("old", time="2025-11-01T10:00:00Z")])
    run(spool, target)
    aged(target, f"records/date=2025-11-01/{OLD}.parquet")
    times = (datetime.now(UTC).isoformat(), (datetime.now(UTC) - timedelta(days=1)).isoformat())
    for file in ("one", "two"):
        records = [make_record(file, n, time=times[n % 2]) for n in range(20)]
        make_spool(spool, file, records, b"torn")
    child = run_child(COMPACTING, spool, target, 5, point)
    _, problems = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, problems
    run(spool, target, keep_days=5, now=datetime.now(UTC))
    assert identities(target) == Counter((file, n) for file in ("one", "two") for n in range(20))
    assert len(quarantine(target)) == 2
    assert not list(spool.iterdir())


def test_a_target_that_is_full_leaves_the_file(spool: Path, target: Path) -> None:
    path = make_spool(spool, "one", [make_record("r", n) for n in range(20)])
    limited = (
        f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n{COMPACTING}"
    )
    child = run_child(limited, spool, target, 0, "")
    _, problems = child.communicate(timeout=60)
    assert child.returncode == 1 and "File too large" in problems
    assert path.exists() and not list(target.rglob("*.parquet"))
    run(spool, target)
    assert identities(target) == Counter(("r", n) for n in range(20))


def test_a_target_that_cannot_be_used_is_said_with_what_was_done(
    spool: Path, tmp_path: Path
) -> None:
    path = make_spool(spool, "one", [make_record()])
    (tmp_path / "file").touch()
    with pytest.raises(NotCompacted, match=r"stay in .*Not a directory") as caught:
        run(spool, tmp_path / "file" / "target")
    assert caught.value.done == Summary()
    assert path.exists()


def test_one_unreadable_file_does_not_stop_the_others(spool: Path, target: Path) -> None:
    (spool / "bad.jsonl").mkdir(parents=True)
    make_spool(spool, "good", [make_record()])
    with pytest.raises(NotCompacted, match=r"bad\.jsonl: Is a directory") as caught:
        run(spool, target)
    assert caught.value.done.records == 1


def test_old_partitions_and_quarantines_are_removed(spool: Path, target: Path) -> None:
    for name, time in ((OLD, "2025-11-01T10:00:00Z"), (NEW, DAY)):
        make_spool(spool, name, [make_record(name, time=time)], b"torn")
    assert run(spool, target).removed_partitions == 0
    aged(target, f"records/date=2025-11-01/{OLD}.parquet", f"quarantine/{OLD}.jsonl")
    assert run(spool, target, keep_days=90) == Summary(removed_partitions=1)
    assert names(target) == [f"quarantine/{NEW}.jsonl", f"records/date=2026-11-20/{NEW}.parquet"]
    assert not (target / "records" / "date=2025-11-01").exists()


@pytest.mark.parametrize(("day", "kept"), [("2026-11-11", True), ("2026-11-10", False)])
def test_the_last_day_that_is_kept(spool: Path, target: Path, day: str, kept: bool) -> None:
    make_spool(spool, NEW, [make_record(time=f"{day}T10:00:00Z")])
    run(spool, target)
    aged(target, f"records/date={day}/{NEW}.parquet")
    assert run(spool, target, keep_days=10).removed_partitions == (not kept)


def test_a_clock_set_back_only_changes_the_partition(spool: Path, target: Path) -> None:
    make_spool(spool, "one", [make_record("a"), make_record("b", time="1970-01-01T00:00:05Z")])
    done = run(spool, target, keep_days=30, now=datetime.now(UTC))
    assert (done.records, done.removed_partitions) == (2, 0)
    assert identities(target) == Counter([("a", 0), ("b", 0)])
    assert "records/date=1970-01-01/one.parquet" in names(target)


@pytest.mark.parametrize(
    "name",
    [
        "records/read.me",
        "records/notes/read.me",
        f"records/2020-01-01/{OLD}.parquet",
        "records/2020-01-01/mine.parquet",
        "records/date=2020-01-01/mine.parquet",
        f"records/date=2020-01-01/{OLD}.csv",
        f"records/date=2020-01-01/mine/{OLD}.parquet",
        f"records/mine/date=2020-01-01/{OLD}.parquet",
        f"records/date=2020-13-01/{OLD}.parquet",
        "quarantine/mine.jsonl",
        f"quarantine/mine/{OLD}.jsonl",
    ],
)
def test_what_others_put_there_stays(spool: Path, target: Path, name: str) -> None:
    other = target / name
    other.parent.mkdir(parents=True)
    other.touch()
    aged(target, name)
    assert run(spool, target, keep_days=1) == Summary()
    assert other.exists()


def test_what_a_recorder_wrote_is_removed_when_it_is_old(spool: Path, target: Path) -> None:
    recorder = Recorder(spool, fsync=False, rotate_bytes=10**9, rotate_seconds=99, text_key=None)
    recorder.write([make_record(time="2025-11-01T10:00:00Z")])
    recorder.close()
    with next(spool.iterdir()).open("ab") as file:
        file.write(b"torn")
    assert run(spool, target).damaged == 1
    aged(target, *names(target))
    assert run(spool, target, keep_days=90).removed_partitions == 1
    assert names(target) == []

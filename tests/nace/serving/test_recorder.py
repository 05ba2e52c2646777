"""Fresh records: nothing that was handed over is lost, torn or doubled."""

from __future__ import annotations

import fcntl
import hmac
import itertools
import json
import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nacelle.nace.records import RecordsUnwritable
from nacelle.nace.serving.recorder import Recorder
from tests.support.waiting import wait_for

from .recording import lines_of, make_record, run_child

WRITING = """
import resource, sys
from pathlib import Path
from nacelle.nace.records import RecordsUnwritable
from nacelle.nace.serving.recorder import Recorder
from tests.nace.serving.recording import make_record

folder, limit, size, requests = sys.argv[1], *map(int, sys.argv[2:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
recorder = Recorder(
    Path(folder), fsync=False, rotate_bytes=10**9, rotate_seconds=3600, text_key=None
)
for request in range(requests):
    try:
        recorder.write([make_record(str(request), position) for position in range(size)])
        print(request, flush=True)
    except RecordsUnwritable as error:
        print(f"refused: {error}", flush=True)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "records"


def make_recorder(spool: Path, **changes: Any) -> Recorder:
    options: dict[str, Any] = {
        "fsync": False, "rotate_bytes": 10**9, "rotate_seconds": 3600, "text_key": None,
    }  # fmt: skip
    return Recorder(spool, **{**options, **changes})


@pytest.fixture
def recorder(spool: Path) -> Iterator[Recorder]:
    made = make_recorder(spool)
    yield made
    made.close()


def is_closed(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def only(spool: Path) -> Path:
    (path,) = spool.iterdir()
    return path


@pytest.mark.parametrize("fsync", [False, True])
def test_records_are_in_the_file_when_write_returns(spool: Path, fsync: bool) -> None:
    recorder = make_recorder(spool, fsync=fsync)
    given = [make_record("a", 0), make_record("a", 1, text="deux\nlignes\0 et 🌾")]
    recorder.write(given)
    recorder.write([make_record("b")])
    assert lines_of(spool) == [*given, make_record("b")]
    recorder.close()


def test_a_file_is_private_and_locked_while_it_is_written_to(
    spool: Path, recorder: Recorder
) -> None:
    recorder.write([make_record()])
    path = only(spool)
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.stat().st_mode & 0o777 == 0o700
    assert not is_closed(path)
    recorder.close()
    assert is_closed(path)


def test_a_full_file_is_closed_and_the_next_is_another(spool: Path) -> None:
    recorder = make_recorder(spool, rotate_bytes=1000)
    for request in range(10):
        recorder.write([make_record(str(request))])
    sizes = {path: path.stat().st_size for path in spool.iterdir()}
    assert 3 <= len(sizes) <= 5
    assert all(is_closed(path) == (size >= 1000) for path, size in sizes.items())
    assert sum(size < 1000 for size in sizes.values()) <= 1
    assert {one.request_id for one in lines_of(spool)} == set(map(str, range(10)))
    recorder.close()


def test_an_old_file_is_closed_though_nothing_more_comes(spool: Path) -> None:
    recorder = make_recorder(spool, rotate_seconds=1)
    recorder.write([make_record("a")])
    path = only(spool)
    wait_for(lambda: is_closed(path), 20, "closing")
    recorder.write([make_record("b")])
    assert len(list(spool.iterdir())) == 2
    recorder.close()


def test_each_recorder_has_files_of_its_own(spool: Path) -> None:
    both = [make_recorder(spool), make_recorder(spool)]
    for number, one in enumerate(both):
        one.write([make_record(str(number))])
    assert len(list(spool.iterdir())) == 2
    for one in both:
        one.close()


def test_threads_share_a_recorder(spool: Path) -> None:
    recorder = make_recorder(spool, rotate_bytes=20_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: recorder.write([make_record(str(n))]), range(500)))
    recorder.close()
    assert sorted(int(one.request_id) for one in lines_of(spool)) == list(range(500))


def test_a_killed_process_loses_no_record_and_frees_its_file(spool: Path) -> None:
    child = run_child(WRITING, spool, 0, 3, 10**9)
    assert child.stdout
    acknowledged = [line.strip() for line in itertools.islice(child.stdout, 200)]
    child.kill()
    acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.communicate()
    path = only(spool)
    assert is_closed(path)
    found = [json.loads(line) for line in path.read_text().splitlines(keepends=True)]
    kept = [(one["request_id"], one["position"]) for one in found]
    assert len(acknowledged) >= 200
    # Two more at most: written, or begun, and not acknowledged yet.
    expected = [(request, position) for request in acknowledged for position in range(3)]
    assert kept[: len(expected)] == expected
    assert len(kept) <= len(expected) + 3


@pytest.mark.parametrize(("limit", "size"), [(4000, 1), (4000, 3), (20_000, 7)])
def test_a_disk_that_takes_part_of_an_answer_takes_none_of_it(
    spool: Path, limit: int, size: int
) -> None:
    child = run_child(WRITING, spool, limit, size, 60)
    answers, problems = child.communicate(timeout=60)
    assert child.returncode == 0, problems
    said = answers.splitlines()
    refused = [line for line in said if line.startswith("refused")]
    assert refused and "cannot be recorded" in refused[0] and str(spool) not in refused[0]
    # The file was full, not the disk: a new one takes the next answer.
    assert not any(a in refused and b in refused for a, b in itertools.pairwise(said))
    expected = [(line, n) for line in said if line not in refused for n in range(size)]
    found = {(one.request_id, one.position) for one in lines_of(spool)}
    assert found == set(expected) and len(lines_of(spool)) == len(expected)


def test_a_full_disk_is_not_filled_with_empty_files(spool: Path) -> None:
    child = run_child(WRITING, spool, 100, 1, 50)
    answers, _ = child.communicate(timeout=60)
    assert all(line.startswith("refused") for line in answers.splitlines())
    assert only(spool).stat().st_size == 0


def test_a_removed_file_is_not_written_to(spool: Path, recorder: Recorder) -> None:
    recorder.write([make_record("a")])
    only(spool).unlink()
    recorder.write([make_record("b")])
    assert [one.request_id for one in lines_of(spool)] == ["b"]


def test_a_folder_that_is_gone_is_said_once_in_the_log_and_to_each_caller(
    spool: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recorder.write([make_record("a")])
    shutil.rmtree(spool)
    for _ in range(3):
        with pytest.raises(RecordsUnwritable, match="No such file or directory"):
            recorder.write([make_record("b", text="secret words")])
    spool.mkdir()
    recorder.write([make_record("c")])
    assert [one.request_id for one in lines_of(spool)] == ["c"]
    said = [(one.levelname, one.message) for one in caplog.records]
    assert said == [
        ("ERROR", "records cannot be written"), ("INFO", "records are written again"),
    ]  # fmt: skip


def test_a_service_starts_where_it_cannot_record(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = make_recorder(tmp_path / "file" / "records")
    with pytest.raises(RecordsUnwritable, match="Not a directory"):
        recorder.write([make_record()])
    recorder.close()


def test_a_new_file_that_a_compaction_took_for_empty_is_made_again(
    spool: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    taken: list[Path] = []

    def too_late(file: int, how: int) -> None:
        if not taken:
            taken.append(only(spool))
            taken[0].unlink()
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    recorder.write([make_record("a")])
    assert taken and [one.request_id for one in lines_of(spool)] == ["a"]


def test_no_descriptor_is_left_behind(spool: Path) -> None:
    before = count_descriptors()
    recorder = make_recorder(spool, rotate_bytes=1)
    for _ in range(20):
        recorder.write([make_record()])
    shutil.rmtree(spool)
    for _ in range(20):
        with pytest.raises(RecordsUnwritable):
            recorder.write([make_record()])
    recorder.close()
    assert count_descriptors() == before


def test_a_keyed_hash_stands_for_the_text(spool: Path) -> None:
    recorder = make_recorder(spool, text_key="key")
    recorder.write([make_record("a"), make_record("b"), make_record("c", text="other")])
    first, second, third = [one.text for one in lines_of(spool)]
    wanted = hmac.new(b"key", "culture de blé".encode(), "sha256").hexdigest()
    assert first == second == f"hmac-sha256:{wanted}"
    assert third != first
    recorder.close()


@pytest.mark.parametrize(
    ("text", "detail", "kept"),
    [
        ("code 47.110", "NACE Rev. 2 has no code 47.110", False),
        ("ÉTÉ", "rule 12: ete", False),
        ("!!", "it has no letters", True),
        ("boulangerie", "the reference file has these words under this code", True),
    ],
)
def test_a_reason_that_repeats_the_text_goes_with_it(
    spool: Path, text: str, detail: str, kept: bool
) -> None:
    recorder = make_recorder(spool, text_key="key")
    recorder.write([make_record(text=text, detail=detail)])
    assert lines_of(spool)[0].detail == (detail if kept else "")
    recorder.close()

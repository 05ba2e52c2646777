"""`nacelle nace classify`: a file's codes from the service, however often it is interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nacelle.nace.command_rows import BATCH
from nacelle.nace.unfinished import Kept, Purpose, open_unfinished
from tests.nace.running import NACELLE, invoke, invoke_json
from tests.nace.serving.running import RunningService
from tests.support.waiting import free_base, wait_for

# Answers that are exact: sums of a model differ in the last digits with the texts beside them.
EXACT = ("0111", "idem", "10.71", "", "NACE 4941", "n/a")


@pytest.fixture(autouse=True)
def place(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NACELLE_NACE_URL", service.url)
    monkeypatch.setenv("NACELLE_API_KEY", service.key)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(
        'id;text;code;note\n007;bakery;1071;"a; b"\n008;road haulage;4941;\n009;idem;;x\n'
        "010;;0111;y\n011;0111;0111;z\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Rows enough for several batches of reading and of requests."""
    number = BATCH + 900
    table = pa.table({"n": range(number), "text": [EXACT[i % len(EXACT)] for i in range(number)]})
    pq.write_table(table, tmp_path / "long.parquet")
    return tmp_path / "long.parquet"


def test_the_file_is_what_predict_writes(small_model: Path, rows: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    options = ("--threshold", 0.3, "--titles", "fr")
    invoke("predict", small_model, rows, "--output", here, "--k", 3, *options)
    told = invoke("classify", rows, "--output", there, "--top", 3, *options)
    assert there.read_bytes() == here.read_bytes()
    assert "5 rows" in told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [here.name, "rows.csv", there.name]


def test_other_kinds_of_files_are_as_predict_writes_them(
    small_model: Path, long: Path, tmp_path: Path
) -> None:
    for kind in ("parquet", "jsonl"):
        here, there = tmp_path / f"here.{kind}", tmp_path / f"there.{kind}"
        invoke("predict", small_model, long, "--output", here)
        invoke("classify", long, "--output", there)
        assert there.read_bytes() == here.read_bytes()


def test_what_is_written_can_be_told_as_json(rows: Path, tmp_path: Path) -> None:
    told = invoke_json("classify", rows, "--output", tmp_path / "out.csv", "--threshold", 0.3)
    found = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert told["rows"] == 5
    assert told["stages"]["rejected"] == 2
    assert told["automatic"] == (found["automatic"] == "true").sum()
    assert sum(told["models"].values()) == 5


def test_options_reach_the_service(tmp_path: Path, service: RunningService) -> None:
    (tmp_path / "in.csv").write_text("what,language\nbakery,en\nhaulage,\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    named = ("--text-column", "what", "--language", "de", "--level", 1, "--top", 1)
    invoke("classify", tmp_path / "in.csv", "--output", out, *named)
    found = pd.read_csv(out, dtype=str)
    assert found["code"].tolist() == ["C", "H"]
    assert "code_2" not in found
    records = service.records()[-2:]
    assert [one.language for one in records] == ["en", "de"]


def test_a_refused_row_says_why_and_the_others_are_coded(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(f"text\nbakery\n{'x' * 6000}\n\x01\x02\nbakery\n", encoding="utf-8")
    told = invoke("classify", path, "--output", out)
    found = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert found["code"].tolist() == ["1071", "", "", "1071"]
    assert found["stage"].tolist()[1:3] == ["refused", "rejected"]
    assert "6,000 characters" in found["detail"][1]
    assert "control characters" in found["detail"][2]
    assert found["automatic"][1] == "false"
    assert "1 texts were refused" in told.stderr and "1 texts are not UTF-8" in told.stderr


def test_a_file_without_rows_has_a_result_too(tmp_path: Path, small_model: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n", encoding="utf-8")
    for name, command in (("a.csv", ("predict", small_model)), ("b.csv", ("classify",))):
        invoke(*command, tmp_path / "in.csv", "--output", tmp_path / name)
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


@pytest.fixture
def slow(
    service: RunningService, tmp_path: Path
) -> Iterator[Callable[[Path, Path], subprocess.Popen[str]]]:
    """Runs the command with a key that makes it slow enough to be interrupted."""
    key = service.make_key(f"slow {tmp_path.name}", rate=0.5, burst=4)
    (tmp_path / "slow.key").write_text(f"{key}\n", encoding="utf-8")
    running: list[subprocess.Popen[str]] = []

    def start(file: Path, output: Path) -> subprocess.Popen[str]:
        command: list[str | Path] = [NACELLE, "nace", "classify", file, "--output", output]
        command += ["--key-file", tmp_path / "slow.key"]
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


def has_answers(output: Path) -> bool:
    kept = output.with_name(output.name + ".unfinished")
    return kept.exists() and kept.read_bytes().count(b"\n") > 2


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_killed_in_the_middle_it_goes_on_where_it_was(
    slow: Callable[[Path, Path], subprocess.Popen[str]],
    long: Path,
    tmp_path: Path,
    kind: str,
    service: RunningService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, out = tmp_path / f"whole.{kind}", tmp_path / f"out.{kind}"
    invoke("classify", long, "--output", whole)
    running = slow(long, out)
    wait_for(lambda: has_answers(out), 60)
    running.kill()
    running.wait(30)
    assert not out.exists()
    unfinished = tmp_path / f"out.{kind}.unfinished"
    kept = sum(len(json.loads(line)) for line in unfinished.read_bytes().splitlines()[1:])
    assert kept
    # As a crash of the machine would leave it.
    with unfinished.open("ab") as file:
        file.write(b'[[["0111"],["Growing')
    # What the killed one had sent may still be answered.
    other = service.make_key(f"other {tmp_path.name}")
    monkeypatch.setenv("NACELLE_API_KEY", other)
    told = invoke("classify", long, "--output", out)
    assert f"Going on after {kept:,} rows" in told.stderr
    callers = Counter(one.caller for one in service.records())
    assert callers[f"key:{other.split('_')[1]}"] == BATCH + 900 - kept
    assert out.read_bytes() == whole.read_bytes()
    assert not unfinished.exists()


def test_interrupted_it_says_how_to_go_on(
    slow: Callable[[Path, Path], subprocess.Popen[str]], long: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    running = slow(long, out)
    wait_for(lambda: has_answers(out), 60)
    # While it holds the file, nobody else may.
    assert "Another process" in invoke("classify", long, "--output", out, code=2).stderr
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 128 + signal.SIGTERM
    assert "Run the same command again" in said
    assert "Traceback" not in said
    assert "Going on after" in invoke("classify", long, "--output", out).stderr
    assert pq.read_table(long).num_rows == len(pd.read_csv(out))


def test_a_used_up_quota_ends_it_and_another_key_goes_on(
    long: Path, tmp_path: Path, service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    monkeypatch.setenv("NACELLE_API_KEY", service.make_key("small", daily_quota=2100))
    told = invoke("classify", long, "--output", out, code=1)
    assert "2100 texts a day" in told.stderr and "Run the same command again" in told.stderr
    assert not out.exists()
    monkeypatch.setenv("NACELLE_API_KEY", service.key)
    # Requests go side by side: a later one may have had the last of the quota before an earlier.
    going_on = invoke("classify", long, "--output", out).stderr
    assert re.search(r"Going on after (500|1,000|1,500|2,000) rows", going_on)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("input", "the input is another"),
        ("top", "top was 5, is now 2"),
        ("url", "the service was"),
        ("language", "language was , is now fr"),
    ],
)
def test_kept_answers_are_for_one_purpose(
    rows: Path, tmp_path: Path, service: RunningService, change: str, said: str
) -> None:
    out = tmp_path / "out.csv"
    kept = tmp_path / "out.csv.unfinished"
    make_kept(kept, rows, service.url)
    before = kept.read_bytes()
    given = {"top": ("--top", 2), "language": ("--language", "fr")}.get(change, ())
    if change == "input":
        rows.write_text("text\nbakery\n", encoding="utf-8")
    if change == "url":
        given = ("--url", service.url.replace("127.0.0.1", "localhost"))
    told = invoke("classify", rows, "--output", out, *given, code=2)
    assert said in told.stderr and str(kept) in told.stderr
    assert kept.read_bytes() == before
    assert not out.exists()


def make_kept(path: Path, file: Path, url: str) -> None:
    """Answers of a run with the usual options."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    options: dict[str, int | None] = {"top": 5, "level": None, "threshold": None}
    purpose = Purpose(
        digest, url, {"text column": "text", "language": "", "titles": "", **options}, 5
    )
    with open_unfinished(path, purpose) as kept:
        kept.add([Kept.refused("a"), Kept.refused("b")])


@pytest.mark.parametrize("damage", [b"\0\0\0\n", b'{"a":1}\n', b"[1]\n", b"[["])
def test_damage_costs_what_follows_it(tmp_path: Path, damage: bytes) -> None:
    path, purpose = tmp_path / "kept", Purpose("digest", "url", {"top": 5}, 5)
    with open_unfinished(path, purpose) as kept:
        kept.add([Kept.refused("a"), Kept.refused("b")])
    with path.open("ab") as file:
        file.write(damage + b"[]\n")
    with open_unfinished(path, Purpose("digest", "url", {"top": 5}, 3)) as kept:
        assert kept.answered == 2
        assert kept.purpose.ranks == 5
        kept.add([Kept.refused("c")])
        assert [one.detail for one in kept.answers()] == ["a", "b", "c"]


def test_a_file_of_answers_that_has_no_head_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b'{"input": "dig')
    with open_unfinished(path, Purpose("digest", "url", {}, 5)) as kept:
        assert kept.answered == 0
    assert not path.exists()


def test_the_key_is_no_argument(tmp_path: Path, rows: Path, service: RunningService) -> None:
    out = ("--output", tmp_path / "out.csv")
    assert "No such option" in invoke("classify", rows, *out, "--key", "x", code=2).stderr
    (tmp_path / "key").write_bytes(b"\xff\xfe key")
    told = invoke("classify", rows, *out, "--key-file", tmp_path / "key", code=2)
    assert "copy it whole" in told.stderr
    told = invoke("classify", rows, *out, "--key-file", tmp_path / "none", code=2)
    assert "No such file" in told.stderr


@pytest.mark.parametrize(
    ("file", "output", "said"),
    [
        ("-", "out.csv", "Standard input cannot be read again"),
        ("none.csv", "out.csv", "no such file"),
        ("rows.csv", "out.xlsx", "must end in one of"),
        ("rows.csv", "rows.csv", "is the input"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    rows: Path, tmp_path: Path, file: str, output: str, said: str, service: RunningService
) -> None:
    before = len(service.records())
    named = file if file == "-" else tmp_path / file
    assert said in invoke("classify", named, "--output", tmp_path / output, code=2).stderr
    assert len(service.records()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_columns_that_cannot_stand_beside_the_answers_are_said_before_the_work(
    tmp_path: Path, service: RunningService
) -> None:
    (tmp_path / "in.csv").write_text("text,code,input_code\nbakery,1,2\n", encoding="utf-8")
    before = len(service.records())
    told = invoke("classify", tmp_path / "in.csv", "--output", tmp_path / "out.csv", code=2)
    assert "called alike" in told.stderr
    assert len(service.records()) == before


def test_refusals_and_absence_have_their_exit_codes(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ("--output", tmp_path / "out.csv")
    assert "level is 7" in invoke("classify", rows, *out, "--level", 7, code=2).stderr
    monkeypatch.setattr("nacelle.nace.command_classify._PATIENCE", 0.5)
    away = f"http://127.0.0.1:{free_base()}/services/nace"
    assert "does not answer" in invoke("classify", rows, *out, "--url", away, code=1).stderr
    monkeypatch.setenv("NACELLE_API_KEY", "nacelle_000000000000_x")
    assert "not known" in invoke("classify", rows, *out, code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe, out = tmp_path / "pipe.csv", tmp_path / "out.csv"
    os.mkfifo(pipe)
    with subprocess.Popen([NACELLE, "nace", "classify", pipe, "--output", out]) as running:
        pipe.write_text("text\nbakery\n", encoding="utf-8")
        assert running.wait(60) == 0
    assert pd.read_csv(out, dtype=str)["code"].tolist() == ["1071"]

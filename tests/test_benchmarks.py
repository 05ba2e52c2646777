"""The frame of `make bench`: figures, the file of the latest ones, the runner. Measures nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from configparser import RawConfigParser
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import BENCHMARKS, latest
from benchmarks.__main__ import Benchmark, main
from benchmarks.figure import Figure, Goal, Report, make_table
from benchmarks.plain_swift import OURS, PIPELINE, Ports, make_conf_files
from nacelle.storage.embedded import conf

ROOT = Path(__file__).parents[1]
KEYS = {"name", "value", "unit", "against", "goal", "met"}


def figure(name: str = "store.put", value: float | None = 0.9, note: str = "") -> Figure:
    return Figure(name, value, "of plain rate", "plain 10 MB/s", Goal(">=", 0.8), note)


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("<=", 1.5), 1.5, True),
        (Goal("<=", 1.5), 1.5001, False),
        (Goal(">=", 0.8), 0.8, True),
        (Goal(">=", 0.8), 0.7999, False),
    ],
)
def test_a_goal_is_met_or_not(goal: Goal, value: float, met: bool) -> None:
    assert goal.met_by(value) is met


def test_a_figure_has_exactly_the_keys_and_a_note_where_it_needs_one() -> None:
    assert set(figure().to_json()) == KEYS
    assert set(figure(note="two runs").to_json()) == KEYS | {"note"}
    assert figure().to_json()["goal"] == ">= 0.8"


def test_what_cannot_be_measured_is_null_and_says_why() -> None:
    row = figure(value=None, note="no GPU in this machine").to_json()
    assert row["value"] is None and row["met"] is None
    with pytest.raises(ValueError, match="needs a note"):
        figure(value=None)


def test_a_value_is_judged_before_it_is_rounded() -> None:
    assert figure(value=0.79999).to_row()[1] == "0.80"
    assert figure(value=0.79999).met is False


def test_rows_are_aligned_with_notes_below_their_own() -> None:
    found = [figure(), figure("spawn", 12.0, "a note"), figure("memory", None, "why")]
    lines = make_table(found).splitlines()
    assert [line.split()[0] for line in lines] == [
        "name", "store.put", "spawn", "a", "memory", "why",
    ]  # fmt: skip
    column = lines[0].index("goal")
    assert all(lines[number][column:].startswith(">= 0.8") for number in (1, 2, 4))


def test_a_benchmark_replaces_its_own_rows_only(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    latest.record("store", [figure("store.put"), figure("store.get")], file)
    latest.record("spawn", [figure("spawn")], file)
    latest.record("store", [figure("store.put", 0.1)], file)
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [(row["name"], row["value"]) for row in rows] == [("spawn", 0.9), ("store.put", 0.1)]
    assert list(tmp_path.iterdir()) == [file]


def test_rows_of_benchmarks_that_are_no_more_are_dropped() -> None:
    rows = [{"name": "gone.put"}, {"name": "spawn"}]
    assert latest.merge(rows, "store", [{"name": "store.put"}]) == [
        {"name": "spawn"},
        {"name": "store.put"},
    ]


@pytest.mark.parametrize("text", [None, "", "{}", "[1"])
def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "latest.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    latest.record("spawn", [figure("spawn")], file)
    assert [row["name"] for row in latest.read(file)] == ["spawn"]


def loaded(name: str) -> Benchmark:
    """Benchmarks that measure nothing, one of which fails."""

    def run(report: Report) -> Iterable[Figure]:
        report("a step")
        if name == "memory":
            raise RuntimeError("no such luck")
        return [figure(name)]

    return run


def test_one_that_fails_stops_no_other_and_leaves_no_old_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "latest.json"
    latest.record("memory", [figure("memory")], file)
    assert main(["memory", "spawn"], loaded, file) == 1
    assert [row["name"] for row in latest.read(file)] == ["spawn"]
    printed = capsys.readouterr()
    assert "memory: FAILED: RuntimeError: no such luck" in printed.err
    assert "spawn: a step" in printed.err
    assert printed.out.splitlines()[1].startswith("spawn")


def test_without_names_all_run(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    main([], loaded, file)
    assert {row["name"] for row in latest.read(file)} == {*BENCHMARKS} - {"memory"}


def test_an_unknown_name_gives_the_list() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks", "spwan"], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "spwan" in answer.stderr
    assert all(name in answer.stderr for name in BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_can_be_loaded(name: str) -> None:
    assert callable(import_module(f"benchmarks.{name}").run)


def test_plain_swift_has_nothing_of_ours_but_the_cache() -> None:
    plan = conf.Plan(Path("/s"), Path("/k"), "us-east-1", "", 3600, "x")
    made = make_conf_files(plan, Ports(5000))
    proxy = RawConfigParser()
    proxy.read_string(made["proxy-server.conf"])
    assert not set(OURS) & set(proxy.sections())
    assert proxy["pipeline:main"]["pipeline"] == PIPELINE
    ours = [
        name
        for name in proxy.sections()
        if "nacelle" in proxy[name].get("paste.filter_factory", "")
    ]
    assert ours == ["filter:cache"]
    ports = [
        line for text in made.values() for line in text.splitlines() if line.startswith("bind_port")
    ]
    assert sorted(ports) == [f"bind_port = {number}" for number in range(5000, 5004)]

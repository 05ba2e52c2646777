"""Grid search: every fit run once, whatever happens; every trial in MLflow once."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import mlflow
import psutil
import pytest

from nacelle.nace.bar import Progress
from nacelle.nace.errors import NaceError
from nacelle.nace.interrupts import postponed
from nacelle.nace.search import Found, search
from nacelle.nace.trials import TrialFolder
from nacelle.nace.workers import Task
from tests.nace import run_search
from tests.nace.mlflows import fresh_mlflow
from tests.nace.scoring import Settings, labelled, other_score, score

ROOT = Path(__file__).parents[2]
QUIET = {"progress": lambda share, what: None}
Look = Callable[..., Found[Settings]]


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with fresh_mlflow(tmp_path, monkeypatch) as uri:
        yield uri


@pytest.fixture
def in_processes(tmp_path: Path) -> Look:
    """A search over made-up fits, with what a test wants otherwise."""

    def run(grid: dict[str, list[Any]], **options: Any) -> Found[Settings]:
        settings = Settings(calls=str(tmp_path / "calls"))
        given = {"folder": tmp_path / "search", "folds": 2, "workers": 2, **QUIET, **options}
        rows, scored = given.pop("rows", labelled()), given.pop("score", score)
        return search(rows, given.pop("settings", settings), grid, scored, **given)

    return run


@pytest.fixture
def look(in_processes: Look, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The same in this process, one fit after the other: nothing has to be started each time."""

    def one_by_one(tasks: Sequence[Task], workers: int, progress: Progress) -> None:
        for number, task in enumerate(tasks, start=1):
            task.function(*task.arguments, lambda share: None)
            progress(number / len(tasks), task.what)

    monkeypatch.setattr("nacelle.nace.search.run", one_by_one)
    return in_processes


def calls(path: Path) -> Counter[str]:
    """How many fits were started, by size."""
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(line.split()[0] for line in lines)


def pids(path: Path) -> set[int]:
    return {int(line.split()[1]) for line in path.read_text().splitlines()}


# What is tried, and what comes of it


def test_the_best_comes_first_with_mean_and_deviation(look: Look) -> None:
    found = look({"size": [1, 3, 2], "inner.rate": [0.1, 0.5]}, folds=3)
    assert found.best.size == 3 and found.best.inner.rate == 0.1
    assert [one.chosen["size"] for one in found.trials] == [3, 2, 1, 3, 2, 1]
    first = found.trials[0]
    values = [one.metrics["accuracy"] for one in first.results]
    assert len(values) == 3 and len(set(values)) > 1
    assert first.mean()["accuracy"] == pytest.approx(mean(values))
    assert first.sd()["accuracy"] == pytest.approx(stdev(values))
    assert sum(one.metrics["rows"] for one in first.results) == len(labelled())


def test_results_are_tables_for_people_and_programs(look: Look) -> None:
    found = look({"size": [1, 2]})
    with (found.folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["size"] for row in rows] == ["2", "1"]
    assert float(rows[0]["accuracy"]) > float(rows[1]["accuracy"])
    stored = json.loads((found.folder / "results.json").read_text())
    assert stored[0]["chosen"] == {"size": 2} and stored[0]["settings"]["inner.rate"] == 0.1


def test_processes_find_the_same(in_processes: Look) -> None:
    found = in_processes({"size": [1, 2]})
    assert [one.chosen["size"] for one in found.trials] == [2, 1]
    assert os.getpid() not in pids(found.folder.with_name("calls"))


def test_a_larger_grid_runs_only_what_is_missing(look: Look, tmp_path: Path) -> None:
    look({"size": [1, 2]})
    found = look({"size": [2, 3, 1]})
    assert calls(tmp_path / "calls") == {"1": 2, "2": 2, "3": 2}
    assert found.best.size == 3 and len(found.trials) == 3


@pytest.mark.parametrize(
    "other",
    [{"rows": labelled(39)}, {"seed": 2}, {"folds": 3}, {"facts": {"nomenclature": "ISCO"}}],
    ids=["rows", "seed", "folds", "facts"],
)
def test_another_question_is_not_answered_from_the_files(
    look: Look, tmp_path: Path, other: dict[str, Any]
) -> None:
    look({"size": [1]})
    look({"size": [1]}, **other)
    assert calls(tmp_path / "calls")["1"] == 2 + other.get("folds", 2)


def test_another_score_or_code_is_another_question(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look({"size": [1]}).trials[0].mean()["accuracy"] < 0.6
    assert look({"size": [1]}, score=other_score).trials[0].mean()["accuracy"] == 0.99
    monkeypatch.setattr("nacelle.nace.search.code_version", lambda: "another commit")
    look({"size": [1]})
    assert calls(tmp_path / "calls")["1"] == 4


def test_a_file_cut_short_is_no_result(look: Look, tmp_path: Path) -> None:
    found = look({"size": [1]})
    path = TrialFolder(found.folder).fold_path(found.trials[0].digest, 1)
    path.write_bytes(path.read_bytes()[:20])
    again = look({"size": [1]}).trials[0]
    assert again.mean() == found.trials[0].mean() and len(again.results) == 2
    assert calls(tmp_path / "calls")["1"] == 3


def test_a_fit_that_fails_ends_its_trial_alone_and_is_tried_again(
    look: Look, tmp_path: Path
) -> None:
    found = look({"size": [-1, 1]})
    assert [one.chosen["size"] for one in found.trials] == [1, -1]
    assert found.trials[1].error == "a size below zero cannot be fitted"
    assert found.trials[1].mean() == {}
    look({"size": [-1, 1]})
    assert calls(tmp_path / "calls") == {"-1": 4, "1": 2}


def test_a_search_whose_trials_all_fail_says_why(look: Look) -> None:
    with pytest.raises(NaceError, match=r"All 2 trials failed.*below zero"):
        look({"size": [-1, -2]})


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"sise": [1]}, "did you mean 'size'"),
        ({"inner.rat": [1]}, "did you mean 'inner.rate'"),
        ({"inner": [1]}, "no setting"),
        ({"size": []}, "no list of values for 'size'"),
        ({"size": 3}, "no list of values for 'size'"),
        ({"size": ["many"]}, "'many' for 'size'"),
        ({"inner.rate": ["low"]}, "'low' for 'inner.rate'"),
    ],
)
def test_a_grid_that_does_not_fit_is_told(look: Look, grid: dict[str, Any], words: str) -> None:
    with pytest.raises(NaceError, match=words):
        look(grid)


def test_an_unknown_metric_is_told_after_the_first_trial(look: Look, tmp_path: Path) -> None:
    with pytest.raises(NaceError, match=r"'f2'.*accuracy, rows, learnt"):
        look({"size": [1, 2, 3, 4, 5]}, metric="f2", workers=1)
    assert sum(calls(tmp_path / "calls").values()) < 10


def test_a_function_that_no_process_can_import_is_told(look: Look) -> None:
    with pytest.raises(NaceError, match=r"into a \.py file"):
        look({"size": [1]}, score=lambda settings, learnt, tested: {"accuracy": 1.0})
    with pytest.raises(NaceError, match=r"into a \.py file"):
        look({"size": [1]}, score=partial(lambda *parts: {"accuracy": 1.0}))


def test_two_searches_do_not_share_a_folder(look: Look, tmp_path: Path) -> None:
    held = TrialFolder(tmp_path / "search").locked()
    with held, pytest.raises(NaceError, match="Another search works in"):
        look({"size": [1]})


def test_progress_goes_from_nothing_to_all(look: Look) -> None:
    told: list[tuple[float, str]] = []
    look({"size": [1, 2]}, progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    assert "4 of 4 fits; best accuracy" in told[-1][1] and "size=2" in told[-1][1]


# Interrupted


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.nace.run_search", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)


def finished(folder: Path) -> int:
    return len(list(folder.glob("trials/*/fold-*.json")))


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def children_in_mlflow() -> list[Any]:
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return [run for run in runs if "nacelle.trial" in run.data.tags]


@pytest.mark.drill
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_search_goes_on_where_it_stopped(
    tracked: str, tmp_path: Path, ending: signal.Signals
) -> None:
    folder = tmp_path / "search"
    process = start(folder)
    begun = run_search.QUICK_FITS + run_search.WORKERS
    until(lambda: calls(folder.with_suffix(".calls")).total() == begun)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    # As a terminal does it: Ctrl-C reaches the whole group, kill -9 the process alone.
    (os.killpg if ending == signal.SIGINT else os.kill)(process.pid, ending)
    process.wait(20)
    until(lambda: not any(map(alive, workers)), 5)
    done = {path: path.read_bytes() for path in folder.glob("trials/*/fold-*.json")}
    assert len(done) == run_search.QUICK_FITS
    parent = mlflow.search_runs(search_all_experiments=True, output_format="list")[-1]
    assert parent.info.status == ("KILLED" if ending == signal.SIGINT else "RUNNING")

    folder.with_suffix(".gate").touch()
    run_search.main(folder)
    assert finished(folder) == run_search.FITS
    # What was finished is as it was; only the fits under way were begun twice.
    assert all(path.read_bytes() == content for path, content in done.items())
    again = calls(folder.with_suffix(".calls")).total()
    assert again == run_search.FITS + run_search.WORKERS
    trials = [run.data.tags["nacelle.trial"] for run in children_in_mlflow()]
    assert sorted(trials) == sorted(path.name for path in (folder / "trials").iterdir())
    assert mlflow.get_run(parent.info.run_id).info.status == "FINISHED"


def test_a_signal_waits_for_the_end_of_a_step_and_the_second_does_not() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), postponed():
        signal.raise_signal(signal.SIGINT)
        steps.append("after the first")
    with pytest.raises(KeyboardInterrupt), postponed():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        steps.append("after the second")
    assert steps == ["after the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# In MLflow


def test_every_trial_is_a_child_run(tracked: str, look: Look) -> None:
    rows = labelled()
    found = look({"size": [1, 2], "inner.rate": [0.3]}, track=True, experiment="searches")
    runs = mlflow.search_runs(experiment_names=["searches"], output_format="list")
    parent = next(run for run in runs if "nacelle.trial" not in run.data.tags)
    children = {run.data.tags["nacelle.trial"]: run for run in children_in_mlflow()}
    assert len(runs) == 3 and set(children) == {one.digest for one in found.trials}
    for trial in found.trials:
        run = children[trial.digest]
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["data_digest"] == rows.digest()
        assert run.data.tags["code_version"] and run.info.status == "FINISHED"
        assert run.data.params["size"] == str(trial.chosen["size"])
        assert run.data.params["inner.rate"] == "0.3" and run.data.params["folds"] == "2"
        assert run.data.metrics["accuracy"] == pytest.approx(trial.mean()["accuracy"])
        assert run.data.metrics["accuracy_sd"] == pytest.approx(trial.sd()["accuracy"])
        link = TrialFolder(found.folder).link(trial.digest)
        assert link and link.run_id == run.info.run_id
    assert parent.data.metrics["accuracy"] == pytest.approx(found.trials[0].mean()["accuracy"])
    assert parent.data.tags["best.size"] == "2"
    files = {one.path for one in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert {"results.csv", "search.json"} <= files


def test_a_search_taken_up_again_logs_no_trial_twice(
    tracked: str, look: Look, tmp_path: Path
) -> None:
    look({"size": [1, 2]}, track=True)
    before = {run.info.run_id for run in children_in_mlflow()}
    # As if it had been killed between the run and the note of it.
    for path in (tmp_path / "search").glob("trials/*/run.json"):
        path.unlink()
    look({"size": [1, 2, 3]}, track=True)
    after = {run.info.run_id for run in children_in_mlflow()}
    assert before < after and len(after) == 3
    parents = {run.data.tags["mlflow.parentRunId"] for run in children_in_mlflow()}
    assert len(parents) == 1


def test_trials_that_were_run_without_mlflow_are_logged_later(
    tracked: str, look: Look, tmp_path: Path
) -> None:
    look({"size": [1, 2]})
    assert children_in_mlflow() == []
    look({"size": [1, 2]}, track=True)
    assert len(children_in_mlflow()) == 2
    assert sum(calls(tmp_path / "calls").values()) == 4


def test_a_failed_trial_is_a_failed_run(tracked: str, look: Look) -> None:
    for _ in range(2):
        look({"size": [-1, 1]}, track=True)
    found = {run.data.params["size"]: run for run in children_in_mlflow()}
    assert len(children_in_mlflow()) == 2
    assert (found["-1"].info.status, found["1"].info.status) == ("FAILED", "FINISHED")
    assert "below zero" in found["-1"].data.tags["error"]


def test_the_search_is_a_child_of_the_active_run(tracked: str, look: Look) -> None:
    with mlflow.start_run() as run:
        look({"size": [1]}, track=True)
        assert mlflow.active_run().info.run_id == run.info.run_id
    child = children_in_mlflow()[0]
    search_run = mlflow.get_run(child.data.tags["mlflow.parentRunId"])
    assert search_run.data.tags["mlflow.parentRunId"] == run.info.run_id


def test_a_server_that_goes_away_costs_no_fit(
    tracked: str, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise NaceError("MLflow cannot be used.")

    with monkeypatch.context() as patch:
        patch.setattr("nacelle.nace.trialruns.TrialRuns.log", gone)
        with pytest.raises(NaceError, match="start the same search again"):
            look({"size": [1, 2]}, track=True)
    assert sum(calls(tmp_path / "calls").values()) == 4
    mlflow.end_run()
    look({"size": [1, 2]}, track=True)
    assert sum(calls(tmp_path / "calls").values()) == 4 and len(children_in_mlflow()) == 2

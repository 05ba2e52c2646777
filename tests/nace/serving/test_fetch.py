"""Fetching a model in a process of its own: what is good, what is broken, and whose fault it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import psutil
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import MODEL
from nacelle.nace.register import log_classifier
from nacelle.nace.serving import fetch
from nacelle.nace.serving.fetch import Outcome, check, check_probabilities, read_outcome
from tests.nace.mlflows import fresh_mlflow
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def tracked(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A registered classifier, and the folder in which MLflow keeps artifacts."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, fresh_mlflow(folder, patch) as uri:
        log_classifier(Classifier.load(small_model), name="nace", alias="champion")
        yield uri, folder / "artifacts"


def kept(artifacts: Path) -> Path:
    """The classifier's folder in MLflow's store, newest last."""
    return max(artifacts.rglob(MODEL), key=lambda path: path.stat().st_mtime).parent


def test_a_good_model_is_left_ready(tracked: tuple[str, Path], tmp_path: Path) -> None:
    """In a process, as the keeper runs it."""
    ended = subprocess.run(
        fetch.command("models:/nace/1", tmp_path), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    outcome = read_outcome(tmp_path)
    assert outcome.stage == "ready"
    assert Classifier.load(tmp_path / fetch.MODEL).version == outcome.model_version
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["fetched", "checked"]
    assert {path.name for path in tmp_path.iterdir()} == {fetch.MODEL, fetch.OUTCOME}


def test_a_damaged_model_is_the_model_s_fault(tracked: tuple[str, Path], tmp_path: Path) -> None:
    folder = kept(tracked[1])
    whole = (folder / "rules.json").read_bytes()
    try:
        (folder / "rules.json").write_bytes(whole[:-20])
        outcome = fetch.fetch("models:/nace/1", tmp_path)
    finally:
        (folder / "rules.json").write_bytes(whole)
    assert outcome.stage == "checking"
    assert outcome.fault == "damaged"
    assert "rules.json was changed or cut short" in outcome.problem
    assert str(tmp_path) not in outcome.problem


@pytest.mark.parametrize("broken", ["{", '{"format": 99}', "[]", "\udce9"])
def test_whatever_stands_in_a_model_is_told(
    tracked: tuple[str, Path], tmp_path: Path, broken: str
) -> None:
    path = kept(tracked[1]) / MODEL
    whole = path.read_bytes()
    try:
        path.write_bytes(broken.encode("utf-8", "surrogateescape"))
        outcome = fetch.fetch("models:/nace/1", tmp_path)
    finally:
        path.write_bytes(whole)
    assert outcome.stage == "checking"
    assert outcome.problem


def test_a_model_of_something_else_is_refused(tracked: tuple[str, Path], tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text(
        "import mlflow\n"
        "class Model(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input: list[str]) -> list[str]:\n"
        "        return model_input\n"
        "mlflow.models.set_model(Model())\n"
    )
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="m", python_model=str(script), registered_model_name="else", pip_requirements=[]
        )
    outcome = fetch.fetch("models:/else/1", tmp_path)
    assert outcome.stage == "checking"
    assert "no classifier of Nacelle" in outcome.problem and outcome.fault == "foreign"


@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files")])
def test_what_the_machine_lacks_is_not_the_model_s_fault(
    tracked: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def load(folder: Path) -> Classifier:
        raise error

    monkeypatch.setattr(Classifier, "load", load)
    with pytest.raises(type(error)):
        fetch.fetch("models:/nace/1", tmp_path)
    # The process has said nothing against the model.
    assert read_outcome(tmp_path) == Outcome("checking")


def test_what_is_not_there_may_come_another_time(tracked: tuple[str, Path], tmp_path: Path) -> None:
    outcome = fetch.fetch("models:/nace/99", tmp_path)
    assert outcome.stage == "fetching"
    assert "99" in outcome.problem


def test_a_folder_that_cannot_be_written_is_not_the_model_s_fault(
    tracked: tuple[str, Path], tmp_path: Path
) -> None:
    # A file where the download would be.
    (tmp_path / "download").write_text("")
    assert fetch.fetch("models:/nace/1", tmp_path).stage == "fetching"


def test_a_model_that_answers_no_numbers_is_refused(small_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small_model, folder)
    content = json.loads((folder / MODEL).read_text())
    content["weights"] = [float("nan")] * len(content["weights"])
    (folder / MODEL).write_text(json.dumps(content))
    with pytest.raises(NaceError, match="no numbers"):
        check(Classifier.load(folder))
    check(Classifier.load(small_model))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0.5, 0.2], "add up to 0.700, not to 1"),
        ([0.0, 0.0], "add up to 0.000, not to 1"),
        ([1.5, -0.5], "from -0.5 to 1.5"),
        ([np.inf, 0.0], "no numbers"),
        ([np.nan, 1.0], "no numbers"),
    ],
)
def test_probabilities_are_probabilities(row: list[float], words: str) -> None:
    good = np.array([[0.25, 0.75], [0, 0]], np.float32)
    check_probabilities(good, np.array([False, True]))
    with pytest.raises(NaceError, match=words):
        check_probabilities(np.vstack([good, row]), np.array([False, True, False]))


def test_a_rejected_text_has_no_probabilities() -> None:
    with pytest.raises(NaceError, match=r"add up to 1\.000"):
        check_probabilities(np.array([[0.25, 0.75]]), np.array([True]))


def test_the_token_stands_in_the_environment_alone(tmp_path: Path) -> None:
    names = {"PATH": "/bin", "MLFLOW_S3_ENDPOINT_URL": "x", "AWS_ACCESS_KEY_ID": "x"}
    made = fetch.environment(names, "http://127.0.0.1:1/services/mlflow", "secret", "projet-nace")
    assert made["MLFLOW_TRACKING_TOKEN"] == "secret"
    assert made["MLFLOW_WORKSPACE"] == "projet-nace"
    assert made["PATH"] == "/bin"
    assert "AWS_ACCESS_KEY_ID" not in made
    assert "MLFLOW_S3_ENDPOINT_URL" not in made
    assert "secret" not in " ".join(fetch.command("models:/nace/1", tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b'{"stage": "else"}'])
def test_an_outcome_that_was_not_written_is_no_outcome(tmp_path: Path, content: bytes) -> None:
    assert read_outcome(tmp_path) == Outcome("fetching")
    (tmp_path / fetch.OUTCOME).write_bytes(content)
    assert read_outcome(tmp_path) == Outcome("fetching")


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Killed, the keeper cannot stop what it started; the kernel does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        script = (
            "import subprocess, sys\n"
            "from pathlib import Path\n"
            "from nacelle.nace.serving import fetch\n"
            f"subprocess.run(fetch.command('models:/nace/1', Path({str(tmp_path)!r})))\n"
        )
        names = fetch.environment(os.environ, address, "token", "projet-nace")
        parent = subprocess.Popen([sys.executable, "-c", script], env=names)
        try:
            wait_for(lambda: (tmp_path / fetch.OUTCOME).exists(), 60, "the start")
            (child,) = psutil.Process(parent.pid).children()
        finally:
            parent.send_signal(signal.SIGKILL)
            parent.wait()
        wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20)

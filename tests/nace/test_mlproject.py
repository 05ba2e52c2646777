"""`mlflow run` repeats a training and an evaluation with the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import mlflow
import pytest
import yaml

from nacelle.nace.commands import nace
from tests.nace.mlflows import fresh_mlflow

PROJECT = Path(__file__).parents[2] / "notebooks" / "pipelines" / "nace"

# In the place of `nacelle`, where a whole training would take minutes: it notes how it was called.
NOTING = """\
#!{python}
import json, sys
json.dump(sys.argv[1:], open({calls!r}, "w"))
"""


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, fresh_mlflow(folder, patch) as uri:
        yield uri


Called = Callable[..., list[str]]


@pytest.fixture
def called(tracked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Called:
    """How the entry point `main` calls `nacelle`, in a folder with the files it is given."""
    for name in ("my rows.parquet", "nace.csv", "notes.csv", "rules.csv"):
        (tmp_path / name).touch()
    program = tmp_path / "bin" / "nacelle"
    program.parent.mkdir()
    program.write_text(NOTING.format(python=sys.executable, calls=str(tmp_path / "calls")))
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    def call(**given: str) -> list[str]:
        parameters = {"data": "my rows.parquet", "nomenclature": "nace.csv", **given}
        mlflow.projects.run(str(PROJECT), parameters=parameters, env_manager="local")
        found: list[str] = json.loads((tmp_path / "calls").read_text())
        return found

    return call


def options_of(words: list[str]) -> dict[str, object]:
    """What the real command understands of the words."""
    assert words[:2] == ["nace", "train"]
    command = nace.commands["train"]
    return command.make_context("train", words[2:]).params


def test_a_training_needs_rows_and_a_nomenclature_alone(called: Called, tmp_path: Path) -> None:
    words = called()
    found = options_of(words)
    # Paths are of the folder where the command was given, whatever folder it runs in.
    assert found["data"] == (str(tmp_path / "my rows.parquet"),)
    assert found["nomenclature"] == str(tmp_path / "nace.csv")
    assert found["output"] == Path("model")
    unsaid = ("notes", "rules", "level", "misspelt", "workers", "register", "alias")
    assert {found[name] for name in unsaid} == {None}
    assert found["side"] == ()
    assert not {f"--{name}" for name in unsaid} & set(words)


def test_every_parameter_reaches_the_command(called: Called, tmp_path: Path) -> None:
    given = {
        "notes": "notes.csv", "output": str(tmp_path / "a model"), "name": "it's ours",
        "level": "3", "seed": "7", "misspelt": "0.2", "workers": "2", "register": "nace",
        "alias": "champion", "rules": "rules.csv", "side": "nature form", "text_column": "label",
        "code_column": "the code",
    }  # fmt: skip
    found = options_of(called(**given))
    assert found["notes"] == str(tmp_path / "notes.csv")
    assert found["rules"] == str(tmp_path / "rules.csv")
    assert found["side"] == ("nature", "form")
    assert (found["text_column"], found["code_column"]) == ("label", "the code")
    assert found["output"] == tmp_path / "a model" and found["name"] == "it's ours"
    numbers = (found["level"], found["seed"], found["misspelt"], found["workers"])
    assert numbers == (3, 7, 0.2, 2)
    assert (found["register"], found["alias"]) == ("nace", "champion")


def mlflow_run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    beside = str(Path(sys.executable).parent)
    return subprocess.run(
        [sys.executable, "-m", "mlflow", "run", str(PROJECT), "--env-manager", "local", *options],
        cwd=folder,
        env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_an_evaluation_runs_whole(
    tracked: str, tmp_path: Path, small_model: Path, small_rows: Path
) -> None:
    shutil.copytree(small_model, tmp_path / "model")
    given = ("-P", "model=model", "-P", f"file={small_rows}", "-P", f"report={tmp_path}/r.html")
    done = mlflow_run(tmp_path, "-e", "evaluate", *given)
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "r.html").read_text()
    run = mlflow.search_runs(search_all_experiments=True, output_format="list")[0]
    assert run.info.status == "FINISHED" and run.data.params["model"] == "model"
    assert {"accuracy_4", "top5", "ece", "auto_rate_0.90"} <= set(run.data.metrics)
    logged = {one.path for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"evaluation.json", "r.html"} <= logged


def test_what_the_command_refuses_is_a_failed_run(tracked: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,code\nbakery,1071\n")
    (tmp_path / "nace.csv").write_text("no,nomenclature\n")
    done = mlflow_run(tmp_path, "-Pdata=rows.csv", "-Pnomenclature=nace.csv")
    assert done.returncode != 0 and "nace.csv" in done.stderr
    run = mlflow.search_runs(search_all_experiments=True, output_format="list")[0]
    assert run.info.status == "FAILED"


def test_the_environment_is_this_version() -> None:
    written = yaml.safe_load((PROJECT / "python_env.yaml").read_text())
    assert written["dependencies"] == [f"nacelle[nace]=={version('nacelle')}"]

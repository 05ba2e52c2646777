"""`nacelle nace train`: rows in, a model folder out, whatever interrupts it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.load_model import load_classifier
from tests.nace.data import ISCO
from tests.nace.mlflows import fresh_mlflow
from tests.nace.running import NACELLE, QUICK, invoke, invoke_json, run, write_jobs

MODEL_FILES = {
    "README.md", "fasttext.bin", "model.json", "network.npz", "nomenclature.json", "rules.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The options of a quick training."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "isco_08.csv").write_text(ISCO, encoding="utf-8")
    rows = write_jobs(folder / "jobs.csv")
    with rows.open("a", encoding="utf-8") as file:
        file.write("unknown,9999\n")
    return ("--data", rows, "--nomenclature", folder / "isco_08.csv", *QUICK)


@pytest.fixture
def model(isco_model: Path, tmp_path: Path) -> Path:
    """A copy of a model."""
    return Path(shutil.copytree(isco_model, tmp_path / "model"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def version(folder: Path) -> str:
    return Classifier.load(folder).version


def test_the_folder_holds_the_model_alone(given: tuple[object, ...], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"
    told = invoke("train", *given, "--output", folder, "--name", "jobs").stdout
    assert names(folder) == MODEL_FILES
    assert load_classifier(folder).predict(["java developer"])[0].top[0].code == "2512"
    assert "1 left out: code unknown to ISCO 08" in told
    assert f"jobs {version(folder)}" in told
    assert f"nacelle nace evaluate {folder} FILE" in told


def test_json_is_all_there_is_on_standard_output(given: tuple[object, ...], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    done = run("train", *given, "--output", folder, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["version"] == version(folder)
    assert found["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert found["classes"] == 3
    assert found["dropped"]["dropped"] == {"code unknown to ISCO 08": 1}
    assert found["registered"] is None
    assert "1 left out" in done.stderr
    assert "89 rows read" in done.stderr


def test_an_older_model_is_replaced(given: tuple[object, ...], model: Path) -> None:
    before = version(model)
    found = invoke_json("train", *given, "--output", model, "--seed", 7)
    assert names(model) == MODEL_FILES
    assert version(model) == found["version"] != before


@pytest.mark.parametrize("name", ["notes.txt", "README.md", "model.json"])
def test_a_folder_with_other_things_is_refused(
    given: tuple[object, ...], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("{}")
    told = invoke("train", *given, "--output", tmp_path, code=2).stderr
    assert f"holds other things than a model ({name})" in told
    assert (tmp_path / name).read_text() == "{}"
    assert names(tmp_path) == {name}


def test_a_model_with_a_stranger_in_its_folder_is_refused(
    given: tuple[object, ...], model: Path
) -> None:
    (model / "thesis.odt").write_text("years of work")
    assert "(thesis.odt)" in invoke("train", *given, "--output", model, code=2).stderr


def test_two_trainings_do_not_write_to_one_folder(
    given: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / ".work").mkdir()
    with (tmp_path / ".work" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = invoke("train", *given, "--output", tmp_path, code=2).stderr
    assert "Another training writes to" in told


def test_rules_side_variables_and_column_names_reach_the_model(
    given: tuple[object, ...], tmp_path: Path
) -> None:
    jobs = next(Path(str(one)) for one in given if str(one).endswith("jobs.csv"))
    lines = jobs.read_text(encoding="utf-8").splitlines()
    rows = ["libelle;profession;form", *(f"{line.replace(',', ';')};A" for line in lines[1:])]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "rules.csv").write_text("pattern,code,kind\nwizard,2511,contains\n")
    folder = tmp_path / "model"
    columns = ("--text-column", "libelle", "--code-column", "profession", "--side", "form")
    others = ("--rules", tmp_path / "rules.csv", "--misspelt", 0.5)
    nomenclature = given[given.index("--nomenclature") + 1]
    asked = ("--data", tmp_path / "rows.csv", "--nomenclature", nomenclature, *QUICK)
    invoke("train", *asked, *columns, *others, "--output", folder)
    made = Classifier.load(folder)
    assert made.text.side == ("form",)
    assert made.predict(["a wizard"])[0].stage == "rule"
    assert made.card["settings"]["rows"]["misspelt"] == 0.5
    without = invoke("predict", folder, jobs, "--text-column", "text", code=2).stderr
    assert "has no column 'form'" in without


def test_a_level_above_the_deepest(given: tuple[object, ...], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    found = invoke_json("train", *given, "--level", 3, "--output", folder)
    assert found["classes"] == 2
    told = invoke_json("predict", folder, "--text", "2512")
    assert (told["code"], told["stage"]) == ("251", "code")


def test_a_grid_chooses_the_settings(given: tuple[object, ...], tmp_path: Path) -> None:
    grid = tmp_path / "grid.json"
    grid.write_text('{"network.epochs": [1, 4]}')
    folder = tmp_path / "model"
    asked = ("--grid", grid, "--folds", 2, "--output", folder)
    found = invoke_json("train", *given, *asked)["search"]
    assert [set(one["chosen"]) for one in found["trials"]] == [{"network.epochs"}] * 2
    means = [one["mean"]["accuracy"] for one in found["trials"]]
    assert means == sorted(means, reverse=True)
    card = Classifier.load(folder).card
    assert card["settings"]["network"]["epochs"] == found["trials"][0]["chosen"]["network.epochs"]
    assert card["search"] == found
    assert names(folder) == MODEL_FILES


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "must hold lists of values"),
        ("{", "is no JSON"),
        ('{"network.epoch": [1]}', "did you mean 'network.epochs'"),
        ('{"network.epochs": ["x"]}', "Expected `int`"),
    ],
)
def test_a_grid_that_does_not_fit(
    given: tuple[object, ...], tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "grid.json").write_text(content)
    asked = ("--grid", tmp_path / "grid.json", "--output", tmp_path / "model")
    assert said in invoke("train", *given, *asked, code=2).stderr


@pytest.mark.parametrize("change", ["network.epochs", "network.epoch=3", "network.epochs=many"])
def test_a_setting_that_does_not_fit(
    given: tuple[object, ...], tmp_path: Path, change: str
) -> None:
    told = invoke("train", *given, "--set", change, "--output", tmp_path / "model", code=2).stderr
    assert "--set" in told
    assert not (tmp_path / "model").exists()


def test_a_model_is_registered_and_found_again(
    given: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    with fresh_mlflow(tmp_path, monkeypatch):
        asked = ("--register", "jobs", "--alias", "champion", "--output", folder)
        found = invoke_json("train", *given, *asked)
        assert found["registered"]["uri"] == "models:/jobs/1"
        told = invoke_json("predict", "models:/jobs@champion", "--text", "java developer")
    assert told["model_version"] == version(folder)
    assert told["code"] == "2512"


def test_a_silent_mlflow_is_told_before_the_training(
    given: tuple[object, ...], tmp_path: Path
) -> None:
    asked = ("--register", "jobs", "--output", tmp_path / "model")
    done = run("train", *given, *asked, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "MLflow" in done.stderr
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model").exists()


def test_an_alias_needs_a_name(given: tuple[object, ...], tmp_path: Path) -> None:
    asked = ("--alias", "champion", "--output", tmp_path / "model")
    assert "--alias needs --register" in invoke("train", *given, *asked, code=2).stderr


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [NACELLE, "nace", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_over(group: int) -> bool:
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_an_interrupted_training_goes_on(given: tuple[object, ...], model: Path) -> None:
    before = version(model)
    # The network takes a moment, fastText the time to be interrupted.
    long = ("train", *given, "--set", "bag.epochs=3000", "--workers", 1, "--output", model)
    first = start(*long)
    wait(lambda: list(model.glob(".work/network-????????????????.npz")))
    os.killpg(first.pid, signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert first.returncode == 130
    assert err.endswith("Interrupted. The same command goes on where it stopped.\n")
    assert "Traceback" not in out + err
    wait(lambda: is_over(first.pid))
    assert version(model) == before

    (finished,) = model.glob(".work/network-????????????????.npz")
    times = {finished.stat().st_mtime_ns}
    second = start(*long)
    while second.poll() is None:
        if finished.exists():
            times.add(finished.stat().st_mtime_ns)
        time.sleep(0.02)
    assert second.returncode == 0, second.communicate()
    assert len(times) == 1
    assert names(model) == MODEL_FILES
    assert version(model) != before


def test_a_training_that_is_told_to_end(given: tuple[object, ...], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    running = start(*("train", *given, "--set", "network.epochs=100000", "--output", folder))
    wait(folder.exists)
    time.sleep(1)
    running.terminate()
    out, err = running.communicate(timeout=30)
    assert running.returncode == 143
    assert "The same command goes on" in err
    assert "Traceback" not in out + err
    wait(lambda: is_over(running.pid))
    assert not (folder / "model.json").exists()


def test_a_killed_training_leaves_no_process(given: tuple[object, ...], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    running = start(*("train", *given, "--set", "network.epochs=100000", "--output", folder))
    wait(folder.exists)
    time.sleep(1)
    running.kill()
    running.communicate(timeout=30)
    wait(lambda: is_over(running.pid), 20)
    invoke("train", *given, "--output", folder)
    assert names(folder) == MODEL_FILES

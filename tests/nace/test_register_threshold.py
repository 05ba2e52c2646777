"""A threshold kept with the registered version of its model, and with no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import msgspec
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.register import log_classifier
from nacelle.nace.register_threshold import check_registered, register_threshold
from nacelle.nace.threshold import choose_threshold
from nacelle.nace.threshold_file import TAG, ThresholdFile, read_threshold
from tests.nace.mlflows import fresh_mlflow
from tests.nace.running import invoke, invoke_json


@pytest.fixture(scope="module")
def version(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registered classifier; its content's version."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, fresh_mlflow(folder, patch):
        classifier = Classifier.load(small_model)
        log_classifier(classifier, name="nace", alias="champion")
        yield classifier.version


def kept() -> str | None:
    found = mlflow.MlflowClient().get_model_version("nace", "1").tags.get(TAG)
    return str(found) if found else None


def proved(model: str, rows: int = 5000) -> ThresholdFile:
    index = [position / rows for position in range(rows)]
    result = choose_threshold(index, [True] * rows, 0.9, 0.05)
    return ThresholdFile(model, "NACE Rev. 2", "gold", "2026-11-21T12:00:00+00:00", result)


def test_it_is_kept_without_its_steps(version: str) -> None:
    found = proved(version)
    assert len(found.result.steps) > 90
    assert register_threshold(found, "models:/nace@champion") == "models:/nace/1"
    tag = kept()
    assert tag
    # The least that any MLflow has room for.
    assert len(tag) < 5000
    back = read_threshold(tag, model=version, where="the tag")
    assert back.threshold == found.threshold
    assert back.result.steps == []
    assert back.result.words == found.result.words


def test_the_command_proves_and_keeps(
    version: str, small_model: Path, small_rows: Path, tmp_path: Path
) -> None:
    asked = ("threshold", small_model, small_rows, "--register", "models:/nace/1")
    found = invoke_json(*asked, "--accuracy", 0.95)
    assert found["registered"] == "models:/nace/1"
    back = read_threshold(kept() or "", model=version, where="the tag")
    assert back.threshold == found["threshold"]
    assert back.result.target == 0.95
    told = invoke("threshold", "models:/nace/1", small_rows, "--register", "models:/nace@champion")
    assert "Kept with models:/nace/1" in told.stdout


def test_what_is_not_proved_is_not_kept(
    version: str, small_model: Path, small_rows: Path, tmp_path: Path
) -> None:
    before = kept()
    few = tmp_path / "few.csv"
    few.write_text("text,code\nbakery,1071\ndentist,8621\n", encoding="utf-8")
    asked = ("threshold", small_model, few, "--register", "models:/nace/1")
    assert invoke_json(*asked, code=1)["registered"] is None
    assert kept() == before
    nothing = ThresholdFile(
        version, "NACE Rev. 2", "", "", choose_threshold([0.9], [True], 0.9, 0.05)
    )
    with pytest.raises(NaceError, match="too few"):
        register_threshold(nothing, "models:/nace/1")


def test_another_model_s_version_is_refused_before_the_work(
    version: str, isco_model: Path, small_rows: Path
) -> None:
    before = kept()
    with pytest.raises(NaceError, match=f"models:/nace/1 holds the model {version}, but"):
        register_threshold(proved("another"), "models:/nace/1")
    # The rows are of another nomenclature, which would be told if they were looked at.
    asked = ("threshold", isco_model, small_rows, "--register", "models:/nace/1")
    assert "does not pass from one model to another" in invoke(*asked, code=2).stderr
    assert kept() == before


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nace", "a registered version is written models:/nace/3"),
        ("models:/nace", "a registered version is written models:/nace/3"),
        ("models:/nace/latest", "a registered version is written models:/nace/3"),
        ("models:/nace/99", "could not look up the version"),
        ("models:/nace@nobody", "nobody"),
        ("models:/unknown/1", "unknown"),
    ],
)
def test_what_is_no_version_is_told(version: str, address: str, words: str) -> None:
    with pytest.raises(NaceError, match=words):
        check_registered(address, version)


def test_a_version_of_something_else_is_refused(version: str) -> None:
    client = mlflow.MlflowClient()
    client.create_registered_model("else")
    client.create_model_version("else", "models:/nace/1")
    with pytest.raises(NaceError, match="holds no classifier of Nacelle"):
        check_registered("models:/else/1", version)


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_lies_between_0_and_1(version: str, threshold: float) -> None:
    good = proved(version)
    result = msgspec.structs.replace(good.result, threshold=threshold)
    tag = msgspec.structs.replace(good, result=result).to_tag()
    with pytest.raises(NaceError, match="a confidence index lies between 0 and 1"):
        read_threshold(tag, model=version, where="the tag")

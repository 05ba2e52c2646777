"""The notebooks of the pipeline run alone and in order, on real rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nacelle.nace.classifier import Classifier
from tests.nace.data import DATA

FOLDER = Path(__file__).parents[2] / "notebooks" / "pipelines" / "nace"
STEPS = ("prepare", "train", "evaluate", "register")
NOMENCLATURE = str(DATA / "nace_rev2.csv")


def parameters_of(step: str) -> set[str]:
    """The names that the cell tagged `parameters` sets, one a line."""
    cell = next(
        cell
        for cell in nbformat.read(FOLDER / f"{step}.ipynb", 4).cells
        if "parameters" in cell.metadata.get("tags", [])
    )
    return {line.split("=")[0].strip() for line in cell.source.splitlines()}


def run(step: str, folder: Path, **parameters: Any) -> str:
    """What a notebook printed, run by papermill as in a terminal, with its own MLflow."""
    assert set(parameters) <= parameters_of(step)
    words = [sys.executable, "-m", "papermill", "--no-progress-bar"]
    words += [str(FOLDER / f"{step}.ipynb"), str(folder / f"{step}.ipynb")]
    for name, value in parameters.items():
        words += ["-p", name, str(value)]
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    answer = subprocess.run(
        words, cwd=folder, env=os.environ | tracking, capture_output=True, text=True, timeout=400
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    outputs = [
        output.text
        for cell in nbformat.read(folder / f"{step}.ipynb", 4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    return "".join(outputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_rows: Path) -> Path:
    """Where the four have run, one after the other; each finds what the one before it left."""
    made = tmp_path_factory.mktemp("pipeline")
    common = {"nomenclature": NOMENCLATURE}
    run("prepare", made, source=small_rows, output=made, **common)
    data, model = made / "train.parquet", made / "model"
    run("train", made, data=data, model=model, quick=True, **common)
    test = made / "test.parquet"
    # Here the test rows stand for a gold standard, which they would not be elsewhere.
    run("evaluate", made, model=model, test=test, gold=test, output=made, target=0.8, risk=0.2)
    run(
        "register", made, model=model, source=test, output=made / "predictions.parquet",
        evaluation=made / "evaluation.json", report=made / "report.html",
        threshold=made / "threshold.json",
    )  # fmt: skip
    return made


@pytest.mark.parametrize("step", STEPS)
def test_a_notebook_brings_parameters_and_no_outputs(step: str) -> None:
    cells = nbformat.read(FOLDER / f"{step}.ipynb", 4).cells
    assert parameters_of(step)
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert cells[0].source.startswith("# ") and cells[-1].source.startswith("## What next")


def test_in_order_they_make_a_classifier(folder: Path) -> None:
    assert Classifier.load(folder / "model").predict(["taxi operation"])[0].top


def test_no_text_is_learnt_and_tested(folder: Path) -> None:
    import pandas as pd

    learnt, tested = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    assert len(tested) > 20
    assert not set(learnt["text"].str.lower()) & set(tested["text"].str.lower())


def test_the_evaluation_says_how_good_it_is(folder: Path) -> None:
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    # Chance would be right once in 615 texts.
    assert figures["accuracy"]["4"] > 0.3
    assert set(figures["robustness"]) == {"0.02", "0.05", "0.10"}
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_registered_model_codes_a_file(folder: Path) -> None:
    import pandas as pd

    predictions = pd.read_parquet(folder / "predictions.parquet")
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    right = (predictions["answer_code"] == predictions["code"]).mean()
    assert right == pytest.approx(figures["accuracy"]["4"], abs=0.02)
    kept = json.loads((folder / "threshold.json").read_text(encoding="utf-8"))["result"]
    above = predictions["answer_index"] >= kept["threshold"]
    assert above.any() and (predictions["answer_automatic"] == above).all()


def test_the_record_is_in_mlflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    # Its client makes a folder where it is.
    monkeypatch.chdir(folder)
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    version = client.get_model_version_by_alias("nace", "champion")
    assert client.get_run(version.run_id).data.metrics["accuracy_4"] > 0.3
    runs = client.search_runs([client.get_experiment_by_name("nace").experiment_id])
    assert {run.info.run_name.split()[0] for run in runs} >= {"train", "evaluate"}


def test_without_a_gold_standard_no_threshold_is_kept(folder: Path, tmp_path: Path) -> None:
    printed = run(
        "evaluate", tmp_path, model=folder / "model", test=folder / "test.parquet",
        output=tmp_path, experiment="", other=folder / "model", typos=False,
    )  # fmt: skip
    assert "give a gold standard" in printed
    assert "No difference in accuracy" in printed
    assert not (tmp_path / "threshold.json").exists()

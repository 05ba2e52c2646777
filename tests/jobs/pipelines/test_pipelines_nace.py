"""The classifier's pipelines on real rows: its four notebooks as one run, and the sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nacelle.jobs.parts import Value
from nacelle.jobs.pipelines.collecting import collect
from nacelle.jobs.pipelines.records import read_record
from tests.jobs.pipelines.pipelines import Pipelines, printed
from tests.nace.data import DATA
from tests.nace.small import write_small_rows

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

NACE = Path(__file__).parents[3] / "notebooks" / "pipelines" / "nace"
PIPELINE, SWEEP = NACE / "pipeline.yaml", NACE / "sweep.yaml"


def test_the_four_notebooks_make_a_registered_model(
    pipelines: Pipelines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_small_rows(tmp_path / "small.parquet")
    given: dict[str, Any] = {
        "source": str(rows),
        "nomenclature": str(DATA / "nace_rev2.csv"),
        "output": str(tmp_path),
        "quick": True,
    }
    values = {
        name: Value(type="yes-no" if value is True else "text", value=value)
        for name, value in given.items()
    }
    tracking = f"sqlite:///{tmp_path}/mlflow.db"
    done = pipelines.run(
        collect(PIPELINE), parameters=values, variables={"MLFLOW_TRACKING_URI": tracking}
    )
    assert done.result.state == "succeeded", done.said_en + done.log[-5000:] + done.said
    assert "texts coded in" in printed(done, "register")
    assert len(pd.read_parquet(tmp_path / "predictions.parquet")) > 20
    # Its client makes a folder where it is.
    monkeypatch.chdir(tmp_path)
    import mlflow

    version = mlflow.MlflowClient(tracking).get_model_version_by_alias("nace", "candidate")
    assert str(version.version) == "1"


def test_the_sweep_chooses_among_settings(pipelines: Pipelines, tmp_path: Path) -> None:
    rows = write_small_rows(tmp_path / "small.parquet")
    values = {
        "data": Value(type="text", value=str(rows)),
        "nomenclature": Value(type="text", value=str(DATA / "nace_rev2.csv")),
        "epochs": Value(type="list", value=(1, 4)),
        "misspelt": Value(type="list", value=(0.0,)),
        "folds": Value(type="whole", value=2),
        "quick": Value(type="yes-no", value=True),
        "experiment": Value(type="text", value=""),
    }
    done = pipelines.run(collect(SWEEP), parameters=values)
    assert done.result.state == "succeeded", done.said_en + done.log[-5000:] + done.said
    record = read_record(done.folder)
    assert record
    trials = [one for one in record.items if one.step == "trial"]
    assert [one.matrix["epochs"] for one in trials] == [1, 4]
    figures = {one.outputs["settings"]: one.outputs["accuracy"] for one in trials}
    assert len(figures) == 2
    best = record.find("choose", {})
    assert best
    assert best.outputs["accuracy"] == max(figures.values())
    assert figures[best.outputs["settings"]] == best.outputs["accuracy"]
    assert "--set network.epochs=" in printed(done, "choose")
    assert (done.folder.path / "steps" / "trial-1" / "log").read_text()

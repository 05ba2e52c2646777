"""The classifier's four notebooks as one run, on real rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nacelle.jobs.parts import Value
from nacelle.jobs.pipelines.collecting import collect
from tests.jobs.pipelines.pipelines import Pipelines, printed
from tests.nace.data import DATA
from tests.nace.small import write_small_rows

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

PIPELINE = Path(__file__).parents[3] / "notebooks" / "pipelines" / "nace" / "pipeline.yaml"


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

"""The notebooks that the platform brings run with papermill inside a user's session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.support.installation import ROOT
from tests.support.person import Person

DATA = ROOT.parent / "shared" / "data"
# Food, shops and restaurants: enough to be told apart in a few seconds.
DIVISIONS = ("10", "47", "56")
RUN = """
import subprocess, sys
words = [sys.executable, "-m", "papermill", {source!r}, {target!r}, "--no-progress-bar"]
for name, value in {parameters!r}.items():
    words += ["-p", name, str(value)]
answer = subprocess.run(words, capture_output=True, text=True)
print(answer.returncode, answer.stderr[-3000:] if answer.returncode else "")
"""


def run_notebook(person: Person, source: Path, target: str, parameters: dict[str, object]) -> str:
    kernel = person.server().kernel()
    return kernel.run(RUN.format(source=str(source), target=target, parameters=parameters)).strip()


def test_first_steps(alice: Person) -> None:
    source = ROOT / "notebooks" / "tutorials" / "01-first-steps.ipynb"
    target = "s3://user-alice/runs/01-first-steps.ipynb"
    assert run_notebook(alice, source, target, {"rows": 500}) == "0"


def test_the_pipeline_makes_and_registers_a_classifier(alice: Person, tmp_path: Path) -> None:
    rows = pd.read_parquet(DATA / "activities_train.parquet")
    rows[rows["code"].str.startswith(DIVISIONS)].to_parquet(tmp_path / "in.parquet")
    kernel = alice.server().kernel()
    for file in (tmp_path / "in.parquet", DATA / "nace_rev2.csv"):
        kernel.run(
            "import boto3;"
            f" boto3.client('s3').upload_file({str(file)!r}, 'user-alice', 'nace/{file.name}')"
        )
    bucket = "s3://user-alice/nace"
    nomenclature, model = f"{bucket}/nace_rev2.csv", "~/nace/model"
    steps: dict[str, dict[str, object]] = {
        "prepare": {
            "source": f"{bucket}/in.parquet",
            "nomenclature": nomenclature,
            "output": bucket,
        },
        "train": {"data": f"{bucket}/train.parquet", "nomenclature": nomenclature, "quick": True},
        "evaluate": {"test": f"{bucket}/test.parquet", "typos": False},
        "register": {"source": f"{bucket}/test.parquet", "output": f"{bucket}/predictions.parquet"},
    }
    for step, parameters in steps.items():
        if step != "prepare":
            parameters["model"] = model
        source = ROOT / "notebooks" / "pipelines" / "nace" / f"{step}.ipynb"
        assert run_notebook(alice, source, f"{bucket}/{step}.ipynb", parameters) == "0", step
    # A new one: a server ends connections that nobody has listened to for a minute.
    printed = (
        alice.server()
        .kernel()
        .run("""
import mlflow, nacelle
version = mlflow.MlflowClient().get_model_version_by_alias("nace", "champion")
run = mlflow.get_run(version.run_id)
rows, right = nacelle.connect().sql(
    "SELECT count(*), avg((answer_code = code)::int)"
    " FROM 's3://user-alice/nace/predictions.parquet'"
).fetchone()
print(run.info.user_id, rows, round(right, 3), round(run.data.metrics["accuracy_4"], 3))
""")
    )
    user, count, right, accuracy = printed.split()
    assert user == "alice"
    assert int(count) > 150
    # fastText's defaults are right for one text in ten; this one must have learnt.
    assert abs(float(right) - float(accuracy)) < 0.02 and float(accuracy) > 0.5

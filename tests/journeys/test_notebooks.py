"""The notebooks that the platform brings run with papermill inside a user's session."""

from __future__ import annotations

from pathlib import Path

from tests.support.installation import ROOT, Installation
from tests.support.person import Person

DATA = ROOT.parent / "shared" / "data" / "activities_train.parquet"
RUN = """
import subprocess, sys
words = [sys.executable, "-m", "papermill", {source!r}, {target!r}, "--no-progress-bar"]
for name, value in {parameters!r}.items():
    words += ["-p", name, str(value)]
answer = subprocess.run(words, capture_output=True, text=True)
print(answer.returncode, answer.stderr[-3000:] if answer.returncode else "")
"""


def run_notebook(person: Person, source: str, target: str, parameters: dict[str, object]) -> str:
    kernel = person.server().kernel()
    return kernel.run(RUN.format(source=source, target=target, parameters=parameters)).strip()


def test_first_steps(alice: Person) -> None:
    source = str(ROOT / "notebooks" / "tutorials" / "01-first-steps.ipynb")
    target = "s3://user-alice/runs/01-first-steps.ipynb"
    assert run_notebook(alice, source, target, {"rows": 500}) == "0"


def test_the_first_classifier_learns_from_real_texts(
    alice: Person, platform: Installation, tmp_path: Path
) -> None:
    kernel = alice.server().kernel()
    kernel.run(
        "import boto3; s3 = boto3.client('s3');"
        f" s3.upload_file({str(DATA)!r}, 'user-alice', 'nace/in.parquet')"
    )
    source = str(ROOT / "notebooks" / "pipelines" / "nace" / "train.ipynb")
    parameters = {
        "source": "s3://user-alice/nace/in.parquet",
        "output": "s3://user-alice/nace/out",
    }
    target = "s3://user-alice/nace/train.ipynb"
    assert run_notebook(alice, source, target, parameters) == "0"
    printed = kernel.run("""
import mlflow, nacelle
version = mlflow.MlflowClient().get_model_version("nace", "1")
run = mlflow.get_run(version.run_id)
con = nacelle.connect()
rows, right = con.sql(
    "SELECT count(*), avg((code = expected)::int) FROM 's3://user-alice/nace/out/predictions.parquet'"
).fetchone()
print(run.info.user_id, rows, round(right, 3), round(run.data.metrics["accuracy"], 3))
""")
    user, rows, right, accuracy = printed.split()
    assert user == "alice"
    assert int(rows) > 2000
    # fastText's defaults are right for one text in ten; this one must have learnt.
    assert float(right) == float(accuracy) > 0.4

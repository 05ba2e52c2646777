"""Logging and registering a classifier, and loading it back from wherever it is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import evaluate
from nacelle.nace.load_model import load_classifier
from nacelle.nace.register import Logged, log_classifier
from nacelle.nace.text import TextSettings
from tests.nace.mlflows import forget_address, fresh_mlflow

TEXTS = ["Growing of wheat", "bakery", "dentist"]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, fresh_mlflow(folder, patch) as uri:
        yield uri


@pytest.fixture(scope="module")
def classifier(small_model: Path) -> Classifier:
    return Classifier.load(small_model)


@pytest.fixture(scope="module")
def champion(tracked: str, classifier: Classifier, tmp_path_factory: Any) -> Logged:
    """A classifier registered with everything beside it."""
    report = tmp_path_factory.mktemp("report") / "report.html"
    report.write_text("<h1>Report</h1>", encoding="utf-8")
    answers = classifier.answer(TEXTS)
    truth = ["0111", "1071", "8621"]
    judged = evaluate(answers, truth, classifier.nomenclature, resamples=0)
    return log_classifier(
        classifier, name="nace", alias="champion", evaluation=judged, report=report,
        experiment="trainings", tags={"project": "prix"},
    )  # fmt: skip


def files_of(run_id: str) -> set[str]:
    return {one.path for one in mlflow.MlflowClient().list_artifacts(run_id)}


def test_the_model_carries_all_that_it_needs(champion: Logged, classifier: Classifier) -> None:
    info = mlflow.models.get_model_info(champion.uri)
    inputs = {one["name"]: one["required"] for one in info.signature.inputs.to_dict()}
    assert inputs == {"text": True, "language": False}
    outputs = info.signature.outputs.input_names()
    assert outputs[:4] == ["code", "title", "probability", "index"]
    defaults = {one["name"]: one["default"] for one in info.signature.params.to_dict()}
    assert defaults == {"k": 5, "threshold": None, "title_language": "en"}
    assert info.metadata["nomenclature"] == classifier.nomenclature.identity
    assert info.metadata["classes"] == str(len(classifier.classes))
    assert info.metadata["model_version"] == classifier.version
    folder = Path(mlflow.artifacts.download_artifacts(champion.uri))
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert f"pystemmer=={version('pystemmer')}" in lines
    assert f"fasttext-community=={version('fasttext-community')}" in lines
    # MLflow packs the lock file of the folder somebody is in, unless it is told not to.
    assert not (folder / "uv.lock").exists()
    example = json.loads((folder / "serving_input_example.json").read_text())
    assert "text" in example["dataframe_split"]["columns"]


def test_the_card_is_the_version_s_description(champion: Logged, classifier: Classifier) -> None:
    found = mlflow.MlflowClient().get_model_version("nace", str(champion.version))
    assert found.description.startswith("# small")
    assert classifier.nomenclature.label in found.description
    assert found.tags["data_digest"] == classifier.card["data"]
    assert found.tags["code_version"] == classifier.card["code"]
    assert found.tags["project"] == "prix"
    assert found.run_id == champion.run_id


def test_the_run_has_figures_report_card_and_digest(
    champion: Logged, classifier: Classifier
) -> None:
    run = mlflow.get_run(champion.run_id)
    assert run.info.status == "FINISHED"
    assert mlflow.get_experiment(run.info.experiment_id).name == "trainings"
    assert {"accuracy_4", "ece", "auto_rate_0.90"} <= set(run.data.metrics)
    assert {"README.md", "report.html", "evaluation.json"} <= files_of(champion.run_id)
    dataset = run.inputs.dataset_inputs[0].dataset
    assert classifier.card["data"].startswith(dataset.digest) and len(dataset.digest) > 30


def test_every_address_gives_the_same_classifier(
    champion: Logged, classifier: Classifier, small_model: Path
) -> None:
    expected = [one.top for one in classifier.predict(TEXTS)]
    addresses = ["models:/nace@champion", champion.uri, f"runs:/{champion.run_id}/model"]
    for address in [*addresses, small_model, str(small_model)]:
        found = load_classifier(address)
        assert found.version == classifier.version
        assert [one.top for one in found.predict(TEXTS)] == expected


def test_a_downloaded_model_is_a_folder_too(champion: Logged, classifier: Classifier) -> None:
    folder = mlflow.artifacts.download_artifacts(champion.uri)
    assert load_classifier(folder).version == classifier.version


def test_the_alias_moves_to_the_next_version(champion: Logged, classifier: Classifier) -> None:
    second = log_classifier(classifier, name="nace", alias="challenger")
    assert second.version == (champion.version or 0) + 1
    client = mlflow.MlflowClient()
    assert client.get_model_version_by_alias("nace", "champion").version == champion.version
    log_classifier(classifier, name="nace", alias="challenger")
    found = client.get_model_version_by_alias("nace", "challenger")
    assert int(found.version) == second.version + 1


def test_an_active_run_is_used_and_stays_open(tracked: str, classifier: Classifier) -> None:
    with mlflow.start_run() as run:
        logged = log_classifier(classifier)
        assert logged.run_id == run.info.run_id
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert (logged.name, logged.version, logged.alias) == ("", None, "")
    assert load_classifier(logged.uri).version == classifier.version


def test_the_run_of_a_project_is_used(
    tracked: str, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow.MlflowClient()
    run = client.create_run(client.get_experiment_by_name("test").experiment_id)
    # What `mlflow run` tells the command that it starts.
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    assert log_classifier(classifier).run_id == run.info.run_id


def test_side_columns_are_part_of_the_signature(tracked: str, classifier: Classifier) -> None:
    from nacelle.nace.register import example, signature

    beside = Classifier(
        classifier.nomenclature, classifier.classes, TextSettings(side=("nature",)),
        classifier.rules, classifier.views, trust=0.5, name="side", card={},
    )  # fmt: skip
    assert signature(beside).inputs.input_names() == ["text", "language", "nature"]
    assert list(example(beside)) == ["text", "language", "nature"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "projet/nace"}, "refuses the model name 'projet/nace'"),
        ({"name": "nace", "alias": "v3"}, "alias 'v3'"),
        ({"name": "nace", "alias": "Latest"}, "alias 'Latest'"),
        ({"name": "nace", "alias": "the best"}, "refuses the alias 'the best'"),
        ({"alias": "champion"}, "needs the name"),
        ({"experiment": "gone"}, "experiment 'gone' was deleted"),
    ],
)
def test_a_refused_name_is_told_before_anything_is_logged(
    tracked: str, classifier: Classifier, options: dict[str, str], words: str
) -> None:
    client = mlflow.MlflowClient()
    if "experiment" in options:
        client.delete_experiment(client.create_experiment("gone"))
    before = len(mlflow.search_logged_models(output_format="list"))
    with pytest.raises(NaceError, match=words):
        log_classifier(classifier, **options)  # type: ignore[arg-type]
    assert len(mlflow.search_logged_models(output_format="list")) == before


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[None]]]:
    """The port of a server that never says a word, and how often it was called."""
    calls: list[None] = []

    def answer() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            calls.append(None)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1], calls
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_silent_server_is_named_quickly(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging_up() as (port, calls):
        address = f"http://someone:secret@127.0.0.1:{port}"
        retries = os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        mlflow.set_tracking_uri(address)
        try:
            with pytest.raises(NaceError) as caught:
                log_classifier(classifier)
            with pytest.raises(NaceError, match="give the model models:/nace@champion"):
                load_classifier("models:/nace@champion")
        finally:
            forget_address()
    # Asked once and once again by each; MLflow's own habit is seven times, longer each time.
    assert len(calls) == 4
    assert "MLFLOW_TRACKING_URI" in str(caught.value)
    assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)
    assert os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES") == retries


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("models:/nace@nobody", "nobody not found"),
        ("models:/absent/1", "absent"),
        ("models:/nace/77", "77"),
        ("runs:/0123456789abcdef/model", "not found"),
        ("s3://bucket/model", "is a folder, or an address of MLflow"),
        ("models:nace", "is a folder, or an address of MLflow"),
        ("/nowhere/at/all", "holds no model"),
    ],
)
def test_what_is_no_model_is_told(champion: Logged, location: str, words: str) -> None:
    with pytest.raises(NaceError, match=words):
        load_classifier(location)


def test_a_model_of_something_else_is_refused(tracked: str, tmp_path: Path) -> None:
    code = tmp_path / "other.py"
    code.write_text(
        "import mlflow.models\nfrom mlflow.pyfunc import PythonModel\n"
        "class Other(PythonModel):\n    def predict(self, context, model_input, params=None):\n"
        "        return model_input\nmlflow.models.set_model(Other())\n"
    )
    logged = mlflow.pyfunc.log_model(name="other", python_model=str(code), pip_requirements=[])
    mlflow.end_run()
    with pytest.raises(NaceError, match="no classifier of Nacelle"):
        load_classifier(logged.model_uri)

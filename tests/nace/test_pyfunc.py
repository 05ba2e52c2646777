"""The logged model: what it answers, and that it answers where Nacelle is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from packaging.requirements import Requirement

from nacelle.nace import pyfunc
from nacelle.nace.classifier import Classifier
from nacelle.nace.register import log_classifier
from nacelle.nace.shipped import inference_modules
from nacelle.nace.text import TextSettings
from tests.nace.mlflows import fresh_mlflow
from tests.test_extras import brought_by, normal, outside, owners

TEXTS = ["Growing of wheat", "retail bakery selling bread", "  ", "software development"]
PACKAGE = Path(__file__).parents[2] / "extensions" / "nacelle" / "nace"

# Run by a Python that has the packages but not what .pth files bring: Nacelle is one of these.
ELSEWHERE = """
import importlib.abc, json, sys
told = json.loads(sys.argv[1])

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in told["refused"]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
sys.path.append(told["packages"])
import importlib.util
assert importlib.util.find_spec("nacelle") is None
import mlflow, pandas
mlflow.set_tracking_uri(told["tracking"])
model = mlflow.pyfunc.load_model(told["uri"])
found = model.predict(pandas.DataFrame({"text": told["texts"]}), params={"k": 2})
import nacelle
print(json.dumps({"rows": found[["code", "codes"]].values.tolist(), "from": nacelle.__file__}))
"""


@pytest.fixture(scope="module")
def logged(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Classifier, str]]:
    """A classifier and the address of its logged model."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, fresh_mlflow(folder, patch):
        classifier = Classifier.load(small_model)
        yield classifier, log_classifier(classifier).uri


@pytest.fixture(scope="module")
def model(logged: tuple[Classifier, str]) -> Any:
    return mlflow.pyfunc.load_model(logged[1])


def test_it_answers_as_the_classifier_does(logged: tuple[Classifier, str], model: Any) -> None:
    classifier, _ = logged
    found = model.predict(pd.DataFrame({"text": TEXTS}, index=[7, 3, 5, 1]))
    expected = classifier.predict(TEXTS)
    assert found.index.tolist() == [7, 3, 5, 1]
    assert found["codes"].tolist() == [[each.code for each in one.top] for one in expected]
    assert found["titles"].tolist() == [[each.title for each in one.top] for one in expected]
    assert found["index"].tolist() == pytest.approx([one.index for one in expected])
    assert found["stage"].tolist() == [one.stage for one in expected]
    first = found.loc[7]
    assert (first["code"], first["probability"]) == (first["codes"][0], first["probabilities"][0])


def test_what_says_nothing_is_rejected(model: Any) -> None:
    found = model.predict(pd.DataFrame({"text": ["", None, "???"]}))
    assert found["stage"].tolist() == ["rejected"] * 3
    assert found["code"].tolist() == [""] * 3
    assert found["codes"].tolist() == [[]] * 3
    assert found["probability"].tolist() == [0.0] * 3


def test_parameters_change_length_threshold_and_language(model: Any) -> None:
    texts = pd.DataFrame({"text": TEXTS})
    plain = model.predict(texts)
    assert plain["automatic"].isna().all()
    low = model.predict(texts, params={"k": 3, "threshold": 0.0, "title_language": "fr"})
    assert low["codes"].str.len().tolist() == [3, 3, 0, 3]
    assert low["automatic"].tolist() == [True, True, False, True]
    assert low["title"].tolist() != plain["title"].tolist()
    high = model.predict(texts, params={"threshold": 1.01})
    assert high["automatic"].tolist() == [False] * 4


def test_a_language_may_stand_beside_the_text(logged: tuple[Classifier, str], model: Any) -> None:
    classifier, _ = logged
    texts, languages = ["culture de blé", "Anbau von Weizen"], ["fr", None]
    found = model.predict(pd.DataFrame({"text": texts, "language": languages}))
    expected = classifier.predict(texts, languages=["fr", ""])
    assert found["probability"].tolist() == pytest.approx(
        [one.top[0].probability for one in expected]
    )


def test_cells_are_read_as_in_files(logged: tuple[Classifier, str]) -> None:
    """A table of pandas has 5499.0, NaN and NaT where a file has 5499 and nothing."""
    classifier, _ = logged
    beside = Classifier(
        classifier.nomenclature, classifier.classes, TextSettings(side=("form",)),
        classifier.rules, classifier.views, trust=0.5, name="side", card={},
    )  # fmt: skip
    model = pyfunc.ClassifierModel()
    model._classifier = beside
    nothing = [None, float("nan"), pd.NA, pd.NaT, "NaN"]
    rows = {"text": ["a trade"] * 6, "form": pd.Series([5499.0, *nothing], dtype=object)}
    found = model.predict(None, pd.DataFrame(rows))["probability"].tolist()
    (first,) = beside.predict(["a trade"], side={"form": ["5499"]})
    (other,) = beside.predict(["a trade"], side={"form": [""]})
    expected = [first.top[0].probability, *[other.top[0].probability] * 5]
    assert found == pytest.approx(expected)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("rows", "params", "words"),
    [
        ({"description": ["bakery"]}, {}, "text"),
        ({"text": [111]}, {}, "string"),
        ({"text": ["bakery"]}, {"k": 0}, "at least one"),
        ({"text": ["bakery"]}, {"k": "many"}, "k"),
    ],
)
def test_a_wrong_request_is_refused(
    model: Any, rows: dict[str, list[Any]], params: dict[str, Any], words: str
) -> None:
    with pytest.raises(MlflowException, match=words):
        model.predict(pd.DataFrame(rows), params=params)


def test_it_loads_where_nacelle_is_not_installed(logged: tuple[Classifier, str]) -> None:
    classifier, uri = logged
    local = Path(mlflow.artifacts.download_artifacts(uri))
    pinned = [Requirement(line) for line in (local / "requirements.txt").read_text().splitlines()]
    assert all(str(one.specifier).startswith("==") for one in pinned)
    brought = set().union(*(brought_by(one.name, frozenset()) for one in pinned))
    refused = [
        name
        for name, homes in owners().items()
        if not {normal(home) for home in homes} & brought and name != "nacelle"
    ]
    assert "jupyterhub" in refused
    told = {
        "refused": refused,
        "packages": str(Path(pd.__file__).parents[1]),
        "tracking": mlflow.get_tracking_uri(),
        "uri": uri,
        "texts": TEXTS,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ELSEWHERE, json.dumps(told)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert "nacelle_inference" in answer["from"]
    expected = classifier.predict(TEXTS, k=2)
    assert answer["rows"] == [
        [one.top[0].code if one.top else "", [each.code for each in one.top]] for one in expected
    ]


def test_only_what_answers_is_shipped_and_all_it_imports_is_pinned() -> None:
    names = set(inference_modules())
    assert {"classifier", "text", "rules", "nomenclature"} <= names
    assert not {"train", "report", "evaluate", "register", "search", "tracking"} & names
    pinned = {"fasttext-community", "msgspec", "numpy", "pandas", "pyarrow", "pystemmer", "scipy"}
    for name in names:
        for top in outside(PACKAGE / f"{name}.py"):
            # Reading from S3, which a model on disk never does.
            if top not in ("botocore", "fsspec"):
                assert {normal(home) for home in owners()[top]} & pinned, (name, top)

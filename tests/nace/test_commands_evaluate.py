"""`nacelle nace evaluate` and `nacelle nace threshold`: is the model good enough?"""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.evaluate import evaluate
from nacelle.nace.labelled import read_labelled
from nacelle.nace.threshold_file import load_threshold
from tests.nace.data import DATA
from tests.nace.running import QUICK, invoke, invoke_json


@pytest.fixture(scope="module")
def few(small_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty gold texts: too few to prove anything."""
    path = tmp_path_factory.mktemp("gold") / "few.csv"
    texts = ["growing of wheat", "baking of bread", "coats (manufacture)"] * 10
    codes = ["01.11", "10.71", "1413"] * 10
    lines = [f"{text},{code}" for text, code in zip(texts, codes, strict=True)]
    path.write_text("\n".join(["text,code", *lines]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def other_model(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worse model of the same nomenclature."""
    folder = tmp_path_factory.mktemp("other") / "other"
    given = ("--data", few, "--nomenclature", DATA / "nace_rev2.csv", "--name", "other")
    invoke("train", *given, "--output", folder, *QUICK, "--set", "rows.official=false")
    return folder


def test_json_has_the_figures_of_the_library(small_model: Path, small_rows: Path) -> None:
    found = invoke_json("evaluate", small_model, small_rows)
    classifier = Classifier.load(small_model)
    rows = read_labelled(small_rows, classifier.nomenclature, keep_unreadable=True)
    answers = classifier.answer(rows.texts, languages=rows.languages)
    expected = evaluate(
        answers,
        rows.codes,
        classifier.nomenclature,
        languages=rows.languages,
        sources=rows.sources,
    ).to_dict()
    assert {name: found[name] for name in expected} == expected
    assert set(found["accuracy"]) == {"1", "2", "3", "4"}
    assert set(found["auto_rate"]) == {"0.90", "0.95"}
    shares = [*found["accuracy"].values(), *found["auto_rate"].values()]
    shares += [found["top5"], found["macro_f1"], found["ece"]]
    assert all(0 <= share <= 1 for share in shares)
    assert found["rows"] == len(rows)
    assert found["robustness"] == {}
    assert found["model"] == {"name": "small", "version": classifier.version}
    assert found["data"]["digest"] == rows.digest()


def test_texts_that_cannot_be_read_count_as_wrong(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes(
        b"text,code\nbakery,1071\n,1071\nbakery,10.71\n\0\1\2\3,0111\nx,9999\nbakery \xe9,1071\n"
    )
    report = tmp_path / "report.html"
    found = invoke_json("evaluate", small_model, path, "--report", report, "--no-robustness")
    assert (found["rows"], found["rejected"]) == (5, 3)
    assert found["accuracy"]["4"] == 2 / 5
    assert "2 texts are not UTF-8" in found["data"]["warnings"][0]
    assert "2 texts are not UTF-8" in report.read_text(encoding="utf-8")
    assert list(found["data"]["dropped"].values()) == [1]
    assert "code unknown to NACE Rev. 2" in next(iter(found["data"]["dropped"]))


def test_people_read_a_table_and_what_to_do_next(small_model: Path, small_rows: Path) -> None:
    shown = invoke("evaluate", small_model, small_rows).stdout
    assert "right at level 4" in shown
    assert "coded automatically at 90 % accuracy" in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "By language, at level 4:" in shown
    assert "nacelle nace threshold MODEL GOLD" in shown
    assert "misspelt" not in shown


def test_a_report_has_robustness_unless_told_otherwise(
    small_model: Path, few: Path, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "report.html"
    found = invoke_json("evaluate", small_model, few, "--report", path)
    page = path.read_text(encoding="utf-8")
    assert set(found["robustness"]) == {"0.02", "0.05", "0.10"}
    assert f"nacelle nace evaluate {small_model} {few} --report {path}" in page
    assert "Typing errors" in page
    invoke("evaluate", small_model, few, "--report", path, "--no-robustness")
    assert "Typing errors" not in path.read_text(encoding="utf-8")
    asked = invoke_json("evaluate", small_model, few, "--robustness")
    assert asked["robustness"] == found["robustness"]


def test_two_models_are_compared_on_the_same_texts(
    small_model: Path, other_model: Path, small_rows: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    asked = ("evaluate", small_model, small_rows, "--against", other_model)
    found = invoke_json(*asked, "--report", path, "--no-robustness")
    comparison = found["comparison"]
    assert comparison["accuracy_first"] == found["accuracy"]["4"]
    assert comparison["accuracy_second"] == found["against"]["accuracy"]["4"]
    assert comparison["p_value"] < 0.05
    assert comparison["second"].startswith("other ")
    assert "on the same texts" in path.read_text(encoding="utf-8")
    assert "is right more often than other" in invoke(*asked).stdout


def test_models_of_two_nomenclatures_are_not_compared(
    small_model: Path, isco_model: Path, small_rows: Path
) -> None:
    asked = ("evaluate", small_model, small_rows, "--against", isco_model)
    assert "The second model is of ISCO" in invoke(*asked, code=2).stderr


def test_a_threshold_is_proved_and_kept(
    small_model: Path, small_rows: Path, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "threshold.json"
    told = invoke("threshold", small_model, small_rows, "--output", path)
    assert "Code automatically from a confidence index of" in told.stdout
    assert f"nacelle nace predict {small_model} FILE --threshold-file {path}" in told.stdout
    kept = load_threshold(path, model=Classifier.load(small_model).version)
    assert kept.result.target == 0.9
    assert kept.result.delta == 0.05
    found = invoke_json("threshold", small_model, small_rows, "--output", path)
    assert found["proved"]
    assert found["threshold"] == kept.threshold
    assert found["missing"] == 0
    assert found["output"] == str(path)


def test_too_few_gold_texts_end_with_one_and_how_many_are_missing(
    small_model: Path, few: Path, tmp_path: Path
) -> None:
    path = tmp_path / "threshold.json"
    asked = ("threshold", small_model, few, "--accuracy", 0.95, "--risk", 0.01, "--output", path)
    shown = invoke(*asked, code=1).stdout
    assert "label about" in shown
    assert f"{path} was not written" in shown
    found = invoke_json(*asked, code=1)
    assert not found["proved"]
    assert found["missing"] > 30
    assert found["output"] is None
    assert not path.exists()


@pytest.mark.parametrize("option", ["--accuracy", "--risk"])
@pytest.mark.parametrize("value", ["0", "1", "90", "x"])
def test_shares_lie_between_zero_and_one(
    small_model: Path, few: Path, option: str, value: str
) -> None:
    assert option in invoke("threshold", small_model, few, option, value, code=2).stderr

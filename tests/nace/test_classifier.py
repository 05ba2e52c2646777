"""The classifier as a whole: what it answers, and that it survives its folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import FASTTEXT, MODEL, NETWORK, NOMENCLATURE, RULES
from nacelle.nace.rulefile import read_rule_file
from nacelle.nace.rules import Rules
from nacelle.nace.text import Preprocessor

TEXTS = ["Dental practice", "Software development", "growing of wheat", "47.11", "idem", ""]


@pytest.fixture(scope="module")
def classifier(small_model: Path) -> Classifier:
    return Classifier.load(small_model)


def test_probabilities_add_up_at_every_level(classifier: Classifier) -> None:
    answers = classifier.answer(TEXTS)
    assert np.allclose(answers.probabilities[:4].sum(axis=1), 1, atol=1e-4)
    assert not answers.probabilities[4:].any()
    nomenclature = classifier.nomenclature
    codes, leaves = classifier.by_level(answers, 4)
    assert np.allclose(leaves.sum(axis=1), answers.probabilities.sum(axis=1), atol=1e-4)
    for level in (1, 2, 3):
        above, sums = classifier.by_level(answers, level)
        for position, code in enumerate(above):
            below = [i for i, one in enumerate(codes) if nomenclature.at_level(one, level) == code]
            assert np.allclose(sums[:, position], leaves[:, below].sum(axis=1), atol=1e-5)


def test_each_answer_says_which_stage_gave_it(classifier: Classifier) -> None:
    found = classifier.predict(TEXTS, k=3)
    assert [one.stage for one in found] == [
        "model", "model", "look-up", "code", "rejected", "rejected",
    ]  # fmt: skip
    assert found[3].top[0].code == "4711"
    assert found[3].index == 1
    assert found[4].top == ()
    assert found[4].detail
    assert found[5].detail


def test_a_look_up_is_believed_as_far_as_look_ups_were_right(classifier: Classifier) -> None:
    answers = classifier.answer(["growing of wheat"])
    column = answers.classes.index("0111")
    assert classifier.trust <= answers.probabilities[0, column] < 1


def test_the_best_come_first_with_titles_and_the_index(classifier: Classifier) -> None:
    for one in classifier.predict(TEXTS[:2], k=5):
        values = [candidate.probability for candidate in one.top]
        assert len(values) == 5
        assert values == sorted(values, reverse=True)
        assert one.index == pytest.approx(values[0] - values[1], abs=1e-6)
        assert one.top[0].title == classifier.nomenclature.title(one.top[0].code, "en")
        assert one.model_version == classifier.version
        assert (one.nomenclature, one.version) == (
            classifier.nomenclature.name, classifier.nomenclature.version,
        )  # fmt: skip
    (single,) = classifier.predict(TEXTS[:1], k=1)
    assert len(single.top) == 1
    assert single.index == classifier.predict(TEXTS[:1], k=5)[0].index


def test_titles_come_in_the_language_asked_for(classifier: Classifier) -> None:
    (found,) = classifier.predict(["Dental practice"], k=1, title_language="de")
    assert found.top[0].title == classifier.nomenclature.title("8623", "de") or "praxen" in (
        found.top[0].title.lower()
    )


def test_the_threshold_decides_what_is_automatic(classifier: Classifier) -> None:
    found = classifier.predict(TEXTS, threshold=0.5)
    assert [one.automatic for one in found] == [
        one.stage != "rejected" and one.index >= 0.5 for one in found
    ]
    assert {one.threshold for one in found} == {0.5}
    assert {one.automatic for one in classifier.predict(TEXTS)} == {None}
    assert not classifier.predict(["idem"], threshold=0.0)[0].automatic


def test_batches_and_order_do_not_change_an_answer(classifier: Classifier) -> None:
    many = [*TEXTS, *(f"shop of {chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(3000))]
    together = classifier.answer(many).probabilities
    alone = classifier.answer(many[2900:2910]).probabilities
    assert np.allclose(together[2900:2910], alone, atol=1e-5)


def test_no_texts_give_no_answers(classifier: Classifier) -> None:
    assert classifier.answer([]).probabilities.shape == (0, len(classifier.classes))
    assert classifier.predict([]) == []


def test_five_megabytes_and_junk_are_answered_quickly(classifier: Classifier) -> None:
    long, junk = "wheat growing " * 400_000, "\x00\x01\ufffd" * 1000
    found = classifier.predict([long, junk, "a\nb\r\nwheat\tgrowing"])
    assert found[0].top[0].code == "0111"
    assert found[1].stage == "rejected"
    assert found[2].stage != "rejected"


def test_a_loaded_model_answers_as_the_saved_one(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "again")
    again = Classifier.load(tmp_path / "again")
    assert again.version == classifier.version
    assert np.allclose(
        again.answer(TEXTS).probabilities, classifier.answer(TEXTS).probabilities, atol=1e-3
    )
    assert again.card == classifier.card
    assert (tmp_path / "again" / "README.md").read_text(encoding="utf-8").startswith("# small")


def test_a_rule_file_comes_first_and_changes_the_version(small_model: Path, tmp_path: Path) -> None:
    classifier = Classifier.load(small_model)
    rules = tmp_path / "rules.csv"
    rules.write_text("pattern,code,kind,comment\nwheat,4711,contains,a test\n", encoding="utf-8")
    file = read_rule_file(rules, classifier.nomenclature, Preprocessor(classifier.text))
    classifier.rules = Rules(classifier.nomenclature, None, file)
    before = classifier.version
    classifier.save(tmp_path / "model")
    (found,) = Classifier.load(tmp_path / "model").predict(["growing of wheat"])
    assert (found.stage, found.top[0].code, found.index) == ("rule", "4711", 1)
    assert "rules.csv" in found.detail
    assert classifier.version != before


@pytest.mark.parametrize("name", [FASTTEXT, NETWORK, NOMENCLATURE, RULES])
def test_a_damaged_folder_is_refused(small_model: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(small_model, tmp_path / "model")
    with (folder / name).open("r+b") as file:
        file.truncate(200)
    with pytest.raises(NaceError, match=name):
        Classifier.load(folder)
    (folder / name).unlink()
    with pytest.raises(NaceError, match=rf"{name} is missing"):
        Classifier.load(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "damaged"), ("[]", "damaged"), ('{"format": 99}', "99"), ('{"format": 1}', "damaged")],
)
def test_a_broken_model_file_is_said(
    small_model: Path, tmp_path: Path, content: str, said: str
) -> None:
    folder = shutil.copytree(small_model, tmp_path / "model")
    (folder / MODEL).write_text(content, encoding="utf-8")
    with pytest.raises(NaceError, match=said):
        Classifier.load(folder)


def resealed(folder: Path, **changed: object) -> None:
    """Give model.json other values, and the digests that its files have."""
    content = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    for name in content["files"]:
        content["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    kept = {name: value for name, value in (content | changed).items() if value is not ...}
    (folder / MODEL).write_text(json.dumps(kept), encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"classes": ...}, "`classes`"),
        ({"classes": []}, "classes"),
        ({"classes": ["0111"]}, "does not fit the 1 codes"),
        ({"classes": ["nowhere"]}, "is no code of"),
        ({"weights": "x"}, "weights"),
        ({"weights": [1.0]}, "weights"),
        ({"trust": None}, "trust"),
        ({"trust": 2.0}, "trust"),
        ({"text": {"languages": ["xx"]}}, "languages: xx"),
        ({"vocabulary": {"shortest": 0}}, "shortest"),
        ({"name": 1}, "name"),
        ({"card": []}, "card"),
    ],
)
def test_a_model_file_of_other_values_is_said(
    small_model: Path, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    resealed(folder, **changed)
    with pytest.raises(NaceError, match=said):
        Classifier.load(folder)


@pytest.mark.parametrize("name", [FASTTEXT, NETWORK])
@pytest.mark.parametrize("junk", [b"", b"junk", b"PK\x03\x04" + b"junk" * 99, b"\x93NUMPY\x01\x00"])
def test_junk_under_the_right_digest_is_refused(
    small_model: Path, tmp_path: Path, name: str, junk: bytes
) -> None:
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    (folder / name).write_bytes(junk)
    resealed(folder)
    with pytest.raises(NaceError, match=f"{name} is damaged"):
        Classifier.load(folder)


def test_views_of_other_codes_are_refused(small_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    classes = json.loads((folder / MODEL).read_text(encoding="utf-8"))["classes"]
    resealed(folder, classes=["01", *classes[1:]])
    with pytest.raises(NaceError, match=f"{FASTTEXT} does not know the same codes"):
        Classifier.load(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NaceError, match="holds no model"):
        Classifier.load(tmp_path)


def test_the_card_tells_how_the_model_came_to_be(classifier: Classifier) -> None:
    card = json.loads(json.dumps(classifier.card))
    assert card["nomenclature"] == classifier.nomenclature.identity
    assert len(card["data"]) == 64
    assert card["rows"]["labelled"] > 100
    assert card["settings"]["seed"] == 1

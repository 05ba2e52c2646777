"""Training: repeatable, resumable, and honest about few rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.labelled import Labelled, read_labelled
from nacelle.nace.text import TextSettings
from nacelle.nace.train import train
from nacelle.nace.vocabulary import VocabularySettings
from tests.nace.data import nomenclature
from tests.nace.small import SMALL

NACE = nomenclature("nace_rev2")
TEXTS = ["wheat", "baker", "restaurant in a station", "freight transport by road"]


@pytest.fixture(scope="module")
def rows(small_rows: Path) -> Labelled:
    return read_labelled(small_rows, NACE)


def first(rows: Labelled, count: int) -> Labelled:
    """Every so many rows, `count` in all, so that all classes are among them."""
    chosen = np.linspace(0, len(rows) - 1, count).astype(int)
    return replace(
        rows,
        texts=[rows.texts[i] for i in chosen],
        codes=[rows.codes[i] for i in chosen],
        languages=[rows.languages[i] for i in chosen],
        sources=[rows.sources[i] for i in chosen],
        side={name: [values[i] for i in chosen] for name, values in rows.side.items()},
    )


def test_the_same_seed_gives_the_same_model(rows: Labelled) -> None:
    few = first(rows, 200)
    one, again, other = (
        train(few, NACE, msgspec.structs.replace(SMALL, seed=seed)).answer(TEXTS).probabilities
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.drill
def test_finished_fits_are_not_run_again(rows: Labelled, tmp_path: Path) -> None:
    few = first(rows, 200)
    heard: list[str] = []
    train(few, NACE, SMALL, work=tmp_path, progress=lambda share, what: heard.append(what))
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert sorted(path.suffix for path in made) == [".bin", *[".npz"] * 4]
    assert heard
    lost = max(path for path in made if path.suffix == ".npz")
    lost.unlink()
    heard.clear()
    train(few, NACE, SMALL, work=tmp_path, progress=lambda share, what: heard.append(what))
    again = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(again) == set(made)
    assert [path for path in made if again[path] != made[path]] == [lost]
    assert len(set(heard)) == 1


@pytest.mark.drill
def test_other_rows_or_settings_are_fitted_anew(rows: Labelled, tmp_path: Path) -> None:
    train(first(rows, 200), NACE, SMALL, work=tmp_path)
    train(first(rows, 190), NACE, SMALL, work=tmp_path)
    assert len(list(tmp_path.iterdir())) == 10


def test_ten_rows_give_a_model_that_says_it_was_not_measured(rows: Labelled) -> None:
    ten = Labelled(
        ["maize", "wheat", "barley", "rye", "oats", "bread", "rolls", "cakes", "pies", "buns"],
        ["0111"] * 5 + ["1071"] * 5,
        ["en"] * 10, [""] * 10, {}, rows.report,
    )  # fmt: skip
    isco = nomenclature("nace_rev2")
    classifier = train(ten, isco, msgspec.structs.replace(SMALL, apart=0.1))
    assert len(classifier.classes) == 615
    assert classifier.predict(["wheat"])[0].stage == "look-up"


@pytest.mark.parametrize(
    "change",
    [{"words": VocabularySettings(shortest=9)}, {"fasttext": FastTextSettings(minn=5, maxn=2)}],
)
def test_pieces_that_no_word_has_are_refused(rows: Labelled, change: dict[str, Any]) -> None:
    with pytest.raises(NaceError, match="no piece of a word is that long"):
        train(rows, NACE, msgspec.structs.replace(SMALL, **change))


def test_one_class_is_refused(rows: Labelled) -> None:
    one = replace(rows, codes=["0111"] * len(rows))
    with pytest.raises(NaceError, match="same code"):
        train(one, NACE, SMALL)


def test_side_variables_are_used(rows: Labelled) -> None:
    few = first(rows, 240)
    # Half of the texts are hidden behind one word, so that only the side variable can tell.
    texts = ["trade" if i % 2 else text for i, text in enumerate(few.texts)]
    texts = [f"{text} {chr(97 + i % 26)}{chr(97 + i // 26)}" for i, text in enumerate(texts)]
    told = replace(few, texts=texts, side={"nature": [f"n{code}" for code in few.codes]})
    settings = msgspec.structs.replace(SMALL, text=TextSettings(side=("nature",)))
    classifier = train(told, NACE, settings)
    for code in ("0111", "5610"):
        asked = classifier.answer(["trade zz"], side={"nature": [f"n{code}"]})
        assert asked.best == [code]
    with pytest.raises(NaceError, match="nature"):
        classifier.answer(["trade zz"], side={"other": ["x"]})


def test_an_upper_level_can_be_learnt(rows: Labelled, small_rows: Path) -> None:
    divisions = read_labelled(small_rows, NACE, level=2)
    classifier = train(first(divisions, 200), NACE, msgspec.structs.replace(SMALL, level=2))
    assert len(classifier.classes) == 88
    assert classifier.predict(["growing of wheat"])[0].top[0].code == "01"


def test_many_rows_are_calibrated_and_measured(rows: Labelled) -> None:
    settings = msgspec.structs.replace(SMALL, apart=0.25)
    card = train(rows, NACE, settings).card
    assert card["rows"]["kept apart"] >= 100
    assert card["figures"]["rows"] == card["rows"]["kept apart"]
    # Drawing lots would give 0.002.
    assert 0.1 < card["figures"]["accuracy"]["4"] <= 1

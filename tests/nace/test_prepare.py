"""Rows on their way to the views."""

from __future__ import annotations

import numpy as np
import pytest

from nacelle.nace.drops import DropReport
from nacelle.nace.errors import NaceError
from nacelle.nace.labelled import Labelled
from nacelle.nace.prepare import (
    Prepared,
    RowSettings,
    agreement,
    importance,
    prepare,
    split_apart,
    with_misspelt,
)
from nacelle.nace.text import TextSettings
from tests.nace.data import nomenclature

NACE = nomenclature("nace_rev2")
TEXT = TextSettings()


def labelled(rows: list[tuple[str, str]], side: dict[str, list[str]] | None = None) -> Labelled:
    texts, codes = [text for text, _ in rows], [code for _, code in rows]
    blank = [""] * len(rows)
    return Labelled(texts, codes, ["en"] * len(rows), blank, side or {}, DropReport())


def prepared(rows: list[tuple[str, str]]) -> Prepared:
    """The rows alone: titles only of classes without a row."""
    made, _ = prepare(labelled(rows), NACE, 4, TEXT, official=False)
    return made


def test_the_same_words_in_any_order_are_learnt_once_a_code() -> None:
    rows = [
        ("Growing of maize", "0111"),
        ("maize, growing", "0111"),
        ("maize growing", "4621"),
        ("of the", "0111"),
        ("...", "0111"),
    ]
    made, counts = prepare(labelled(rows), NACE, 4, TEXT, official=False)
    of_maize = [
        made.classes[t] for k, t in zip(made.keys, made.targets, strict=True) if k == "grow maiz"
    ]
    assert of_maize == ["0111", "4621"]
    assert counts["labelled used"] == 3
    assert counts["labelled used"] + counts["official used"] == len(made)


def test_every_class_has_a_row_even_where_nobody_labelled_one() -> None:
    made = prepared([("Growing of maize", "0111"), ("Bakery", "1071")])
    assert set(made.targets.tolist()) == set(range(615))
    assert len(made.classes) == 615


def test_official_rows_come_only_where_wanted() -> None:
    rows = labelled([("Growing of maize", "0111"), ("Bakery", "1071")])
    alone, _ = prepare(rows, NACE, 4, TEXT, official=False)
    more, _ = prepare(rows, NACE, 4, TEXT, official=True)

    def of(made: Prepared, code: str) -> int:
        return int((made.targets == made.classes.index(code)).sum())

    assert of(alone, "0111") == 1
    assert of(more, "0111") > 5


def test_side_variables_become_tokens_of_their_own() -> None:
    text = TextSettings(side=("nature",))
    rows = labelled(
        [("Bakery", "1071"), ("Bakery", "4724")], side={"nature": ["manufacture", "shop"]}
    )
    made, _ = prepare(rows, NACE, 4, text, official=False)
    assert made.stemmed[:2] == ["bakeri nature:manufacture", "bakeri nature:shop"]
    assert made.cleaned[0] == "bakery"
    assert made.keys[0] == made.keys[1] == "bakeri"


def test_the_same_words_beside_other_things_stay_on_one_side() -> None:
    texts = [f"trade {one}{two}" for one in "abcdefgh" for two in "ijklmnop"]
    rows = labelled(
        [(text, "4711") for text in texts * 2],
        side={"form": ["1"] * len(texts) + ["2"] * len(texts)},
    )
    made, counts = prepare(rows, NACE, 4, TextSettings(side=("form",)), official=False)
    assert counts["labelled used"] == 2 * len(texts)
    for seed in range(5):
        kept, apart = split_apart(made, 0.4, seed)
        assert len(apart) > 10
        assert not {made.cleaned[i] for i in kept} & {made.cleaned[i] for i in apart}


def test_texts_without_a_word_are_counted_apart() -> None:
    rows = [("Growing of maize", "0111"), ("maize growing", "0111"), ("1", "0111"), ("2", "0112")]
    text = TextSettings(side=("form",))
    made, counts = prepare(labelled(rows, {"form": [*"abcd"]}), NACE, 4, text, official=False)
    assert counts["without a word left out"] == 2
    assert counts["labelled used"] == 2
    assert set(made.targets.tolist()) == set(range(615))
    _, fewer = prepare(labelled(rows[:2], {"form": [*"ab"]}), NACE, 4, text, official=False)
    # The title of 0112, which nobody labelled with words, is learnt in both.
    assert counts["repeats left out"] == fewer["repeats left out"]
    with pytest.raises(NaceError, match="None of the 2 labelled rows has a word"):
        prepare(labelled(rows[2:]), NACE, 4, TEXT, official=True)


def test_rows_kept_apart_share_no_words_and_no_class_is_lost() -> None:
    rows = [
        (f"{what} {how}", code)
        for code, what in (("0111", "maize"), ("1071", "bread"), ("4711", "shop"))
        for how in ("one", "two", "three", "four", "five", "six", "seven")
    ]
    made = prepared(rows)
    for seed in range(20):
        kept, apart = split_apart(made, 0.4, seed)
        assert not {made.keys[i] for i in kept} & {made.keys[i] for i in apart}
        assert sorted([*kept, *apart]) == list(range(len(made)))
        assert set(made.targets[kept]) == set(made.targets)
        assert len(apart) > 0


def test_the_split_is_the_same_for_a_seed() -> None:
    made = prepared([(f"trade {one}{two}", "4711") for one in "abcdefgh" for two in "ijklmnop"])
    assert np.array_equal(split_apart(made, 0.3, 5)[1], split_apart(made, 0.3, 5)[1])
    assert not np.array_equal(split_apart(made, 0.3, 5)[1], split_apart(made, 0.3, 6)[1])


def test_misspelt_copies_keep_code_and_side_tokens() -> None:
    text = TextSettings(side=("nature",))
    rows = labelled(
        [("Wholesale of agricultural machinery", "4661")] * 1, side={"nature": ["shop"]}
    )
    made, _ = prepare(rows, NACE, 4, text, official=False)
    more = with_misspelt(made, RowSettings(misspelt=1.0, typos=0.2), text, seed=3)
    assert len(more) == 2 * len(made)
    assert more.targets[len(made)] == made.targets[0]
    assert more.stemmed[len(made)].endswith(" nature:shop")
    assert more.cleaned[len(made)] != made.cleaned[0]
    assert with_misspelt(made, RowSettings(), text, seed=3) is made


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 1.0), (0.5, 3.0), (1.0, 9.0)])
def test_rare_classes_may_weigh_more(balance: float, ratio: float) -> None:
    weights = importance(np.array([0] * 9 + [1]), balance)
    assert np.isclose(weights.mean(), 1)
    assert np.isclose(weights[-1] / weights[0], ratio)


def test_agreement_counts_look_ups_that_are_right() -> None:
    # Three that agree (three right), two that do not (two wrong), one alone (not looked up).
    keys, codes = ["a", "a", "a", "b", "b", "c"], ["1", "1", "1", "1", "2", "3"]
    assert agreement(keys, codes) == pytest.approx((3 + 1) / (5 + 2))


def test_agreement_of_an_ambiguous_key_is_not_counted() -> None:
    # Without the first, the other two still disagree: no look-up. Without one of '2', one is left
    # of each. Without '1', both say '2', which is wrong.
    assert agreement(["a", "a", "a"], ["1", "2", "2"]) == pytest.approx((0 + 1) / (1 + 2))

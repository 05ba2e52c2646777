"""McNemar's test against tables by hand and the published example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from nacelle.nace.compare import compare, mcnemar
from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import Answers
from tests.nace.answering import answers_of

CLASSES = ["a", "b"]


def answers(right: list[bool]) -> Answers:
    return answers_of(CLASSES, [{"a" if one else "b": 1.0} for one in right])


def pair(both: int, first: int, second: int, neither: int) -> tuple[Answers, Answers, list[str]]:
    kinds = [(True, True)] * both + [(True, False)] * first
    kinds += [(False, True)] * second + [(False, False)] * neither
    return answers([a for a, _ in kinds]), answers([b for _, b in kinds]), ["a"] * len(kinds)


def test_few_disagreements_are_tested_exactly() -> None:
    method, statistic, p_value = mcnemar(2, 9)
    assert (method, statistic) == ("exact binomial", None)
    assert p_value == pytest.approx(2 * sum(binom.pmf(k, 11, 0.5) for k in range(3)))


def test_the_method_changes_at_25() -> None:
    assert mcnemar(10, 14)[0] == "exact binomial"
    assert mcnemar(10, 15)[0] == "chi-squared with continuity correction"


def test_many_disagreements_by_hand() -> None:
    # The example of Agresti, Categorical Data Analysis, table 10.1: approval of the prime minister,
    # 150 against 86; z is 4.17 without the correction.
    _, statistic, p_value = mcnemar(150, 86)
    assert statistic == pytest.approx((64 - 1) ** 2 / 236)
    assert p_value == pytest.approx(chi2.sf(63**2 / 236, 1))
    assert mcnemar(150, 86) == mcnemar(86, 150)


def test_no_disagreement_and_equal_ones_are_no_evidence() -> None:
    assert mcnemar(0, 0) == ("exact binomial", None, 1.0)
    assert mcnemar(20, 20)[2] == 1.0


def test_counts_and_difference() -> None:
    found = compare(*pair(600, 40, 80, 280), names=("old", "new"))
    assert (found.both_right, found.only_first) == (600, 40)
    assert (found.only_second, found.both_wrong) == (80, 280)
    assert found.accuracy_first == pytest.approx(0.64)
    assert found.accuracy_second == pytest.approx(0.68)
    assert found.difference == pytest.approx(0.04)
    # Agresti and Min 2005: 0.5 added to each count.
    n, a, b = 1002, 40.5, 80.5
    middle, error = (b - a) / n, 1.96 * np.sqrt(a + b - (b - a) ** 2 / n) / n
    assert found.difference_interval == pytest.approx((middle - error, middle + error), abs=1e-5)
    assert "new is right more often than old, by 4.0 points" in found.words
    assert found.to_dict()["p_value"] == found.p_value < 0.001


def test_the_interval_covers_the_difference() -> None:
    random = np.random.default_rng(0)
    kinds = random.multinomial(200, [0.5, 0.1, 0.15, 0.25], size=400)
    covered = 0
    for row in kinds:
        low, high = compare(*pair(*row.tolist())).difference_interval
        covered += low <= 0.05 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_no_shown_difference_is_said() -> None:
    found = compare(*pair(50, 3, 5, 10), names=("old", "new"))
    assert found.words.startswith("No difference in accuracy between old and new is shown on")


def test_rejected_texts_are_wrong() -> None:
    found = compare(answers([True]), answers_of(CLASSES, [None]), ["a"])
    assert (found.only_first, found.accuracy_second) == (1, 0)


def test_other_texts_are_refused() -> None:
    with pytest.raises(NaceError, match="1 and 2 answers, 1 right codes"):
        compare(answers([True]), answers([True, True]), ["a"])
    with pytest.raises(NaceError, match="same texts"):
        compare(answers([]), answers([]), [])

"""Each figure against a library or a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score, top_k_accuracy_score

from nacelle.nace import bootstrap, curves, metrics
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import TARGETS
from tests.nace.answering import answers_of, random_answers
from tests.nace.data import nomenclature

NACE = nomenclature("nace_rev2")


def rate_by_hand(
    confidence: list[float], right: list[bool], codable: list[bool], target: float
) -> float:
    """The automatic coding rate from its words: try every threshold, keep the largest share."""
    best = 0.0
    for threshold in {*confidence}:
        taken = [
            good
            for index, good, can in zip(confidence, right, codable, strict=True)
            if can and index >= threshold
        ]
        if taken and sum(taken) / len(taken) >= target:
            best = max(best, len(taken) / len(confidence))
    return best


@pytest.mark.parametrize("seed", range(20))
def test_automatic_rates_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = int(random.integers(1, 120))
    confidence = np.round(random.random(rows), int(random.integers(1, 4)))
    right = random.random(rows) < 0.75 + 0.25 * confidence
    codable = random.random(rows) < 0.9
    order = curves.coding_order(confidence, codable)
    found = curves.auto_rates(order, right, np.ones((1, rows), dtype=np.int64), TARGETS)[0]
    for target, rate in zip(TARGETS, found, strict=True):
        lists = confidence.tolist(), right.tolist(), codable.tolist()
        assert rate == pytest.approx(rate_by_hand(*lists, target))
        threshold = curves.auto_threshold(order, right, target)
        coded = codable & (confidence >= threshold) if threshold is not None else codable & False
        assert coded.mean() == pytest.approx(rate)


def test_rows_of_one_confidence_are_coded_together_or_not_at_all() -> None:
    confidence = np.array([0.9] * 10)
    order = curves.coding_order(confidence, np.ones(10, dtype=bool))
    ones = np.ones((1, 10), dtype=np.int64)
    eight, nine = np.arange(10) < 8, np.arange(10) < 9
    assert curves.auto_rates(order, eight, ones, [0.9])[0, 0] == 0
    assert curves.auto_threshold(order, eight, 0.9) is None
    assert curves.auto_rates(order, nine, ones, [0.9])[0, 0] == 1


def test_the_rate_may_dip_and_rise_again() -> None:
    confidence = np.linspace(1, 0.01, 20)
    right = np.array([False] + [True] * 19)
    order = curves.coding_order(confidence, np.ones(20, dtype=bool))
    rate = curves.auto_rates(order, right, np.ones((1, 20), dtype=np.int64), [0.95])[0, 0]
    assert rate == 1


def test_rejected_rows_are_never_coded() -> None:
    confidence = np.array([0.9, 0.0])
    order = curves.coding_order(confidence, np.array([True, False]))
    right = np.array([True, True])
    assert curves.auto_rates(order, right, np.ones((1, 2), dtype=np.int64), [0.9])[0, 0] == 0.5


def test_calibration_error_by_hand_and_against_sklearn() -> None:
    random = np.random.default_rng(0)
    probability = np.concatenate([random.random(3000), np.linspace(0, 1, 16)])
    right = random.random(len(probability)) < probability**2
    codable = np.ones(len(probability), dtype=bool)
    ones = np.ones((1, len(probability)), dtype=np.int64)
    found = curves.calibration_errors(probability, right, codable, ones)[0]
    by_hand = 0.0
    for low in range(15):
        inside = (probability > low / 15) & (probability <= (low + 1) / 15)
        if low == 0:
            inside |= probability == 0
        gap = abs(right[inside].mean() - probability[inside].mean())
        by_hand += inside.sum() / len(probability) * gap
    assert found == pytest.approx(by_hand, abs=1e-3)
    share, given = calibration_curve(right, probability, n_bins=15)
    sizes = np.bincount(curves.bin_of(probability), minlength=15)
    assert found == pytest.approx(float((sizes * abs(share - given)).sum() / sizes.sum()))


def test_calibration_error_leaves_rejected_rows_out() -> None:
    probability, right = np.array([0.8, 0.8, 0.0]), np.array([True, False, False])
    ones = np.ones((1, 3), dtype=np.int64)
    codable = np.array([True, True, False])
    assert curves.calibration_errors(probability, right, codable, ones)[0] == pytest.approx(0.3)


def test_weights_count_rows_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    rows, drawn = 200, random.integers(0, 200, 200)
    probability, right = random.random(rows), random.random(rows) < 0.7
    codable, confidence = random.random(rows) < 0.9, np.round(random.random(rows), 2)
    codes = random.integers(0, 9, (2, rows)).astype(str)
    weights = np.bincount(drawn, minlength=rows)[None, :]
    ones = np.ones((1, rows), dtype=np.int64)
    assert curves.calibration_errors(probability, right, codable, weights) == pytest.approx(
        curves.calibration_errors(probability[drawn], right[drawn], codable[drawn], ones)
    )
    assert curves.auto_rates(
        curves.coding_order(confidence, codable), right, weights, TARGETS
    ) == pytest.approx(
        curves.auto_rates(
            curves.coding_order(confidence[drawn], codable[drawn]), right[drawn], ones, TARGETS
        )
    )
    assert metrics.weighted_macro_f1(*codes.tolist())(weights)[0] == pytest.approx(
        metrics.macro_f1(*codes[:, drawn].tolist())
    )


def test_macro_f1_is_the_mean_over_the_classes_in_the_truth() -> None:
    truth, best = ["a", "a", "b", "c"], ["a", "d", "b", ""]
    assert metrics.macro_f1(best, truth) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert metrics.weighted_macro_f1(best, truth)(np.ones((1, 4), dtype=np.int64))[
        0
    ] == pytest.approx(f1_score(truth, best, labels=["a", "b", "c"], average="macro"))


def test_top_k_against_sklearn() -> None:
    answers, truth = random_answers(NACE, 400, seed=2, rejected=0)
    place = {code: position for position, code in enumerate(answers.classes)}
    wanted = [place[code] for code in truth]
    for k in (1, 5):
        expected = top_k_accuracy_score(
            wanted, answers.probabilities, k=k, labels=range(len(answers.classes))
        )
        assert metrics.right_in_top(answers, truth, k).mean() == pytest.approx(expected)


def test_codes_of_no_probability_are_no_answers() -> None:
    answers = answers_of(["0111", "0112", "0113"], [{"0111": 1.0}, None])
    assert not metrics.right_in_top(answers, ["0113", "0113"], 5).any()


def test_right_at_a_level_is_the_ancestor_of_the_best_code() -> None:
    answers = answers_of(NACE.leaves(), [{"0111": 0.4, "0121": 0.3, "0122": 0.3}, None])
    right = metrics.right_by_level(answers.best, ["0121", "0121"], NACE, 4)
    # Group 012 has more probability in all, and is not what was answered.
    assert right.tolist() == [[True, True, False, False], [False] * 4]


def test_right_codes_in_any_spelling_and_refused_ones_with_their_row() -> None:
    assert metrics.checked_truth(["01.11", "0112"], NACE, 4) == ["0111", "0112"]
    with pytest.raises(NaceError, match="row 2, right code: '9999'"):
        metrics.checked_truth(["0111", "9999"], NACE, 4)
    with pytest.raises(NaceError, match=r"row 1, right code: .* level 4"):
        metrics.checked_truth(["011"], NACE, 4)
    with pytest.raises(NaceError, match="0111 is of level 4 and the model answers level 3"):
        metrics.checked_truth(["0111"], NACE, 3)


def test_codes_of_two_levels_are_no_model() -> None:
    with pytest.raises(NaceError, match="no single code at level 4"):
        metrics.model_depth(answers_of(["0111", "012"], []), NACE)
    assert metrics.model_depth(answers_of(["011", "012"], []), NACE) == 3


def test_exact_intervals_of_many_are_those_of_one() -> None:
    right, rows = [0, 3, 90, 100], [10, 10, 100, 100]
    low, high = metrics.exact_intervals(right, rows)
    expected = [metrics.exact_interval(k, n) for k, n in zip(right, rows, strict=True)]
    assert list(zip(low, high, strict=True)) == [pytest.approx(pair) for pair in expected]
    known = binomtest(3, 10).proportion_ci(method="exact")
    assert expected[1] == pytest.approx((known.low, known.high))
    assert metrics.exact_interval(0, 0) == (0, 1)


def test_resamples_draw_as_many_rows_and_repeat_with_their_seed() -> None:
    drawn = np.concatenate(list(bootstrap.resamples(50, 300, seed=3)))
    assert drawn.shape == (300, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(50), abs=0.25)
    assert (drawn == np.concatenate(list(bootstrap.resamples(50, 300, seed=3)))).all()
    assert (drawn != np.concatenate(list(bootstrap.resamples(50, 300, seed=4)))).any()


def test_a_large_sample_is_resampled_in_chunks() -> None:
    chunks = list(bootstrap.resamples(1_500_000, 3, seed=0))
    assert [len(chunk) for chunk in chunks] == [2, 1]


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    right = (np.arange(1000) < 700).astype(float)
    drawn = bootstrap.replicate(lambda w: (w @ right[:, None]) / 1000, 1000, 2000, seed=5)
    low, high = bootstrap.percentile_interval(drawn[:, 0])
    assert (low, high) == pytest.approx(metrics.exact_interval(700, 1000), abs=0.004)
    assert bootstrap.normal_interval(0.7, drawn[:, 0]) == pytest.approx((low, high), abs=0.004)

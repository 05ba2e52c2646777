"""Weights that make probabilities mean what they say."""

from __future__ import annotations

import numpy as np

from nacelle.nace.calibrate import cross_fitted, fit_temperature, fit_weights, mix
from nacelle.nace.network import softmax

RANDOM = np.random.default_rng(11)
TRUE = RANDOM.standard_normal((20_000, 6)).astype(np.float32) * 2
TRUTH = (softmax(TRUE).cumsum(axis=1) > RANDOM.random((20_000, 1))).argmax(axis=1)
NOISE = RANDOM.standard_normal(TRUE.shape).astype(np.float32)


def test_scores_that_are_too_sure_are_cooled() -> None:
    assert abs(fit_temperature(TRUE * 4, TRUTH) - 4) < 0.1
    assert np.allclose(fit_weights([TRUE * 4], TRUTH), 0.25, atol=0.02)


def test_a_view_that_knows_nothing_gets_no_weight_in_the_pool() -> None:
    known, noise, *alone = fit_weights([TRUE, NOISE], TRUTH)
    assert known > 1
    assert noise < 0.1
    assert alone[1] < 0.1


def test_weighted_views_are_calibrated() -> None:
    scores = [TRUE * 3 + NOISE, TRUE - NOISE]
    sure = mix(scores, fit_weights(scores, TRUTH)).max(axis=1)
    right = mix(scores, fit_weights(scores, TRUTH)).argmax(axis=1) == TRUTH
    assert abs(sure.mean() - right.mean()) < 0.01


def test_probabilities_add_up() -> None:
    assert np.allclose(mix([TRUE, NOISE], [0.3, 0.7, 2.0, 0.1]).sum(axis=1), 1, atol=1e-5)


def test_rows_are_judged_by_what_was_fitted_without_them() -> None:
    score, truth = TRUE[:400] * 4, TRUTH[:400].copy()
    first = np.arange(400) < 200
    before = cross_fitted([NOISE[:400], score], truth, first)
    # Other truths of the first half change nothing for the first half, and much for the second.
    truth[first] = (truth[first] + 1) % 6
    after = cross_fitted([NOISE[:400], score], truth, first)
    assert np.array_equal(before[first], after[first])
    assert np.abs(before[~first] - after[~first]).max() > 0.1
    assert np.allclose(after.sum(axis=1), 1, atol=1e-5)

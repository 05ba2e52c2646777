"""Probabilities that mean what they say, fitted on texts kept apart.

Half of the answer pools the views: their scores, one weight each, are added before one softmax. The
other half is the mean of the views alone, each cooled by a weight of its own: temperature scaling
(Guo et al., 2017, On calibration of modern neural networks) for several models at once. Pooling
alone is too shy where the views disagree, a mean alone too shy where they agree. The weights
minimise the negative log-likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nacelle.nace.bags import Floats
from nacelle.nace.network import Integers, softmax

_TINY = 1e-9
_POOLED = np.float32(0.5)


def even(views: int) -> tuple[float, ...]:
    """Weights for views that nothing is known of."""
    return (*[1 / views] * views, *[1.0] * views)


def mix(scores: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Probabilities (n, C) of the scores (n, C) of v views.

    The first v weights are those of the pool, the others those of the views alone.
    """
    views = len(scores)
    pool = np.zeros_like(scores[0])
    for score, weight in zip(scores, weights[:views], strict=True):
        pool += np.float32(weight) * score
    mixed: Floats = softmax(pool) * _POOLED
    for score, weight in zip(scores, weights[views:], strict=True):
        mixed += softmax(np.float32(weight) * score) * ((1 - _POOLED) / np.float32(views))
    return mixed


def fit_calibration(scores: Sequence[Floats], truth: Integers) -> tuple[float, tuple[float, ...]]:
    """What to divide the last view's scores by, and the weights of all once that is done."""
    temperature = fit_temperature(scores[-1], truth)
    return temperature, fit_weights(_cooled(scores, temperature), truth)


def cross_fitted(scores: Sequence[Floats], truth: Integers, half: npt.NDArray[np.bool_]) -> Floats:
    """Probabilities (n, C) of each half of the rows by what was fitted to the other half."""
    found = np.empty_like(scores[0])
    for judged in (half, ~half):
        fitted = [score[~judged] for score in scores]
        temperature, weights = fit_calibration(fitted, truth[~judged])
        found[judged] = mix(_cooled([score[judged] for score in scores], temperature), weights)
    return found


def _cooled(scores: Sequence[Floats], temperature: float) -> list[Floats]:
    return [*scores[:-1], scores[-1] / np.float32(temperature)]


def fit_weights(scores: Sequence[Floats], truth: Integers) -> tuple[float, ...]:
    """The 2v weights, at least 0, that make the n true classes most likely."""

    def loss(weights: npt.NDArray[np.float64]) -> float:
        return _loss(mix(scores, [float(weight) for weight in weights]), truth)

    return _least(loss, even(len(scores)))


def fit_temperature(score: Floats, truth: Integers) -> float:
    """What to divide one view's scores by, for its softmax to be calibrated alone."""
    (weight,) = _least(lambda found: _loss(softmax(np.float32(found[0]) * score), truth), (1.0,))
    return 1 / max(weight, _TINY)


def _loss(probabilities: Floats, truth: Integers) -> float:
    """Mean negative log-likelihood of the true classes."""
    return -float(np.log(probabilities[np.arange(len(truth)), truth].astype(float) + _TINY).mean())


def _least(
    loss: Callable[[npt.NDArray[np.float64]], float], start: Sequence[float]
) -> tuple[float, ...]:
    from scipy.optimize import minimize

    # Single precision: a smaller step of the numerical slope would be lost in rounding.
    found = minimize(
        loss, np.array(start), method="L-BFGS-B", bounds=[(0, None)] * len(start),
        options={"eps": 1e-3, "ftol": 1e-7},
    )  # fmt: skip
    return tuple(float(weight) for weight in found.x)

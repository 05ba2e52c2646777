"""Probabilities that mean what they say: how much each view counts, from texts kept apart.

The views' scores are added with one weight each, and the sum goes through a softmax: temperature
scaling (Guo et al., 2017, On calibration of modern neural networks) for two models at once. The
weights minimise the negative log-likelihood, which is convex in them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nacelle.nace.network import Floats, Integers, softmax

_TINY = 1e-9


def mix(scores: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Probabilities (n, C) of the views' scores, each (n, C)."""
    total = np.zeros_like(scores[0])
    for score, weight in zip(scores, weights, strict=True):
        total += np.float32(weight) * score
    return softmax(total)


def fit_weights(scores: Sequence[Floats], truth: Integers) -> tuple[float, ...]:
    """The weight of each view, at least 0, that makes the n true classes most likely."""
    from scipy.optimize import minimize

    n = np.arange(len(truth))

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        error = mix(scores, [float(weight) for weight in weights])
        value = -float(np.log(error[n, truth] + _TINY).mean())
        error[n, truth] -= 1
        slope = [float((error * score).sum()) / len(n) for score in scores]
        return value, np.array(slope)

    start = np.full(len(scores), 1 / len(scores))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores))
    return tuple(float(weight) for weight in found.x)

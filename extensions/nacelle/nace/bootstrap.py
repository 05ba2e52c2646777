"""Intervals by the bootstrap (Efron 1979): rows are drawn again with replacement, with a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
# Bounds the memory of a chunk of resamples: 4 million counts are 32 MB.
_CELLS = 4_000_000


def resamples(rows: int, times: int, seed: int) -> Iterator[Counts]:
    """How often each row is drawn in each of `times` resamples, in chunks of shape (some, rows)."""
    random = np.random.default_rng(seed)
    chunk = max(1, _CELLS // max(rows, 1))
    for start in range(0, times, chunk):
        some = min(chunk, times - start)
        drawn = random.integers(0, rows, size=(some, rows))
        drawn += np.arange(some)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=some * rows).reshape(some, rows)


def replicate(
    figures: Callable[[Counts], Floats], rows: int, times: int, seed: int
) -> npt.NDArray[np.float64]:
    """`figures(weights)`, of shape (resamples, figures), over all resamples."""
    return np.concatenate([figures(weights) for weights in resamples(rows, times, seed)])


def percentile_interval(replicates: Floats, level: float = 0.95) -> tuple[float, float]:
    """The interval between the percentiles of the replicates."""
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(replicates, [tail, 100 - tail])
    return float(low), float(high)


def normal_interval(estimate: float, replicates: Floats) -> tuple[float, float]:
    """The estimate plus and minus 1.96 standard errors, the error taken from the replicates.

    For figures that resampling biases (a calibration error grows, the F1 of rare classes falls), so
    that percentiles of the replicates would lie beside the estimate. Cut to [0, 1].
    """
    error = 1.959963984540054 * float(np.std(replicates, ddof=1))
    return max(0.0, float(estimate) - error), min(1.0, float(estimate) + error)

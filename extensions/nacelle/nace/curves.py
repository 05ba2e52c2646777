"""The automatic-coding curve and the reliability of probabilities, also for weighted rows.

Weights are how often each row stands in a resample; a row of ones is the sample itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
# A share such as 0.95 * 20 is not exact in binary; a row more or less is far above this.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CodingOrder:
    """The rows that may be coded automatically, the most confident first.

    Rows of the same confidence index are coded together or not at all: `ends` holds the last place
    in `order` of each such group, `thresholds` the confidence index of the group.
    """

    order: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    thresholds: Floats


def coding_order(confidence: Floats, codable: Flags) -> CodingOrder:
    """Sort the `codable` rows (those not rejected) by confidence index; shapes (rows,)."""
    rows = np.flatnonzero(codable)
    order = rows[np.argsort(-confidence[rows], kind="stable")]
    values = confidence[order]
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True)) if len(rows) else rows
    return CodingOrder(order, ends, values[ends])


def coded_and_right(order: CodingOrder, right: Flags, weights: Counts) -> tuple[Counts, Counts]:
    """Rows coded and rows right at each threshold; shapes (resamples, groups).

    `weights` has the shape (resamples, rows), `right` (rows,).
    """
    taken = weights[:, order.order]
    coded = np.cumsum(taken, axis=1)[:, order.ends]
    good = np.cumsum(taken * right[order.order], axis=1)[:, order.ends]
    return coded, good


def auto_rates(
    order: CodingOrder, right: Flags, weights: Counts, targets: Sequence[float]
) -> Floats:
    """The automatic coding rate at each target; shape (resamples, targets).

    It is the largest share of all rows, rejected ones included in the whole but never coded, that
    can be taken by falling confidence index with an accuracy of at least the target.
    """
    coded, good = coded_and_right(order, right, weights)
    whole = weights.sum(axis=1)
    best = [
        np.where(good >= t * coded - _ROUNDING, coded, 0).max(axis=1, initial=0) for t in targets
    ]
    return np.asarray(np.stack(best, axis=1) / np.maximum(whole, 1)[:, None])


def auto_threshold(order: CodingOrder, right: Flags, target: float) -> float | None:
    """The confidence index down to which the automatic coding rate at `target` goes, or None."""
    coded, good = coded_and_right(order, right, np.ones((1, len(right)), dtype=np.int64))
    reached = np.flatnonzero(good[0] >= target * coded[0] - _ROUNDING)
    return float(order.thresholds[reached[-1]]) if len(reached) else None


def bin_of(probability: Floats, bins: int = BINS) -> npt.NDArray[np.intp]:
    """The bin of equal width, open below and closed above, that each probability lies in."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probability)


def calibration_errors(
    probability: Floats, right: Flags, codable: Flags, weights: Counts, bins: int = BINS
) -> Floats:
    """The expected calibration error of the top code in each resample; shape (resamples,).

    The mean over the rows of the gap, in their bin, between the mean probability of the top code
    and the share that is right (Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017, eq. 3). Rejected
    rows have no top code and are left out.
    """
    member = np.zeros((len(probability), bins))
    member[np.arange(len(probability)), bin_of(probability, bins)] = codable
    gap = probability - right
    inside = weights.astype(np.float64)
    errors = np.abs(inside @ (member * gap[:, None])).sum(axis=1)
    return np.asarray(errors / np.maximum(inside @ codable, 1))

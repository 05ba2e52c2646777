"""The threshold of automatic coding as a guarantee, proved on a gold standard.

At a threshold t, the texts whose confidence index is at least t are coded without a person. The
accuracy among them is proved to be at least the target where the lower end of the exact one-sided
interval (Clopper and Pearson 1934) at confidence 1 - delta reaches it. Thresholds are tested in a
fixed sequence from the highest down, each at the full delta, until the first that is not proved;
the last one proved is the answer. A fixed sequence keeps the probability of any false proof at
delta without a correction for the number of tests (Maurer, Hothorn, Lehmacher 1995; Bauer 1991;
applied to the thresholds of models by Angelopoulos et al. 2021, "Learn then Test",
arXiv:2110.01052, "fixed sequence testing").

The sequence is 1.00, 0.99, ... 0.00. It starts where enough gold texts lie above the threshold to
prove anything; how many is decided from target and delta, and their number from confidence indices,
never from right or wrong. The guarantee holds for texts of the same kind as the gold standard: a
random sample of the texts to be coded, labelled without sight of the model's answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import Answers

GRID = tuple(step / 100 for step in range(100, -1, -1))
# The chance to prove that is asked of a number of gold labels.
_POWER = 0.8
_EXACT = 2_000

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class Step(msgspec.Struct, frozen=True):
    """One test: rows coded at the threshold, how many are right, the proved accuracy."""

    threshold: float
    rows: int
    right: int
    lower: float
    proved: bool


class ThresholdResult(msgspec.Struct, frozen=True):
    """What was proved on `rows` gold texts, `rejected` of which had no answer.

    `threshold` is None where nothing was proved. Otherwise `coded` is the share of all gold texts
    at or above it, `accuracy` the one seen among them, `lower` the proved one and `missing` is 0.
    Where nothing was proved, `missing` is about how many more gold labels give a chance of 80 % to
    prove the target at the accuracy seen at `best_threshold`; None where no number would, since the
    accuracy seen does not lie above the target. `steps` are the tests made, in their order (none
    where there are too few gold texts for any). `left_out` are rows of the gold standard beside
    `rows` that could not be used, for want of a known code.
    """

    target: float
    delta: float
    rows: int
    rejected: int
    threshold: float | None
    coded: float
    accuracy: float | None
    lower: float | None
    missing: int | None
    best_threshold: float | None
    steps: list[Step]
    left_out: int = 0

    @property
    def proved(self) -> bool:
        """Whether there is a threshold."""
        return self.threshold is not None

    @property
    def words(self) -> str:
        """The result in a few sentences, with what to do next and what it does not hold for."""
        if not self.left_out:
            return self._words
        return (
            f"{self._words} {self.left_out:,} rows of the gold standard have no usable code and"
            " were left out: nothing is said of texts like those."
        )

    @property
    def _words(self) -> str:
        sure, target = f"{(1 - self.delta) * 100:g} %", f"{self.target * 100:g} %"
        if self.threshold is not None and self.accuracy is not None:
            return (
                f"Code automatically from a confidence index of {self.threshold:.2f}: that is "
                f"{self.coded * 100:.1f} % of texts, of which at least {target} are right, proved "
                f"with {sure} confidence on {self.rows:,} gold texts (seen: "
                f"{self.accuracy * 100:.1f} %)."
            )
        if not self.steps:
            return (
                f"{self.rows:,} gold texts are too few to prove {target} accuracy at any "
                f"threshold; label about {self.missing:,} more."
            )
        start = f"No threshold with {target} accuracy can be proved on {self.rows:,} gold texts."
        if self.missing is None:
            return (
                f"{start} More labels would not help: even among the surest texts the accuracy "
                "seen does not lie above the target. Lower the target or train a better model."
            )
        return (
            f"{start} About {self.missing:,} more gold labels would give an 80 % chance, if the "
            f"accuracy seen from a confidence index of {self.best_threshold:.2f} is the true one."
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, with `proved` and `words`."""
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {**found, "proved": self.proved, "words": self.words}


def choose_threshold(
    confidence: Sequence[float] | Floats,
    right: Sequence[bool] | npt.NDArray[np.bool_],
    target: float,
    delta: float,
    *,
    rejected: int = 0,
    left_out: int = 0,
) -> ThresholdResult:
    """The lowest threshold at which an accuracy of `target` is proved with confidence 1 - `delta`.

    `confidence` and `right` have one element a gold text that was answered; `rejected` counts those
    that were not: no threshold codes them; `left_out` those without a usable code. Raises NaceError
    for a target or delta outside (0, 1), no gold texts, lengths that differ, confidence indices
    outside [0, 1].
    """
    index, good = _checked(confidence, right, target, delta)
    rows = len(index) + rejected
    above, correct = _counts(index, good)
    lower = lower_bound(correct, above, delta)
    steps: list[Step] = []
    for place in _sequence(above, target, delta):
        proved = bool(lower[place] >= target)
        found = int(above[place]), int(correct[place]), float(lower[place])
        steps.append(Step(GRID[place], *found, proved))
        if not proved:
            break
    passed = [step for step in steps if step.proved]
    last = passed[-1] if passed else None
    missing, best = (0, None) if last else _missing(above, correct, rows, target, delta)
    return ThresholdResult(
        target=target,
        delta=delta,
        rows=rows,
        rejected=rejected,
        threshold=last.threshold if last else None,
        coded=last.rows / rows if last else 0.0,
        accuracy=last.right / last.rows if last else None,
        lower=last.lower if last else None,
        missing=missing,
        best_threshold=best,
        steps=steps,
        left_out=left_out,
    )


def threshold_of(
    answers: Answers, truth: Sequence[str], target: float, delta: float, *, left_out: int = 0
) -> ThresholdResult:
    """`choose_threshold` for a model's answers to gold texts; `truth` has one stored code a row.

    `left_out` is how many gold texts are not among them, since their code could not be used.
    """
    if len(truth) != len(answers.stages):
        raise NaceError(f"{len(answers.stages)} answers for {len(truth)} gold codes.")
    best = answers.best
    answered = np.array([code != "" for code in best], dtype=bool)
    right = np.array([a == b for a, b in zip(best, truth, strict=True)], dtype=bool)
    return choose_threshold(
        answers.confidence[answered],
        right[answered],
        target,
        delta,
        rejected=int((~answered).sum()),
        left_out=left_out,
    )


def lower_bound(right: npt.ArrayLike, rows: npt.ArrayLike, delta: float) -> Floats:
    """The lower end of the exact one-sided interval (Clopper and Pearson 1934) at 1 - delta.

    It reaches a target p exactly where the binomial probability of at least `right` out of `rows`
    under p is at most delta. 0 where nothing is right.
    """
    from scipy.stats import beta

    k, n = np.asarray(right, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    return np.asarray(np.where(k > 0, beta.ppf(delta, np.maximum(k, 1), n - k + 1), 0.0))


def rows_needed(accuracy: float, target: float, delta: float, power: float = _POWER) -> int | None:
    """The smallest number of rows that proves the target with probability `power`, at least.

    `accuracy` is the true one; None where it does not lie above the target. Exact up to about
    2,000 rows, by the normal approximation beyond.
    """
    from scipy.stats import binom, norm

    if accuracy <= target:
        return None
    spread = norm.isf(delta) * np.sqrt(target * (1 - target))
    spread += norm.ppf(power) * np.sqrt(accuracy * (1 - accuracy))
    rough = int(np.ceil((max(spread, 0.0) / (accuracy - target)) ** 2))
    if rough > _EXACT:
        return rough
    n = np.arange(1, 2 * rough + 400)
    least = binom.isf(delta, n, target) + 1
    enough = np.flatnonzero((least <= n) & (binom.sf(least - 1, n, accuracy) >= power))
    return int(n[enough[0]]) if len(enough) else rough


def _checked(
    confidence: Sequence[float] | Floats,
    right: Sequence[bool] | npt.NDArray[np.bool_],
    target: float,
    delta: float,
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    for name, value in (("target", target), ("delta", delta)):
        if not 0 < value < 1:
            raise NaceError(f"{name}: {value} is not between 0 and 1; 0.9 means 90 %.")
    index, good = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if len(index) != len(good):
        raise NaceError(f"{len(index)} confidence indices for {len(good)} gold texts.")
    if not len(index):
        raise NaceError("There is no gold text with an answer; label some texts first.")
    wrong = np.flatnonzero(~((index >= 0) & (index <= 1)))
    if len(wrong):
        raise NaceError(
            f"gold text {wrong[0] + 1}: the confidence index {index[wrong[0]]} is not in [0, 1]."
        )
    return index, good


def _counts(index: Floats, right: npt.NDArray[np.bool_]) -> tuple[Counts, Counts]:
    """Rows at or above each threshold of the grid, and the right ones among them."""
    above = [index >= threshold for threshold in GRID]
    return (
        np.array([int(chosen.sum()) for chosen in above]),
        np.array([int(right[chosen].sum()) for chosen in above]),
    )


def _fewest(target: float, delta: float) -> int:
    """Rows below which even a faultless sample proves nothing."""
    return int(np.ceil(np.log(delta) / np.log(target)))


@cache
def _enough(target: float, delta: float) -> int:
    """Rows that prove the target with a chance of 80 % if accuracy lies halfway up to 1."""
    return rows_needed((1 + target) / 2, target, delta) or _fewest(target, delta)


def _sequence(above: Counts, target: float, delta: float) -> range:
    """The places of the grid to test: from the first threshold with enough rows downwards.

    Enough is `_enough`, or half of the sample where it is smaller, but never fewer than can prove
    anything. Since only numbers of rows decide, the sequence is fixed before a label is seen; the
    guarantee is exact wherever accuracy does not fall as the confidence index rises.
    """
    enough = max(_fewest(target, delta), min(_enough(target, delta), int(above[-1]) // 2))
    return range(int(np.searchsorted(above, enough)), len(GRID))


def _missing(
    above: Counts, right: Counts, rows: int, target: float, delta: float
) -> tuple[int | None, float | None]:
    """How many more gold labels, at least, and the threshold for which they suffice.

    Labels fall above a threshold in the share seen. Only thresholds down to the first one tested
    count: a sequence that fails there goes no further; with enough labels it starts higher. Where
    the sample is too small for any test, the accuracy seen in it says nothing yet.
    """
    start, enough = _sequence(above, target, delta).start, _enough(target, delta)
    if start == len(GRID):
        return int(np.ceil(enough * rows / above[-1])) - rows, GRID[-1]
    found = []
    for place in range(start + 1):
        if above[place] < _fewest(target, delta):
            continue
        needed = rows_needed(right[place] / above[place], target, delta)
        if needed is not None:
            wanted = max(needed, enough)
            found.append((int(np.ceil(wanted * rows / above[place])) - rows, GRID[place]))
    return min(found, default=(None, None))

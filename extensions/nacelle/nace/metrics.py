"""What is counted: right or wrong at each level, top-k, macro-F1, exact intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import Answers

if TYPE_CHECKING:
    from nacelle.nace.nomenclature import Nomenclature

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def model_depth(answers: Answers, nomenclature: Nomenclature) -> int:
    """The deepest level of the codes answered. NaceError where some contain others.

    A branch of the nomenclature may end above that level: its leaf then stands for itself.
    """
    depth = max(nomenclature.level(code) for code in answers.classes)
    for code in answers.classes:
        nomenclature.at_level(code, depth)
    return depth


def checked_truth(truth: Sequence[str], nomenclature: Nomenclature, depth: int) -> list[str]:
    """The right codes as the nomenclature stores them, all of level `depth` or leaves above it.

    Raises NaceError with the row (the first is 1) for a code that is unknown or of another level.
    """
    stored: dict[str, str] = {}
    for row, code in enumerate(truth, start=1):
        if code not in stored:
            try:
                stored[code] = _of_level(nomenclature.canonical(code), nomenclature, depth)
            except NaceError as problem:
                raise NaceError(f"row {row}, right code: {problem}") from None
    return [stored[code] for code in truth]


def _of_level(code: str, nomenclature: Nomenclature, depth: int) -> str:
    if nomenclature.level(code) > depth:
        raise NaceError(
            f"{code} is of level {nomenclature.level(code)} and the model answers level {depth}; "
            f"give codes of level {depth}."
        )
    return nomenclature.at_level(code, depth)


def right_by_level(
    best: Sequence[str], truth: Sequence[str], nomenclature: Nomenclature, depth: int
) -> Flags:
    """Whether each answer is right at levels 1 to `depth`; shape (rows, depth).

    The code answered is the most probable one of the deepest level; at a higher level its ancestor
    is compared with the ancestor of the right code. A rejected row ('') is wrong at every level.
    """
    right = np.zeros((len(truth), depth), dtype=bool)
    codes = {code for code in (*best, *truth) if code}
    for level in range(1, depth + 1):
        above = {code: nomenclature.at_level(code, level) for code in codes}
        right[:, level - 1] = [
            bool(answer) and above[answer] == above[code]
            for answer, code in zip(best, truth, strict=True)
        ]
    return right


def right_in_top(answers: Answers, truth: Sequence[str], k: int) -> Flags:
    """Whether the right code is among the k most probable; shape (rows,).

    A code of probability 0 is not an answer: where a rule gave one code, only that one counts.
    """
    place = {code: position for position, code in enumerate(answers.classes)}
    wanted = np.array([place.get(code, -1) for code in truth], dtype=np.intp)
    positions, probabilities = answers.top(k)
    return np.asarray(((positions == wanted[:, None]) & (probabilities > 0)).any(axis=1))


def macro_f1(best: Sequence[str], truth: Sequence[str]) -> float:
    """The mean of F1 over the classes present in `truth`, each with the same weight.

    A class that is answered but never right has no recall to speak of and counts only through the
    precision lost by others; a class never answered has an F1 of 0.
    """
    from sklearn.metrics import f1_score

    if not truth:
        return 0.0
    present = sorted(set(truth))
    return float(f1_score(truth, best, labels=present, average="macro", zero_division=0))


def exact_interval(right: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """The two-sided exact interval of a share (Clopper and Pearson 1934); (0, 1) for no rows."""
    from scipy.stats import binomtest

    if rows == 0:
        return 0.0, 1.0
    found = binomtest(right, rows).proportion_ci(confidence_level=level, method="exact")
    return float(found.low), float(found.high)


def exact_intervals(
    right: npt.ArrayLike, rows: npt.ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Exact intervals of many shares at once, by quantiles of the beta distribution."""
    from scipy.stats import beta

    k, n = np.asarray(right, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    tail = (1 - level) / 2
    low = np.where(k > 0, beta.ppf(tail, k, n - k + 1), 0.0)
    high = np.where(k < n, beta.ppf(1 - tail, k + 1, n - k), 1.0)
    return low, high


def weighted_macro_f1(
    best: Sequence[str], truth: Sequence[str]
) -> Callable[[npt.NDArray[np.int64]], Floats]:
    """Macro-F1 as a function of weights, shape (resamples, rows), over the classes drawn.

    With weights of one it is `macro_f1`; a class of which a resample holds no row is left out.
    """
    from scipy.sparse import csr_array

    place = {code: position for position, code in enumerate(sorted(set(truth)))}
    of_truth = np.array([place[code] for code in truth])
    of_best = np.array([place.get(code, -1) for code in best])
    answered, agreed = of_best >= 0, of_best == of_truth

    def members(classes: npt.NDArray[np.intp], chosen: Flags) -> Any:
        rows = np.flatnonzero(chosen)
        shape = (len(place), len(truth))
        return csr_array((np.ones(len(rows)), (classes[rows], rows)), shape=shape)

    counted = [
        members(of_truth, np.ones(len(truth), dtype=bool)),
        members(of_best, answered),
        members(of_truth, agreed),
    ]

    def figure(weights: npt.NDArray[np.int64]) -> Floats:
        inside = np.ascontiguousarray(weights.T, dtype=np.float64)
        true, said, both = (member @ inside for member in counted)
        f1 = 2 * both / np.maximum(true + said, 1)
        return np.asarray(f1.sum(axis=0) / np.maximum((true > 0).sum(axis=0), 1))

    return figure

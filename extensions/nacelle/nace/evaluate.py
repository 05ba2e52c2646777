"""Figures of a model on labelled texts: how good it is, how sure, where it errs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from nacelle.nace import bootstrap, confusions, curves, metrics
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluation import (
    CodingCurve,
    Evaluation,
    Interval,
    Part,
    ReliabilityBin,
    Robustness,
)
from nacelle.nace.prediction import Answers
from nacelle.nace.typos import with_typos

if TYPE_CHECKING:
    from nacelle.nace.nomenclature import Nomenclature

TARGETS = (0.90, 0.95)
TYPO_RATES = (0.02, 0.05, 0.10)
UNKNOWN = "unknown"
_POINTS = 200
# The accuracy of fewer rows than these says nothing.
_FIRST = 20


@dataclass(frozen=True)
class _Outcomes:
    """What all figures are counted from; arrays have one element or line a row."""

    truth: list[str]
    best: list[str]
    right: metrics.Flags
    top5: metrics.Flags
    confidence: metrics.Floats
    probability: metrics.Floats
    coded: metrics.Flags
    order: curves.CodingOrder

    @property
    def exact(self) -> metrics.Flags:
        """Right at the deepest level."""
        return self.right[:, -1]

    def threshold(self, target: float = TARGETS[0]) -> float | None:
        """The confidence index down to which the target holds."""
        return curves.auto_threshold(self.order, self.exact, target)


def evaluate(
    answers: Answers,
    truth: Sequence[str],
    nomenclature: Nomenclature,
    *,
    languages: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    language: str = "en",
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """The figures of `answers` against `truth`, one right code (any spelling) a row.

    `languages` and `sources` give one name a row; `language` is that of the titles. `resamples` is
    the size of the bootstrap (0: no intervals, for searches). Raises NaceError for no rows,
    lengths that differ, and right codes that are unknown or of another level than the model's.
    """
    depth = metrics.model_depth(answers, nomenclature)
    rows = _outcomes(answers, truth, nomenclature, depth)
    figures = _figures(rows)
    point = figures(np.ones((1, len(rows.truth)), dtype=np.int64))[0]
    intervals = _intervals(figures, point, depth, len(rows.truth), resamples, seed)
    levels = [str(level) for level in range(1, depth + 1)]
    targets = [target_key(target) for target in TARGETS]
    threshold = rows.threshold()
    return Evaluation(
        rows=len(rows.truth),
        rejected=int((~rows.coded).sum()),
        classes=len(set(rows.truth)),
        nomenclature=nomenclature.identity,
        name=nomenclature.name,
        version=nomenclature.version,
        accuracy=dict(zip(levels, point[:depth].tolist(), strict=True)),
        accuracy_interval=dict(zip(levels, intervals[:depth], strict=True)),
        top5=float(point[depth]),
        top5_interval=intervals[depth],
        auto_rate=dict(zip(targets, point[depth + 1 : -2].tolist(), strict=True)),
        auto_rate_interval=dict(zip(targets, intervals[depth + 1 : -2], strict=True)),
        auto_threshold={key: rows.threshold(t) for key, t in zip(targets, TARGETS, strict=True)},
        ece=float(point[-2]),
        ece_interval=intervals[-2],
        macro_f1=metrics.macro_f1(rows.best, rows.truth),
        macro_f1_interval=intervals[-1],
        by_language=_parts(rows, languages, threshold, "languages"),
        by_source=_parts(rows, sources, threshold, "sources"),
        stages=_parts(rows, answers.stages, threshold, "stages"),
        coding_curve=_coding_curve(rows),
        reliability=_reliability(rows),
        sections=confusions.sections(rows.truth, rows.best, nomenclature, language),
        confusions=confusions.confusions(rows.truth, rows.best, nomenclature, language),
        weak_classes=confusions.weak_classes(rows.truth, rows.best, nomenclature, language),
    )


def with_robustness(
    evaluation: Evaluation,
    texts: Sequence[str],
    truth: Sequence[str],
    answer: Callable[[Sequence[str]], Answers],
    nomenclature: Nomenclature,
    *,
    rates: Sequence[float] = TYPO_RATES,
    seed: int = 0,
) -> Evaluation:
    """The evaluation with figures for the same texts misspelt at each of the `rates`.

    `answer` answers texts in their order. The share coded is at the threshold that reaches 90 % on
    the texts as they are: nobody sets a new one because people mistype.
    """
    threshold = evaluation.auto_threshold[target_key(TARGETS[0])]
    found = {}
    for rate in rates:
        answers = answer(with_typos(texts, rate, seed))
        depth = metrics.model_depth(answers, nomenclature)
        rows = _outcomes(answers, truth, nomenclature, depth)
        found[f"{rate:.2f}"] = _robustness(rows, depth, threshold)
    return msgspec.structs.replace(evaluation, robustness=found)


def target_key(target: float) -> str:
    """How a target accuracy is written as a key: 0.9 is "0.90"."""
    return f"{target:.2f}"


def _outcomes(
    answers: Answers, truth: Sequence[str], nomenclature: Nomenclature, depth: int
) -> _Outcomes:
    if not truth:
        raise NaceError("There are no rows to evaluate; give texts with their right codes.")
    if len(truth) != len(answers.stages):
        raise NaceError(f"{len(answers.stages)} answers for {len(truth)} right codes.")
    stored = metrics.checked_truth(truth, nomenclature, depth)
    best, confidence = answers.best, answers.confidence
    coded = np.array([code != "" for code in best])
    return _Outcomes(
        truth=stored,
        best=best,
        right=metrics.right_by_level(best, stored, nomenclature, depth),
        top5=metrics.right_in_top(answers, stored, 5),
        confidence=confidence,
        probability=np.clip(answers.probabilities.max(axis=1).astype(np.float64), 0, 1),
        coded=coded,
        order=curves.coding_order(confidence, coded),
    )


def _figures(rows: _Outcomes) -> Callable[[curves.Counts], metrics.Floats]:
    """Accuracy by level, top-5, automatic rates, calibration error, macro-F1, from weights."""
    shares = np.column_stack([rows.right, rows.top5]).astype(np.float64)
    f1 = metrics.weighted_macro_f1(rows.best, rows.truth)

    def figures(weights: curves.Counts) -> metrics.Floats:
        return np.column_stack(
            [
                weights.astype(np.float64) @ shares / weights.sum(axis=1, keepdims=True),
                curves.auto_rates(rows.order, rows.exact, weights, TARGETS),
                curves.calibration_errors(rows.probability, rows.exact, rows.coded, weights),
                f1(weights),
            ]
        )

    return figures


def _intervals(
    figures: Callable[[curves.Counts], metrics.Floats],
    point: metrics.Floats,
    depth: int,
    rows: int,
    times: int,
    seed: int,
) -> list[Interval]:
    """One interval a figure; resampling biases the last two, calibration error and macro-F1."""
    if times < 2:
        return [(0.0, 1.0)] * len(point)
    drawn = bootstrap.replicate(figures, rows, times, seed)
    plain = [bootstrap.percentile_interval(column) for column in drawn.T[:-2]]
    biased = [
        bootstrap.normal_interval(p, c) for p, c in zip(point[-2:], drawn.T[-2:], strict=True)
    ]
    return plain + biased


def _parts(
    rows: _Outcomes, names: Sequence[str] | None, threshold: float | None, what: str
) -> dict[str, Part]:
    """A Part by name, the largest first."""
    if names is None:
        return {}
    if len(names) != len(rows.truth):
        raise NaceError(f"{len(names)} {what} for {len(rows.truth)} rows.")
    labels = np.array([str(name or UNKNOWN) for name in names])
    found = [(name, np.flatnonzero(labels == name)) for name in np.unique(labels).tolist()]
    found.sort(key=lambda pair: (-len(pair[1]), pair[0]))
    return {name: _part(rows, chosen, threshold) for name, chosen in found}


def _part(rows: _Outcomes, chosen: npt.NDArray[np.intp], threshold: float | None) -> Part:
    right = rows.exact[chosen]
    share, accuracy = _coded(rows, chosen, threshold)
    return Part(
        rows=len(chosen),
        accuracy=float(right.mean()),
        accuracy_interval=metrics.exact_interval(int(right.sum()), len(chosen)),
        top5=float(rows.top5[chosen].mean()),
        coded=share,
        accuracy_of_coded=accuracy,
    )


def _coded(
    rows: _Outcomes, chosen: npt.NDArray[np.intp], threshold: float | None
) -> tuple[float, float | None]:
    """The share of the chosen rows at or above the threshold, and their accuracy."""
    if threshold is None:
        return 0.0, None
    above = rows.coded[chosen] & (rows.confidence[chosen] >= threshold)
    accuracy = float(rows.exact[chosen][above].mean()) if above.any() else None
    return float(above.mean()), accuracy


def _robustness(rows: _Outcomes, depth: int, threshold: float | None) -> Robustness:
    n = len(rows.truth)
    right = rows.right.sum(axis=0).tolist()
    rates = curves.auto_rates(rows.order, rows.exact, np.ones((1, n), dtype=np.int64), TARGETS)[0]
    share, accuracy = _coded(rows, np.arange(n), threshold)
    return Robustness(
        accuracy={str(level + 1): right[level] / n for level in range(depth)},
        accuracy_interval={
            str(level + 1): metrics.exact_interval(right[level], n) for level in range(depth)
        },
        top5=float(rows.top5.mean()),
        auto_rate={target_key(t): float(r) for t, r in zip(TARGETS, rates, strict=True)},
        coded=share,
        accuracy_of_coded=accuracy,
    )


def _coding_curve(rows: _Outcomes) -> CodingCurve:
    n = len(rows.truth)
    ones = np.ones((1, n), dtype=np.int64)
    coded, good = (counts[0] for counts in curves.coded_and_right(rows.order, rows.exact, ones))
    if not len(coded):
        return CodingCurve([], [], [], [], [])
    first = max(coded[0], min(_FIRST, coded[-1]))
    points = np.unique(np.searchsorted(coded, np.linspace(first, coded[-1], _POINTS)))
    coded, good = coded[points], good[points]
    low, high = metrics.exact_intervals(good, coded)
    return CodingCurve(
        share=(coded / n).tolist(),
        accuracy=(good / coded).tolist(),
        low=low.tolist(),
        high=high.tolist(),
        threshold=rows.order.thresholds[points].tolist(),
    )


def _reliability(rows: _Outcomes) -> list[ReliabilityBin]:
    """One element a bin that has rows."""
    edges = np.linspace(0, 1, curves.BINS + 1)
    place = np.where(rows.coded, curves.bin_of(rows.probability), -1)
    found = []
    for number in range(curves.BINS):
        inside = place == number
        if count := int(inside.sum()):
            right = int(rows.exact[inside].sum())
            found.append(
                ReliabilityBin(
                    low=float(edges[number]),
                    high=float(edges[number + 1]),
                    rows=count,
                    probability=float(rows.probability[inside].mean()),
                    accuracy=right / count,
                    interval=metrics.exact_interval(right, count),
                )
            )
    return found

"""The figures of a model on labelled texts: one type for JSON, MLflow, the report and the desk."""

from __future__ import annotations

from typing import Any

import msgspec

Interval = tuple[float, float]


class Part(msgspec.Struct, frozen=True):
    """Some of the rows: one language, source or stage.

    `accuracy` (deepest level) with its exact 95 % interval, `top5`; `coded` is the share of these
    rows above the threshold that reaches 90 % on all rows, `accuracy_of_coded` their accuracy (None
    where none is coded).
    """

    rows: int
    accuracy: float
    accuracy_interval: Interval
    top5: float
    coded: float
    accuracy_of_coded: float | None


class Robustness(msgspec.Struct, frozen=True):
    """The same rows, misspelt: accuracy by level, top-5, and what the threshold then does."""

    accuracy: dict[str, float]
    accuracy_interval: dict[str, Interval]
    top5: float
    auto_rate: dict[str, float]
    coded: float
    accuracy_of_coded: float | None


class CodingCurve(msgspec.Struct, frozen=True):
    """Points of the automatic-coding curve, from the 20 most confident rows to all that are coded.

    `share` of all rows, `accuracy` of the rows coded with its pointwise exact 95 % interval from
    `low` to `high`, and the `threshold` (confidence index) that codes them. At most 200 points.
    """

    share: list[float]
    accuracy: list[float]
    low: list[float]
    high: list[float]
    threshold: list[float]


class ReliabilityBin(msgspec.Struct, frozen=True):
    """The rows whose top code has a probability in (low, high].

    `probability` is their mean, `accuracy` the share that is right, with its exact 95 % interval.
    """

    low: float
    high: float
    rows: int
    probability: float
    accuracy: float
    interval: Interval


class Sections(msgspec.Struct, frozen=True):
    """Confusion at level 1: `counts[i][j]` rows of section i were answered section j.

    `codes` and `titles` have one element a section met; the last column, beyond `codes`, counts
    rejected rows.
    """

    codes: list[str]
    titles: list[str]
    counts: list[list[int]]


class Confusion(msgspec.Struct, frozen=True):
    """`rows` of the `of` rows of class `truth` were answered `answer`."""

    truth: str
    truth_title: str
    answer: str
    answer_title: str
    rows: int
    of: int


class WeakClass(msgspec.Struct, frozen=True):
    """A class whose rows are seldom found (recall), and the wrong answer most often given."""

    code: str
    title: str
    rows: int
    accuracy: float
    interval: Interval
    most_often: str
    most_often_title: str


class Evaluation(msgspec.Struct, frozen=True):
    """Figures of a model on labelled rows; every share is a fraction between 0 and 1.

    - `rows`, `classes` (present among the right codes), `nomenclature` (its identity), `name`,
      `version`, `rejected` (rows).
    - `accuracy` by level ("1" to the deepest), `accuracy_interval` by level: percentile bootstrap,
      95 %. `top5`, `top5_interval` likewise.
    - `macro_f1`: mean F1 of the classes present among the right codes. `macro_f1_interval`.
    - `auto_rate` at the accuracies "0.90" and "0.95": the largest share of all rows, taken by
      falling confidence index with the rules included, whose accuracy reaches the target (0 where
      none does); rows of one confidence index are taken together or not at all, rejected ones
      never. `auto_rate_interval`, `auto_threshold` (the confidence index it goes down to, or None).
    - `ece`: expected calibration error of the top code, 15 bins of equal width, rejected rows left
      out. `ece_interval`.
    - `by_language`, `by_source`, `stages`: a `Part` each; texts of no known language or source
      stand under "unknown".
    - `coding_curve`, `reliability` (15 bins), `sections`, `confusions` (the 20 most frequent),
      `weak_classes` (20, by the upper end of the interval).
    - `robustness`: by the rate of misspelt characters ("0.02", "0.05", "0.10"); empty where it was
      not asked for.

    Intervals are (0, 1) where no resamples were asked for.
    """

    rows: int
    rejected: int
    classes: int
    nomenclature: str
    name: str
    version: str
    accuracy: dict[str, float]
    accuracy_interval: dict[str, Interval]
    top5: float
    top5_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    auto_rate: dict[str, float]
    auto_rate_interval: dict[str, Interval]
    auto_threshold: dict[str, float | None]
    ece: float
    ece_interval: Interval
    by_language: dict[str, Part]
    by_source: dict[str, Part]
    stages: dict[str, Part]
    coding_curve: CodingCurve
    reliability: list[ReliabilityBin]
    sections: Sections
    confusions: list[Confusion]
    weak_classes: list[WeakClass]
    robustness: dict[str, Robustness] = {}

    @property
    def depth(self) -> int:
        """The deepest level."""
        return len(self.accuracy)

    @property
    def accuracy_of_coded(self) -> float | None:
        """Accuracy of the rows above the threshold that reaches 90 %; None where none does."""
        parts = [one for one in self.stages.values() if one.accuracy_of_coded is not None]
        coded = sum(one.rows * one.coded for one in parts)
        right = sum(one.rows * one.coded * (one.accuracy_of_coded or 0) for one in parts)
        return right / coded if coded else None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; intervals become lists of two numbers."""
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return found

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Evaluation:
        """What `to_dict` gave; msgspec.ValidationError for anything else."""
        return msgspec.convert(data, Evaluation)

"""What the classifier answers: one type for libraries, services, records and desks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

Stage = Literal["code", "rule", "look-up", "model", "rejected"]


class Candidate(msgspec.Struct, frozen=True):
    """A code with its title and its probability in [0, 1]."""

    code: str
    title: str
    probability: float


class Prediction(msgspec.Struct, frozen=True):
    """The answer for one text.

    `top` holds the most probable codes first and is empty where the text was rejected. `index` is
    the confidence index p1 - p2 in [0, 1]. `automatic` is None where no threshold was given.
    """

    text: str
    nomenclature: str
    version: str
    stage: Stage
    detail: str
    top: tuple[Candidate, ...]
    index: float
    automatic: bool | None
    threshold: float | None
    model: str
    model_version: str
    time: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of an answer: `k` codes, titles in a language, automatic from a threshold."""

    k: int
    threshold: float | None
    title_language: str
    request_id: str
    time: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best codes of n texts, a row a text: positions in `classes` and probabilities.

    The best stand first; `index` is the confidence index p1 - p2 of each text.
    """

    classes: tuple[str, ...]
    positions: list[list[int]]
    values: list[list[float]]
    index: list[float]
    stages: tuple[Stage, ...]
    details: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """Probabilities of every code for n texts.

    `probabilities` has the shape (n, number of classes), float32; a row adds up to 1, or to 0 where
    the text was rejected. `stages` and `details` have one element a text.
    """

    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    stages: tuple[Stage, ...]
    details: tuple[str, ...] = ()

    def top(self, k: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """Positions in `classes` and probabilities of the k best, best first; shapes (n, k).

        Equal ones stand in the order of `classes`, and the first is always that of `best`.
        """
        k = min(k, len(self.classes))
        row = np.arange(len(self.probabilities))[:, None]
        part = np.argpartition(-self.probabilities, k - 1, axis=1)[:, :k]
        part.sort(axis=1)
        order = np.argsort(-self.probabilities[row, part], axis=1, kind="stable")
        best = part[row, order]
        values = self.probabilities[row, best]
        # Where all that were kept are equal, others may be too, and stand before them.
        alike = (values[:, 0] == values[:, -1]).nonzero()[0]
        if len(alike):
            self._put_first(best, alike)
        return best, values

    def _put_first(self, best: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> None:
        """Let the first of equally probable classes lead its row of `best`."""
        first = self.probabilities[rows].argmax(axis=1)
        lost = rows[best[rows, 0] != first]
        best[lost, 1:] = best[lost, :-1]
        best[rows, 0] = first

    def ranked(self, k: int) -> Ranked:
        """The k best codes of each text; two at least are looked at, for the confidence index."""
        positions, values = self.top(max(k, 2))
        index = confidence_index(values).tolist()
        return Ranked(
            self.classes,
            positions.tolist(),
            values.tolist(),
            index,
            self.stages,
            self.details or ("",) * len(self.stages),
        )

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """The confidence index p1 - p2 of each text, in [0, 1]; 0 where the text was rejected."""
        return confidence_index(self.top(2)[1])

    @property
    def best(self) -> list[str]:
        """The most probable code of each text; '' where the text was rejected."""
        first = self.probabilities.argmax(axis=1)
        return [
            "" if stage == "rejected" else self.classes[position]
            for stage, position in zip(self.stages, first, strict=True)
        ]

    def rows(self, chosen: Sequence[int] | npt.NDArray[np.intp]) -> Answers:
        """The answers for some of the texts, in the order given."""
        positions = np.asarray(chosen, dtype=np.intp)
        return Answers(
            self.classes,
            self.probabilities[positions],
            tuple(self.stages[i] for i in positions),
            tuple(self.details[i] for i in positions) if self.details else (),
        )

    @classmethod
    def joined(cls, classes: tuple[str, ...], parts: Sequence[Answers]) -> Answers:
        """The answers of all parts over the same classes, one after the other; of none too."""
        none = np.zeros((0, len(classes)), np.float32)
        return cls(
            classes,
            np.vstack([none, *(part.probabilities for part in parts)]),
            tuple(stage for part in parts for stage in part.stages),
            tuple(detail for part in parts for detail in part.details),
        )


def now() -> str:
    """The time of an answer: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def confidence_index(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """p1 - p2 of probabilities in falling order, shape (n, k): one number in [0, 1] a row."""
    second = values[:, 1] if values.shape[1] > 1 else 0
    return np.clip(values[:, 0].astype(np.float64) - second, 0, 1)

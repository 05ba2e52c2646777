"""The geometry of a chart: from shares to places in a drawing; templates draw the marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nacelle.nace.evaluation import Evaluation


@dataclass(frozen=True)
class Frame:
    """A drawing of `width` by `height` units with axes inside its margins.

    The horizontal axis goes from `x_low` to `x_high`, the vertical one from `y_low` to `y_high`.
    """

    x_low: float = 0.0
    x_high: float = 1.0
    y_low: float = 0.0
    y_high: float = 1.0
    width: int = 360
    height: int = 272
    left: int = 52
    right: int = 22
    top: int = 14
    bottom: int = 44

    def x(self, value: float) -> float:
        """Units from the left edge; values outside the axis are set on its end."""
        share = (min(max(value, self.x_low), self.x_high) - self.x_low) / (self.x_high - self.x_low)
        return round(self.left + share * (self.width - self.left - self.right), 1)

    def y(self, value: float) -> float:
        """Units from the top edge; values outside the axis are set on its end."""
        share = (min(max(value, self.y_low), self.y_high) - self.y_low) / (self.y_high - self.y_low)
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 1)

    @property
    def end(self) -> int:
        """Units from the left edge to the right end of the axis."""
        return self.width - self.right

    @property
    def floor(self) -> int:
        """Units from the top edge to the horizontal axis."""
        return self.height - self.bottom

    @property
    def x_ticks(self) -> list[float]:
        """Round values on the horizontal axis."""
        return ticks(self.x_low, self.x_high)

    @property
    def y_ticks(self) -> list[float]:
        """Round values on the vertical axis."""
        return ticks(self.y_low, self.y_high)

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """The path of a line through the points."""
        points = [f"{self.x(x)} {self.y(y)}" for x, y in zip(xs, ys, strict=True)]
        return f"M{'L'.join(points)}" if points else ""

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
        """The path around the area between two lines."""
        there, back = self.line(xs, low), self.line(xs[::-1], high[::-1])
        return f"{there}{back.replace('M', 'L', 1)}Z" if there else ""


def ticks(low: float, high: float) -> list[float]:
    """Four to seven round values from `low` to `high`, both of which are multiples of a step."""
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.25) if (high - low) / s <= 6 or s == 0.25)
    first = math.ceil(round(low / step, 6))
    return [round(n * step, 6) for n in range(first, math.floor(round(high / step, 6)) + 1)]


def coding_frame(evaluations: Sequence[Evaluation]) -> Frame:
    """Accuracy from a round share below the curves to 1, over the share coded from 0 to 1."""
    lowest = min((value for one in evaluations for value in one.coding_curve.accuracy), default=0.0)
    return Frame(y_low=min(math.floor(lowest * 10) / 10, 0.8))


def typos_frame(evaluation: Evaluation) -> Frame:
    """Shares from 0 to 1 over the rates of misspelt characters, with room for names of lines."""
    return Frame(x_high=max(map(float, evaluation.robustness), default=0.1), right=112)


@dataclass(frozen=True)
class Line:
    """A named line of the chart of typing errors; `place` is where its name stands."""

    name: str
    colour: str
    values: list[float]
    place: float


def typos_lines(evaluation: Evaluation, frame: Frame) -> tuple[list[float], list[Line]]:
    """The rates of misspelt characters, 0 first, and a line for each figure that they move."""
    deepest, found = str(evaluation.depth), list(evaluation.robustness.values())
    rates = [0.0, *map(float, evaluation.robustness)]
    of = {
        ("level 1", "good"): [evaluation.accuracy["1"], *(one.accuracy["1"] for one in found)],
        (f"level {deepest}", ""): [
            evaluation.accuracy[deepest],
            *(one.accuracy[deepest] for one in found),
        ],
        ("auto at 90 %", "amber"): [
            evaluation.auto_rate["0.90"],
            *(one.auto_rate["0.90"] for one in found),
        ],
    }
    places = apart([frame.y(values[-1]) + 4 for values in of.values()])
    lines = [
        Line(name, colour, values, place)
        for ((name, colour), values), place in zip(of.items(), places, strict=True)
    ]
    return rates, lines


def apart(places: Sequence[float], least: float = 16.0) -> list[float]:
    """The places, moved down where they lie closer than `least` to one above."""
    moved = list(places)
    order = sorted(range(len(moved)), key=lambda i: moved[i])
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + least)
    return moved

"""One figure: what was measured, against what, and whether it is good enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

# Takes one line of progress.
Report = Callable[[str], None]


@dataclass(frozen=True)
class Goal:
    """A bound that a value keeps or not."""

    relation: Literal["<=", ">="]
    bound: float

    def met_by(self, value: float) -> bool:
        return value <= self.bound if self.relation == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.relation} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """A ratio or a difference; `against` names the peer or limit, with its value in this run.

    `value` is None when it cannot be measured on this machine; `note` then says why.
    """

    name: str
    value: float | None
    unit: str
    against: str
    goal: Goal
    note: str = ""

    def __post_init__(self) -> None:
        if self.value is None and not self.note:
            raise ValueError(f"{self.name}: a figure without a value needs a note that says why")

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None when that cannot be measured here."""
        return None if self.value is None else self.goal.met_by(self.value)

    def to_json(self) -> dict[str, Any]:
        """The figure as it stands in latest.json."""
        row = {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "against": self.against,
            "goal": str(self.goal),
            "met": self.met,
        }
        return row | ({"note": self.note} if self.note else {})

    def to_row(self) -> tuple[str, ...]:
        """Cells of a printed row, without the note."""
        value = "-" if self.value is None else f"{self.value:.2f}"
        met = {True: "yes", False: "NO", None: "not measurable here"}[self.met]
        return (self.name, value, self.unit, self.against, str(self.goal), met)


HEAD = ("name", "value", "unit", "against", "goal", "met")


def make_table(figures: list[Figure]) -> str:
    """Aligned rows under a head; a note stands below its row."""
    rows = [HEAD, *(figure.to_row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for number, figure in reversed(list(enumerate(figures, start=1))):
        if figure.note:
            lines.insert(number + 1, f"    {figure.note}")
    return "\n".join(lines)

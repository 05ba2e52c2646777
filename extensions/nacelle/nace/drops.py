"""What was left out of a file of labelled rows, by reason: counted, with examples, never silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_EXAMPLES = 3
_SHOWN = 40


@dataclass(frozen=True)
class Drop:
    """One row left out: file, number of the row (the first below the header is 1), what it had."""

    file: str
    row: int
    shown: str

    def __str__(self) -> str:
        text = " ".join(self.shown.split())
        cut = text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
        return f"{cut!r} ({self.file}, row {self.row})"


@dataclass
class DropReport:
    """Rows read, rows kept, and for each reason how many were left out, with a few examples.

    `warnings` are sentences on the whole: what the reasons together point to.
    """

    read: int = 0
    kept: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Drop]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def add(self, reason: str, drop: Drop) -> None:
        """Count one row that is left out."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES and drop.shown not in {one.shown for one in examples}:
            examples.append(drop)

    def count(self, reasons: Iterable[str]) -> int:
        """How many rows were left out for these reasons."""
        return sum(self.counts.get(reason, 0) for reason in reasons)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "read": self.read,
            "kept": self.kept,
            "dropped": dict(self._by_count()),
            "examples": {why: [str(one) for one in many] for why, many in self.examples.items()},
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        lines = [f"{self.read:,} rows read, {self.kept:,} kept"]
        for reason, count in self._by_count():
            lines.append(f"{count:>9,} left out: {reason}; e.g. {self.examples[reason][0]}")
            lines += [" " * 10 + f"{one}" for one in self.examples[reason][1:]]
        return "\n".join(lines + self.warnings)

    def _by_count(self) -> list[tuple[str, int]]:
        return sorted(self.counts.items(), key=lambda one: -one[1])

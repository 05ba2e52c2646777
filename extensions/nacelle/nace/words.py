"""Numbers as people read them: shares, intervals, counts."""

from __future__ import annotations

_SPACE = "\N{NO-BREAK SPACE}"


def share(value: float | None) -> str:
    """0.7213 is `72.1 %`; None, where there is nothing to count, is a dash."""
    return "\N{EN DASH}" if value is None else f"{value * 100:.1f}{_SPACE}%"


def whole(value: float) -> str:
    """0.7213 is `72 %`."""
    return f"{value * 100:.0f}{_SPACE}%"


def interval(pair: tuple[float, float]) -> str:
    """(0.7102, 0.7311) is `71.0 to 73.1 %`."""
    return f"{pair[0] * 100:.1f} to {pair[1] * 100:.1f}{_SPACE}%"


def points(value: float) -> str:
    """0.031 is `3.1 points` (of percentage)."""
    return f"{value * 100:.1f}{_SPACE}points"


def signed_points(value: float) -> str:
    """0.031 is `+3.1`; a true minus sign stands before what is below 0."""
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{abs(value) * 100:.1f}"


def count(value: int) -> str:
    """12345 is `12,345`."""
    return f"{value:,}"

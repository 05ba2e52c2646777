"""Quantities as Kubernetes writes them; apart from the platform's own, which they check."""

from __future__ import annotations

from decimal import Decimal

_BINARY = {f"{letter}i": Decimal(1024) ** n for n, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")} | {
    letter: Decimal(1000) ** n for n, letter in enumerate("kMGTPE", 1)
}


def read(text: str | int | float) -> Decimal:
    """A quantity as a number. Raises ArithmeticError for what is none."""
    written = str(text)
    for suffix, factor in (_BINARY | _DECIMAL).items():
        if written.endswith(suffix):
            return Decimal(written.removesuffix(suffix)) * factor
    return Decimal(written)


def write(number: Decimal, like: str = "") -> str:
    """In the shortest exact form, as the API does; `like` tells binary suffixes from decimal."""
    if like.endswith("i"):
        return _with_suffix(number, _BINARY)
    if number == number.to_integral_value():
        return _with_suffix(number, {k: v for k, v in _DECIMAL.items() if v > 1})
    return f"{(number * 1000).to_integral_value():f}m"


def _with_suffix(number: Decimal, suffixes: dict[str, Decimal]) -> str:
    for suffix, factor in sorted(suffixes.items(), key=lambda one: -one[1]):
        if number and number % factor == 0:
            return f"{(number / factor).to_integral_value():f}{suffix}"
    return f"{number.to_integral_value():f}"

"""Compare two models on the same texts: is one right more often than chance explains?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import Answers

# Below this many texts on which one alone is right, the chi-squared distribution is too rough.
_FEW = 25

Method = Literal["exact binomial", "chi-squared with continuity correction"]


class Comparison(msgspec.Struct, frozen=True):
    """Two models on the same rows, at the deepest level.

    `both_right`, `only_first`, `only_second`, `both_wrong` are rows and add up to `rows`.
    `accuracy_first`, `accuracy_second` are fractions; `difference` is second minus first, with its
    95 % interval. `p_value` is that of McNemar's two-sided test that both are right equally often,
    by `method`; `statistic` is the chi-squared one (None where the test is exact).
    """

    first: str
    second: str
    rows: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    accuracy_first: float
    accuracy_second: float
    difference: float
    difference_interval: tuple[float, float]
    method: Method
    statistic: float | None
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return found

    @property
    def words(self) -> str:
        """The result in a sentence."""
        shown = "p < 0.0001" if self.p_value < 0.0001 else f"p = {self.p_value:.2g}"
        shown = shown.replace(" ", "\N{NO-BREAK SPACE}")
        more, less = (self.second, self.first) if self.difference > 0 else (self.first, self.second)
        if self.p_value >= 0.05:
            return (
                f"No difference in accuracy between {self.first} and {self.second} is shown on "
                f"these {self.rows:,} texts ({shown})."
            )
        return (
            f"{more} is right more often than {less}, by {abs(self.difference) * 100:.1f} points; "
            f"chance alone seldom gives such a gap ({shown})."
        )


def compare(
    first: Answers,
    second: Answers,
    truth: Sequence[str],
    *,
    names: tuple[str, str] = ("first", "second"),
) -> Comparison:
    """McNemar's test of two models on the same texts; `truth` has one stored code a row.

    Only the texts on which one model alone is right tell the two apart (McNemar 1947). Below 25 of
    them the test is exact (binomial with probability 1/2); from there on chi-squared with Edwards'
    continuity correction (1948). The interval of the difference is Agresti and Min's (2005) for
    matched pairs, which adds half a row to each of the four counts. Raises NaceError for no rows
    and for lengths that differ.
    """
    lengths = {len(truth), len(first.stages), len(second.stages)}
    if len(lengths) != 1 or not truth:
        raise NaceError(
            f"Two models are compared on the same texts: {len(first.stages)} and "
            f"{len(second.stages)} answers, {len(truth)} right codes; give one of each a text."
        )
    pairs = [
        (a == code, b == code) for a, b, code in zip(first.best, second.best, truth, strict=True)
    ]
    both, a, b = (pairs.count(kind) for kind in ((True, True), (True, False), (False, True)))
    rows = len(pairs)
    method, statistic, p_value = mcnemar(a, b)
    return Comparison(
        first=names[0],
        second=names[1],
        rows=rows,
        both_right=both,
        only_first=a,
        only_second=b,
        both_wrong=rows - both - a - b,
        accuracy_first=(both + a) / rows,
        accuracy_second=(both + b) / rows,
        difference=(b - a) / rows,
        difference_interval=_difference_interval(a, b, rows),
        method=method,
        statistic=statistic,
        p_value=p_value,
    )


def mcnemar(only_first: int, only_second: int) -> tuple[Method, float | None, float]:
    """Method, statistic and two-sided p-value from the rows on which one alone is right."""
    from scipy.stats import binomtest, chi2

    apart = only_first + only_second
    if apart < _FEW:
        p_value = binomtest(only_first, apart, 0.5).pvalue if apart else 1.0
        return "exact binomial", None, float(p_value)
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / apart
    return "chi-squared with continuity correction", statistic, float(chi2.sf(statistic, 1))


def _difference_interval(only_first: int, only_second: int, rows: int) -> tuple[float, float]:
    """Agresti and Min 2005, Statistics in Medicine 24: Wald's interval with 0.5 in each cell."""
    n, a, b = rows + 2, only_first + 0.5, only_second + 0.5
    middle = (b - a) / n
    error = 1.959963984540054 * math.sqrt(a + b - (b - a) ** 2 / n) / n
    return max(-1.0, middle - error), min(1.0, middle + error)

"""Correspondence tables: which codes of one version became which codes of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from nacelle.nace.files import Location
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.tables import Row, Table, read_table

Kind = Literal["1:1", "1:n", "n:1", "n:m"]
_TRUE = frozenset({"true", "1", "yes", "y", "x", "*", "p", "ex", "oui", "ja", "sì", "si"})
_FALSE = frozenset({"false", "0", "no", "n", "", "non", "nein"})


class Link(NamedTuple):
    """A code and one of the codes that it became; `partial` where only a part of it went there."""

    source: str
    target: str
    partial: bool


class Correspondence:
    """The links from one version to another; codes of each are spelt as its nomenclature does.

    Made by `load_correspondence`, or of links whose codes both nomenclatures know.
    """

    def __init__(self, source: Nomenclature, target: Nomenclature, links: Iterable[Link]) -> None:
        self.source = source
        self.target = target
        self.links = tuple(sorted(links))
        self._targets: dict[str, list[Link]] = {}
        self._sources: dict[str, list[Link]] = {}
        for link in self.links:
            self._targets.setdefault(link.source, []).append(link)
            self._sources.setdefault(link.target, []).append(link)

    def __repr__(self) -> str:
        return (
            f"Correspondence({self.source.label} to {self.target.label}, {len(self.links)} links)"
        )

    def targets(self, code: str) -> tuple[str, ...]:
        """The codes that a code of the source became, sorted; none where the table has none."""
        return tuple(one.target for one in self._targets.get(self.source.canonical(code), ()))

    def sources(self, code: str) -> tuple[str, ...]:
        """The codes that became a code of the target, sorted; none where the table has none."""
        return tuple(one.source for one in self._sources.get(self.target.canonical(code), ()))

    def only_target(self, code: str) -> str | None:
        """What a code of the source became where that is one code; None where it takes a choice."""
        found = self.targets(code)
        return found[0] if len(found) == 1 else None

    def kind(self, link: Link) -> Kind:
        """Whether the link's source has other targets (n on the right) and its target others."""
        splits = len(self._targets[link.source]) > 1
        merges = len(self._sources[link.target]) > 1
        if splits:
            return "n:m" if merges else "1:n"
        return "n:1" if merges else "1:1"

    def without_target(self) -> tuple[str, ...]:
        """Codes of the source, at the levels that the table has, for which it says nothing."""
        return _missing(self.source, self._targets)

    def without_source(self) -> tuple[str, ...]:
        """Codes of the target, at the levels that the table has, for which it says nothing."""
        return _missing(self.target, self._sources)

    def reversed(self) -> Correspondence:
        """The same table from the target to the source; a merged code goes back in part."""
        links = (
            Link(one.target, one.source, len(self._sources[one.target]) > 1) for one in self.links
        )
        return Correspondence(self.target, self.source, links)


def load_correspondence(
    path: Location,
    source: Nomenclature,
    target: Nomenclature,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
    partial_column: str = "partial",
) -> Correspondence:
    """Read a correspondence table from a CSV file; codes may be spelt in any way.

    The codes stand in the first two columns where no others are named. Where the file has no column
    `partial_column`, a link is partial when its source has other targets. Raises NaceError with
    file, line and column for a code that its nomenclature does not know, a link given twice, and a
    mark that is neither yes nor no.
    """
    table = read_table(path)
    first = source_column or table.columns[0]
    second = target_column or table.columns[min(1, len(table.columns) - 1)]
    table.require((first, second))
    if first == second:
        raise table.error(1, first, "is the only column of codes; a table needs one a version.")
    lines: dict[tuple[str, str], int] = {}
    links = []
    for row in table.rows:
        codes = _code(table, row, first, source), _code(table, row, second, target)
        if codes in lines:
            raise table.error(
                row.line, second, f"{codes[0]} to {codes[1]} is there already, line {lines[codes]}."
            )
        lines[codes] = row.line
        links.append(Link(*codes, _partial(table, row, partial_column)))
    if partial_column not in table.columns:
        links = _splits_are_partial(links)
    return Correspondence(source, target, links)


def _code(table: Table, row: Row, column: str, nomenclature: Nomenclature) -> str:
    code = nomenclature.find(row[column])
    if code is None:
        raise table.error(row.line, column, nomenclature.explain_unknown(row[column]))
    return code


def _partial(table: Table, row: Row, column: str) -> bool:
    mark = row.values.get(column, "").casefold()
    if mark not in _TRUE | _FALSE:
        raise table.error(row.line, column, f"{mark!r} is neither yes nor no; write true or false.")
    return mark in _TRUE


def _splits_are_partial(links: list[Link]) -> list[Link]:
    times = Counter(link.source for link in links)
    return [link._replace(partial=times[link.source] > 1) for link in links]


def _missing(nomenclature: Nomenclature, known: Iterable[str]) -> tuple[str, ...]:
    listed = set(known)
    levels = {nomenclature.level(code) for code in listed}
    at = {code for level in levels for code in nomenclature.codes(level)}
    return tuple(sorted(at - listed))

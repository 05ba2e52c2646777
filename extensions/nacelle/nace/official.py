"""Titles and notes of a nomenclature as rows to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.nomenclature_file import NO_LANGUAGE

Kind = Literal["title", "short title", "included", "within", "prose", "excluded"]


class OfficialRow(NamedTuple):
    """A text that the nomenclature itself gives for a code; language '' where it does not say."""

    text: str
    code: str
    language: str
    kind: Kind


def official_rows(nomenclature: Nomenclature, level: int | None = None) -> list[OfficialRow]:
    """Every official text that stands for one code of a level (the deepest by default), once.

    Kinds: `title` and `short title`; `included`, a bullet of the notes; `within`, a bullet together
    with the one above it (`growing of cereals: wheat`); `prose`, what a sentence of the notes
    includes; `excluded`, what the notes of any code send to this one. A text of a code that has
    several codes of the level below it is not used, since it stands for none of them alone.
    """
    only = _only_codes(nomenclature, level or nomenclature.depth)
    found: dict[tuple[str, str, str], OfficialRow] = {}
    for code in nomenclature:
        for row in _of_code(nomenclature, code):
            if target := only.get(row.code):
                language = "" if row.language == NO_LANGUAGE else row.language
                made = OfficialRow(row.text, target, language, row.kind)
                found.setdefault(made[:3], made)
    return list(found.values())


def _of_code(nomenclature: Nomenclature, code: str) -> Iterator[OfficialRow]:
    for language in nomenclature.languages:
        title = nomenclature.title(code, language)
        if (language, title) in nomenclature.titles(code):
            yield OfficialRow(title, code, language, "title")
    for language, title in nomenclature.titles(code):
        yield OfficialRow(title, code, language, "short title")
    for language in nomenclature.note_languages:
        for bullet in nomenclature.included(code, language):
            kind: Kind = "prose" if bullet.prose else "included"
            yield OfficialRow(bullet.text, code, language, kind)
            if bullet.under:
                yield OfficialRow(bullet.whole, code, language, "within")
        for sent in nomenclature.excluded(code, language):
            if len(sent.codes) == 1:
                yield OfficialRow(sent.text, sent.codes[0], language, "excluded")


def _only_codes(nomenclature: Nomenclature, level: int) -> dict[str, str]:
    """For each code that stands for one code of a level alone, that code."""
    found: dict[str, set[str]] = {}
    for leaf in nomenclature.leaves():
        at = nomenclature.at_level(leaf, level)
        for code in (*nomenclature.ancestors(leaf), leaf):
            found.setdefault(code, set()).add(at)
    return {code: at.pop() for code, at in found.items() if len(at) == 1}

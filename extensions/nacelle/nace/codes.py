"""How a code may be spelt, and what its spelling tells about its version.

Sources: the structure of NACE Rev. 2 and Rev. 2.1 (Eurostat) and of NAF rév. 2 and NAF 2025
(Insee), whose subclasses add a letter to the class: A to F or Z in the former, G, H, J, K, L or Y
in the latter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_INVISIBLE = "\u200b\ufeff"
_LETTER_APART = re.compile(r"(?<=[0-9])\s(?=[A-Z]\Z)")
_MAX_ADDED = 4
_MAX_LOST_ZEROS = 2


@dataclass(frozen=True)
class Family:
    """Versions that share their first four levels: their sizes and their national letters."""

    title: str
    sizes: tuple[int, ...]
    letters: str


# Defaults for the nomenclatures of activities; any other gives its letters when it is loaded.
FAMILIES = (
    Family("NACE Rev. 2 and NAF rév. 2", (21, 88, 272, 615), "ABCDEFZ"),
    Family("NACE Rev. 2.1 and NAF 2025", (22, 87, 287, 651), "GHJKLY"),
)


def family_of(sizes: Sequence[int]) -> Family | None:
    """The family whose numbers of codes at levels 1 to 4 these are, if any."""
    return next((one for one in FAMILIES if tuple(sizes[:4]) == one.sizes), None)


@dataclass(frozen=True)
class Node:
    """What spellings need to know of a code: its official spelling, parent and whether it ends."""

    code: str
    official: str
    parent: str
    leaf: bool


class Spellings:
    """Finds the one code that a spelling means; None rather than a guess.

    1. The code as the file has it, or its official spelling, in upper or lower case, with blanks
       around it.
    2. Dots, where levels end and nowhere else: `01.11` is 0111; `0.111` is nothing.
    3. Zeros lost before a dot: `1.11` is 01.11. Without a dot `111` stays unknown, since it may be
       0111 read as a number or the group 11.1. `1,11`, `10-12` and `10 12` may be lists and are no
       codes.
    4. A national letter after a leaf that is all digits, with or without a blank: `01.11Z` is 0111
       where Z is a letter of this version; the letters of other versions never match.
    5. The letter of a section before a code of that section: `A01.11`; `B01.11` is nothing.
    """

    def __init__(self, nodes: Iterable[Node], letters: str) -> None:
        self._nodes = {node.code: node for node in nodes}
        self._letters = frozenset(letters)
        self._whole = _unambiguous(
            (spelling.upper(), code)
            for code, node in self._nodes.items()
            for spelling in {code, node.official or code}
        )
        bare: dict[str, list[str]] = {}
        for code in self._nodes:
            bare.setdefault(_bare(code), []).append(code)
        self._by_bare = bare
        digits = {code for code in self._nodes if code.isdigit()}
        self._widths = {len(code) for code in digits}
        self._classes = digits - {self._nodes[code].parent for code in digits}
        self._longest = max(map(len, self._whole), default=0) + _MAX_ADDED

    def find(self, spelling: str) -> str | None:
        """The code, or None where the spelling is unknown or could mean two codes."""
        if spelling in self._nodes:
            return spelling
        text = _tidy(spelling)
        if not text or len(text) > self._longest:
            return None
        if text in self._whole:
            return self._whole[text]
        text = _LETTER_APART.sub("", text)
        return (
            self._whole.get(text)
            or self._dotted(text)
            or self._with_letter(text)
            or self._with_section(text)
        )

    def foreign_letter(self, spelling: str) -> Family | None:
        """The family whose national letter ends a spelling that has a class's number of digits.

        It tells that `0111Y` is of another version where only 0111 and 0111Z are known.
        """
        text = _LETTER_APART.sub("", _tidy(spelling))
        if not text or len(text) > self._longest or text[-1] in self._letters or self.find(text):
            return None
        digits = _bare(text[:-1])
        if not digits.isdigit() or len(digits) not in self._widths:
            return None
        return next((one for one in FAMILIES if text[-1] in one.letters), None)

    def lost_zero(self, spelling: str) -> str | None:
        """The class that a number would be with the zeros it may have lost: `111` -> 0111.

        A class is a code of digits with no code of more digits below, a leaf or not.
        """
        text = _tidy(spelling)
        if not (text.isascii() and text.isdigit() and len(text) <= self._longest):
            return None
        padded = ("0" * count + text for count in range(1, _MAX_LOST_ZEROS + 1))
        return next((one for one in padded if one in self._classes), None)

    def _dotted(self, text: str) -> str | None:
        candidates = set(self._at_boundaries(text))
        first = text.split(".", 1)[0]
        if "." in text and first.isdigit():
            for count in range(1, _MAX_LOST_ZEROS + 1):
                candidates |= set(self._at_boundaries("0" * count + text))
        return candidates.pop() if len(candidates) == 1 else None

    def _at_boundaries(self, text: str) -> Iterable[str]:
        """Codes spelt like `text` but for dots, where every dot of it ends an ancestor."""
        parts = text.split(".")
        prefixes = ["".join(parts[:count]) for count in range(1, len(parts))]
        for code in self._by_bare.get("".join(parts), ()):
            if all(parts) and set(prefixes) <= self._ancestors(code):
                yield code

    def _ancestors(self, code: str) -> set[str]:
        found, parent = set(), self._nodes[code].parent
        while parent:
            found.add(_bare(parent))
            parent = self._nodes[parent].parent
        return found

    def _with_letter(self, text: str) -> str | None:
        if text[-1] not in self._letters:
            return None
        code = self._whole.get(text[:-1]) or self._dotted(text[:-1])
        return code if code and code.isdigit() and self._nodes[code].leaf else None

    def _with_section(self, text: str) -> str | None:
        section, rest = text[0], text[1:].lstrip(". ")
        if not section.isalpha() or section not in self._nodes or not rest[:1].isdigit():
            return None
        code = self._whole.get(rest) or self._dotted(rest) or self._with_letter(rest)
        return code if code and self._root(code) == section else None

    def _root(self, code: str) -> str:
        while self._nodes[code].parent:
            code = self._nodes[code].parent
        return code


def own_letters(leaves: Sequence[str], parents: Mapping[str, str]) -> str:
    """Letters that end leaves whose parent is the code without them (0111Z below 0111)."""
    return "".join(
        sorted({one[-1] for one in leaves if one[-1:].isalpha() and parents[one] == one[:-1]})
    )


def _tidy(spelling: str) -> str:
    return spelling.strip().strip(_INVISIBLE).strip().upper()


def _bare(code: str) -> str:
    return code.replace(".", "").upper()


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str | None] = {}
    for spelling, code in pairs:
        found[spelling] = code if found.get(spelling, code) == code else None
    return {spelling: code for spelling, code in found.items() if code is not None}

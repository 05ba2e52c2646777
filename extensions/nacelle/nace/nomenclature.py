"""A hierarchical nomenclature: codes of any form, any number of levels, titles by language."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from nacelle.nace.codes import Family, Node, Spellings, family_of, own_letters
from nacelle.nace.errors import NaceError
from nacelle.nace.files import Location
from nacelle.nace.nomenclature_file import Entry, read_entries
from nacelle.nace.notes import Bullet, Exclusion, Notes


class Nomenclature:
    """One version of a nomenclature; it never changes after it is made.

    Made by `load_nomenclature` or `from_dict`, which hand in entries that fit together: every
    parent is there and is of the level above. A branch may end above the deepest level: its last
    code is then a leaf like the others and stands for itself at every deeper level, so that
    `codes(level)` always divides the leaves completely.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        name: str,
        version: str,
        languages: Sequence[str],
        letters: str | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.languages = tuple(languages)
        self._entries = {entry.code: entry for entry in entries}
        self.depth = max(entry.level for entry in entries)
        children: dict[str, list[str]] = {}
        for entry in entries:
            children.setdefault(entry.parent, []).append(entry.code)
        self._children = {code: tuple(sorted(below)) for code, below in children.items()}
        self._letters = letters
        self.digest = _digest(entries)

    # What it is

    @property
    def label(self) -> str:
        """Name and version for people, e.g. `NACE Rev. 2`."""
        return f"{self.name} {self.version}".strip()

    @property
    def identity(self) -> str:
        """Label and digest of the codes: the same for the same version, whatever its file."""
        return f"{self.label} [{self.digest[:12]}]"

    @property
    def family(self) -> Family | None:
        """The family of activity nomenclatures that it belongs to, if any."""
        return family_of([len(self._of_level(level)) for level in range(1, self.depth + 1)])

    def require_same(self, other: Nomenclature, what: str = "The other") -> None:
        """Raise NaceError unless both hold the same codes: versions never mix."""
        if self.digest != other.digest:
            raise NaceError(
                f"{what} is of {other.label}, and this is {self.label}: the same code may mean"
                " something else in each. Use one version, or carry codes from one to the other"
                " with a correspondence table."
            )

    def __repr__(self) -> str:
        return f"Nomenclature({self.identity}, {len(self)} codes, {self.depth} levels)"

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, code: object) -> bool:
        return code in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nomenclature) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.digest)

    # Where a code stands

    def leaves(self) -> tuple[str, ...]:
        """The codes with nothing below them, sorted: what a text is coded to; C of them."""
        return self.codes(self.depth)

    def codes(self, level: int) -> tuple[str, ...]:
        """The codes of a level (1 = top) and leaves above it, sorted: each leaf is below one."""
        if not 1 <= level <= self.depth:
            raise NaceError(f"{self.label} has the levels 1 to {self.depth}, and no level {level}.")
        return self._by_level[level - 1]

    def level(self, code: str) -> int:
        """The level of a code, from 1 at the top. Raises NaceError where it is unknown."""
        return self._entry(code).level

    def parent(self, code: str) -> str | None:
        """The code above; None at level 1."""
        return self._entry(code).parent or None

    def children(self, code: str) -> tuple[str, ...]:
        """The codes right below, sorted; none below a leaf."""
        return self._children.get(self._entry(code).code, ())

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The codes above, from the top downwards, without the code itself."""
        found = []
        above = self._entry(code).parent
        while above:
            found.append(above)
            above = self._entries[above].parent
        return tuple(reversed(found))

    def descendants(self, code: str) -> tuple[str, ...]:
        """All codes below, sorted, without the code itself."""
        found = list(self.children(code))
        for one in found:
            found.extend(self._children.get(one, ()))
        return tuple(sorted(found))

    def leaves_below(self, code: str) -> tuple[str, ...]:
        """The leaves of a branch, sorted; a leaf's own branch is itself."""
        below = [one for one in self.descendants(code) if one not in self._children]
        return tuple(below) or (code,)

    def at_level(self, code: str, level: int) -> str:
        """The code or its ancestor at a level; a leaf stands for itself at deeper levels.

        Raises NaceError for a code above that level that has codes below it.
        """
        own = self.level(code)
        if level > own and code in self._children:
            raise NaceError(
                f"{code} is of level {own} of {self.label}: it has no single code at level {level}."
            )
        if not 1 <= level <= self.depth:
            raise NaceError(f"{self.label} has the levels 1 to {self.depth}, and no level {level}.")
        return code if level >= own else self.ancestors(code)[level - 1]

    def groups(self, level: int) -> npt.NDArray[np.intp]:
        """For each leaf, in the order of `leaves()`, its position in `codes(level)`; shape (C,)."""
        position = {code: number for number, code in enumerate(self.codes(level))}
        return np.array([position[self.at_level(one, level)] for one in self.leaves()], np.intp)

    # What it says

    def title(self, code: str, language: str = "en") -> str:
        """The title in a language, or in the first of `languages` that has one."""
        titles = self._entry(code).titles
        first = next(titles[one] for one in self.languages if one in titles)
        return titles.get(language, first)

    def titles(self, code: str) -> tuple[tuple[str, str], ...]:
        """All titles as (language, title), the short ones included, each text once a language."""
        entry = self._entry(code)
        found = [(language, title) for language, title in entry.titles.items()]
        found += [(lang, title) for lang, many in entry.short_titles.items() for title in many]
        return tuple(dict.fromkeys(found))

    def notes(self, code: str, language: str = "en") -> Notes:
        """The explanatory notes in a language; empty where there are none."""
        return self._entry(code).notes.get(language, Notes())

    @cached_property
    def note_languages(self) -> tuple[str, ...]:
        """The languages in which at least one code has notes."""
        return tuple(dict.fromkeys(one for entry in self._entries.values() for one in entry.notes))

    def included(self, code: str, language: str = "en") -> tuple[Bullet, ...]:
        """What the notes include and also include, bullet by bullet, without headings."""
        return self.notes(code, language).included()

    def excluded(self, code: str, language: str = "en") -> tuple[Exclusion, ...]:
        """What the notes exclude, bullet by bullet, with the codes that each names."""
        return self.notes(code, language).excluded(self.find)

    # How a code may be spelt

    def find(self, spelling: str) -> str | None:
        """The code that a spelling means, or None: see `codes.Spellings` for what is accepted."""
        return self._spellings.find(spelling)

    def find_leaf(self, spelling: str) -> str | None:
        """The leaf that a spelling means, itself or as the only leaf below what it means.

        None where the spelling may also be a code that lost its zero: `161` is the group 16.1,
        whose only class is 16.10, or 0161 read as a number.
        """
        code = self.find(spelling)
        if code is None or code not in self._children:
            return code
        below = self.leaves_below(code)
        return below[0] if len(below) == 1 and self.lost_zero(spelling) is None else None

    def canonical(self, spelling: str) -> str:
        """The code that a spelling means. Raises NaceError with what it may have meant."""
        code = self.find(spelling)
        if code is None:
            raise NaceError(self.explain_unknown(spelling))
        return code

    def foreign_letter(self, spelling: str) -> Family | None:
        """The family of another version to which the letter that ends this spelling belongs."""
        return self._spellings.foreign_letter(spelling)

    def lost_zero(self, spelling: str) -> str | None:
        """The class that a number would be with the zeros it may have lost (`111`: 0111)."""
        return self._spellings.lost_zero(spelling)

    def explain_unknown(self, spelling: str) -> str:
        """Why a spelling is no code here, and which codes are near: a sentence for people."""
        start = f"{spelling[:40]!r} is no code of {self.label}"
        family = self.foreign_letter(spelling)
        if family:
            return f"{start}: its last letter is one of {family.title}, another version."
        padded = self.lost_zero(spelling)
        if padded:
            return f"{start}: did it lose a zero? {padded} is {self.title(padded)!r}."
        near = difflib.get_close_matches(spelling.strip().upper()[:40], list(self._entries), n=3)
        return f"{start}; near are {', '.join(near)}." if near else f"{start}."

    # Kept with a model

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-able values, for `from_dict`."""
        return {
            "name": self.name,
            "version": self.version,
            "languages": list(self.languages),
            "letters": self._letters,
            "digest": self.digest,
            "entries": [msgspec.to_builtins(entry) for entry in self._entries.values()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Nomenclature:
        """The nomenclature that `to_dict` wrote. Raises NaceError where it was altered."""
        try:
            entries = msgspec.convert(data["entries"], list[Entry])
            made = cls(
                entries,
                name=data["name"],
                version=data["version"],
                languages=data["languages"],
                letters=data["letters"],
            )
            intact = made.digest == data["digest"]
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise NaceError(f"The stored nomenclature is damaged: {error}.") from None
        if not intact:
            raise NaceError("The stored nomenclature was altered: its digest does not fit.")
        return made

    # Inside

    def _entry(self, code: str) -> Entry:
        entry = self._entries.get(code)
        if entry is None:
            raise NaceError(self.explain_unknown(code))
        return entry

    def _of_level(self, level: int) -> list[str]:
        return [code for code, entry in self._entries.items() if entry.level == level]

    @cached_property
    def _by_level(self) -> tuple[tuple[str, ...], ...]:
        def belongs(level: int) -> Callable[[Entry], bool]:
            return lambda one: (
                one.level == level or (one.level < level and one.code not in self._children)
            )

        return tuple(
            tuple(sorted(one.code for one in filter(belongs(level), self._entries.values())))
            for level in range(1, self.depth + 1)
        )

    @cached_property
    def _spellings(self) -> Spellings:
        entries = self._entries.values()
        letters = self._letters
        if letters is None:
            family = self.family
            parents = {entry.code: entry.parent for entry in entries}
            letters = own_letters(self.leaves(), parents) + (family.letters if family else "")
        nodes = (
            Node(one.code, one.official, one.parent, one.code not in self._children)
            for one in entries
        )
        return Spellings(nodes, letters)


def _digest(entries: Sequence[Entry]) -> str:
    """SHA-256 of codes, parents and levels: what two files of one version share."""
    lines = sorted(f"{entry.code}\t{entry.parent}\t{entry.level}\n" for entry in entries)
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def load_nomenclature(
    path: Location,
    *,
    notes: Location | None = None,
    name: str | None = None,
    version: str | None = None,
    letters: str | None = None,
) -> Nomenclature:
    """Read a nomenclature from a CSV file with `code`, `parent`, `level` and `title_<language>`.

    `parent` is empty at level 1, the top. A column `code_dotted` gives the official spelling and
    `title_<language>_<anything>` short titles; `title` alone is in an unknown language. `notes` is
    a second CSV with `code` and `includes_<language>`, `includes_also_<language>`,
    `excludes_<language>`; the first may have these columns too. `name` and `version` come from the
    file's name where they are not given; `letters` are those that nations add to a leaf (`Z` in
    01.11Z), known for NACE and NAF.

    Raises NaceError with file, line and column where a file does not hold together.
    """
    parts = read_entries(path, notes)
    own_name, own_version = parts.name
    made_name = name if name is not None else own_name
    made_version = version if version is not None else own_version
    made = Nomenclature(
        parts.entries,
        name=made_name,
        version=made_version,
        languages=parts.languages,
        letters=letters,
    )
    if made.version:
        return made
    # A code never travels without a version: the content is one where nobody named it.
    return Nomenclature(
        parts.entries,
        name=made_name,
        version=made.digest[:8],
        languages=parts.languages,
        letters=letters,
    )

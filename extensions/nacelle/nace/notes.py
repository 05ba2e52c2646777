"""Explanatory notes: what belongs to a code and what belongs elsewhere, bullet by bullet.

Notes are prose for people. They are read here as the offices publish them: a heading (`This class
includes:`), bullets (`- `), bullets below a bullet (`• `), and at the end of an excluded bullet the
code to which it belongs (`, see 01.19`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

_TOP = re.compile(r"\s*[-\u2013\u2014]\s+(?=\S)")
_BELOW = re.compile(r"\s*[•·*▪◦]\s*(?=\S)")
_UNIT = (
    r"(?:section|division|group|sub-?class|class|groupe|sous-classe|classe"
    r"|abschnitt|abteilung|gruppe|unterklasse|klasse|sezione|divisione|gruppo|categoria"
    r"|sottocategoria)"
)
# How a note names its own unit before it says what belongs to it, or what does not.
_THIS_UNIT = rf"(?:this|cette|ce|diese[rs]?|questa|questo)\s+{_UNIT}"
_OWN = rf"(?:the\s+{_UNIT}|{_THIS_UNIT})\s+"
_HEAD_IN = re.compile(
    rf"{_OWN}(?:(?:also|only|further)\s+)*"
    r"(?:includes?|comprises?|covers?|comprend|inclut|couvre|umfasst|enthält|include|comprende)"
    r"(?:\s+(?:also|only|aussi|également|auch|anche))*\b"
    r"|it\s+includes\b|(?:(?:also|further)\s+)?included\s+(?:is|are)\b",
    re.IGNORECASE,
)
_HEAD_OUT = re.compile(
    rf"{_OWN}(?:excludes?|does\s+not\s+include|ne\s+comprend\s+pas|exclut|umfasst\s+nicht"
    r"|esclude|non\s+comprende|non\s+include)(?:\s+(?:also|aussi|également|auch|anche))*\b",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,;:]*(?:\b(?:for example|such as|e\.g\.|i\.e\.|namely|par exemple|tels? que|telles? que"
    r"|wie|z\.\s?B\.|quali|ad esempio))?[\s,;:.]*\Z",
    re.IGNORECASE,
)
_SEE = (
    r"\b(?:see(?:\s+also)?|(?:(?:is|are)\s+)?classified\s+(?:in|under|to)|cf\.?|voir|siehe|s\.|vgl\."
    r"|vedi)\s+"
)
_CODE = r"(?:[A-Z]{1,2}|[A-Z]?[0-9]+(?:\.[0-9]+)*[A-Z]?)"
_UNITS = (
    r"(?i:(?:section|division|group|sub-?class|class)(?:e?s)?|(?:groupe|(?:sous-)?classe)s?"
    r"|abschnitte?n?|abteilung(?:en)?|gruppen?|(?:unter)?klassen?|sezion[ei]|division[ei]"
    r"|grupp[oi]|class[ei]|(?:sotto)?categori[ae])"
)
_JOIN = r"(?:\s*(?:[,;/\u2013-]|\b(?:and|or|to|et|ou|und|oder|bis|à|e|o|a)\b)\s*)+"
_CODES = rf"(?:{_UNITS}\s+)?{_CODE}(?:{_JOIN}(?:{_UNITS}\s+)?{_CODE})*"
_NAMED = re.compile(
    rf"[\s,;:]*\(?(?i:{_SEE})(?P<codes>{_CODES})"
    # The title of the unit may follow; a condition in brackets is none.
    r"(?:\s*\([A-Z][^()]*\))?\)?[\s.;,]*\Z"
)
# Some notes forget the "see"; only a dotted code is then taken for a reference.
_BARE = re.compile(r"\s*,\s*(?P<codes>[0-9]{2}\.[0-9]{1,2}[A-Z]?)[\s.;]*\Z")
_ANY = re.compile(rf"(?i:{_SEE})(?=\S)|\b[0-9]{{2}}\.[0-9]{{1,2}}[A-Z]?\b")
_ASIDE = re.compile(rf"\s*\((?i:{_SEE})[^()]*\)")
_ELSEWHERE = re.compile(rf"\b(?i:{_SEE})(?:\S+\s+){{0,3}}?[0-9]")
_ONE_CODE = re.compile(rf"\b{_CODE}(?![\w.])")
# Elsewhere "this class" is another class.
_OF_THIS_UNIT = re.compile(rf"\b{_THIS_UNIT}\b", re.IGNORECASE)
# A bullet that ends with one of these says nothing without the bullets below it.
_OPEN_ENDED = frozenset(
    word
    for words in (
        "of for by with in to from on as at and or the a an",
        "de des du par pour avec et",
        "von für durch mit und",
        "di per da con e",
    )
    for word in words.split()
)
_MAX_PROSE = 300
_MIN_LETTERS = 3


class Bullet(NamedTuple):
    """One activity that a note names; `under` is the bullet above it, '' where there is none."""

    text: str
    under: str
    prose: bool = False

    @property
    def whole(self) -> str:
        """The text with the bullet above it: `growing of cereals: wheat`."""
        return f"{self.under}: {self.text}" if self.under else self.text


class Exclusion(NamedTuple):
    """One activity that a note sends elsewhere, and the codes that it names, in their order.

    `codes` is empty where the note names none that can be read for sure.
    """

    text: str
    under: str
    codes: tuple[str, ...]


class Notes(msgspec.Struct, frozen=True, omit_defaults=True):
    """The notes of one code in one language, as published; '' where there are none."""

    includes: str = ""
    includes_also: str = ""
    excludes: str = ""
    rule: str = ""

    def included(self) -> tuple[Bullet, ...]:
        """Every activity that belongs to the code, without headings; each text once."""
        found = {
            text: bullet._replace(text=text)
            for bullet in self._all_included()
            if not _NAMED.search(bullet.text)
            and not _ELSEWHERE.search(bullet.text)
            and (text := _trim(_ASIDE.sub("", bullet.text)))
        }
        return tuple(found.values())

    def excluded(self, find: Callable[[str], str | None]) -> tuple[Exclusion, ...]:
        """Every activity that the notes send elsewhere; `find` turns a spelling into a code.

        A section may say so among what it includes: `milk pasteurising (see 10.51)`.
        """
        sent = [one for one in self._all_included() if _NAMED.search(one.text)]
        bullets = [*_bullets(self.excludes, _HEAD_OUT), *sent]
        return tuple(_exclusion(one, find) for one in bullets)

    def _all_included(self) -> Iterator[Bullet]:
        yield from _bullets(self.includes, _HEAD_IN)
        yield from _bullets(self.includes_also, _HEAD_IN)


def _bullets(note: str, heading: re.Pattern[str]) -> Iterator[Bullet]:
    # `lead` is a heading that says nothing alone ("activities of:"), `above` the last top bullet.
    lead = above = ""
    for line in note.splitlines():
        top, below = _TOP.match(line), _BELOW.match(line)
        if top:
            text = f"{lead} {_trim(line[top.end() :])}".strip()
            above = text if line.rstrip().endswith(":") else ""
            yield from _if_telling(Bullet(text, ""))
        elif below:
            text = _trim(line[below.end() :])
            beginning = above if _is_open_ended(above) else "" if above else lead
            under = "" if beginning else above
            yield from _if_telling(Bullet(f"{beginning} {text}".strip(), under))
        else:
            lead = above = ""
            head = heading.match(line.strip())
            if head:
                text = _first_sentence(line.strip()[head.end() :])
                lead = text if line.rstrip().endswith(":") and _is_open_ended(text) else ""
                yield from _if_telling(Bullet(text, "", True))


def _if_telling(bullet: Bullet) -> Iterator[Bullet]:
    enough = sum(letter.isalpha() for letter in bullet.text) >= _MIN_LETTERS
    if enough and not _is_open_ended(bullet.text):
        yield bullet


def _exclusion(bullet: Bullet, find: Callable[[str], str | None]) -> Exclusion:
    """Cut the reference off a bullet, where it names codes for sure."""
    named = _NAMED.search(bullet.text) or _BARE.search(bullet.text)
    if not named:
        return Exclusion(bullet.text, bullet.under, ())
    rest = _trim(bullet.text[: named.start()])
    codes = [find(one) for one in _ONE_CODE.findall(named["codes"])]
    known = tuple(dict.fromkeys(code for code in codes if code))
    # A bracket left open means that the reference belongs to an example within the text.
    whole = rest.count("(") == rest.count(")")
    alone = not _ANY.search(rest) and not _OF_THIS_UNIT.search(rest)
    if not (whole and alone and None not in codes and rest):
        return Exclusion(bullet.text, bullet.under, ())
    return Exclusion(rest, bullet.under, known)


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[a-z)])\.\s+(?=[A-Z])", text, maxsplit=1)[0]
    sentence = _trim(sentence)
    return sentence if len(sentence) <= _MAX_PROSE else ""


def _is_open_ended(text: str) -> bool:
    words = text.lower().split()
    return bool(words) and words[-1] in _OPEN_ENDED


def _trim(text: str) -> str:
    return _TAIL.sub("", " ".join(text.split())).strip()

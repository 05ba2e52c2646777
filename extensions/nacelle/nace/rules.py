"""Rules that answer before the model does, the heir of Insee's Sicore.

In this order: the expert's rule file, a code typed as text, texts that say nothing, and the
look-up of a text in a reference file. What none of them answers goes to the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.matcher import Matcher
from nacelle.nace.meaningless import why_meaningless
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.rulefile import RuleFile
from nacelle.nace.typedcode import CodeReader

RuleStage = Literal["code", "rule", "look-up", "rejected"]


class RuleAnswer(msgspec.Struct, frozen=True):
    """What a rule says of a text: the stage, the code ('' where rejected) and why, for people."""

    stage: RuleStage
    code: str
    detail: str


def lookup_key(stemmed: str) -> str:
    """The form in which texts are looked up: the different stems, sorted."""
    return " ".join(sorted(set(stemmed.split())))


def unambiguous(stemmed: Sequence[str], codes: Sequence[str]) -> dict[str, str]:
    """Look-up key -> code of reference texts, without keys that have several codes."""
    found: dict[str, str] = {}
    conflicting: set[str] = set()
    for text, code in zip(stemmed, codes, strict=True):
        key = lookup_key(text)
        if key and found.setdefault(key, code) != code:
            conflicting.add(key)
    return {key: code for key, code in found.items() if key not in conflicting}


class _Stored(msgspec.Struct):
    reference: dict[str, str]
    file: RuleFile | None


class Rules:
    """The rules of one model.

    `reference` is what `unambiguous` gives; without it nothing is looked up. Without a rule file
    the other rules still apply. `level` is that of the codes which the model answers, the deepest
    by default: a code typed as text need not be deeper.
    """

    def __init__(
        self,
        nomenclature: Nomenclature,
        reference: Mapping[str, str] | None = None,
        file: RuleFile | None = None,
        level: int | None = None,
    ) -> None:
        self.file = file
        self._reference = dict(reference or {})
        self._matcher = Matcher(file) if file else None
        self._codes = CodeReader(nomenclature, level or nomenclature.depth)

    def answer(
        self, texts: Sequence[str], cleaned: Sequence[str], stemmed: Sequence[str]
    ) -> list[RuleAnswer | None]:
        """The answer for each of n texts, None where the model has to be asked.

        `cleaned` and `stemmed` are what the preprocessor gives for the texts, in their order.
        """
        by_file = self._by_file(texts, cleaned)
        rows = zip(texts, cleaned, stemmed, by_file, strict=True)
        return [found or self._one(text, clean, stems) for text, clean, stems, found in rows]

    def _by_file(self, texts: Sequence[str], cleaned: Sequence[str]) -> list[RuleAnswer | None]:
        if self._matcher is None or self.file is None:
            return [None] * len(texts)
        return [
            RuleAnswer("rule" if rule.code else "rejected", rule.code, self.file.describe(rule))
            if rule
            else None
            for rule in self._matcher.match(texts, cleaned)
        ]

    def _one(self, text: str, cleaned: str, stemmed: str) -> RuleAnswer | None:
        typed = self._codes.read(text, cleaned)
        if typed is not None:
            return RuleAnswer("code" if typed.code else "rejected", typed.code, typed.detail)
        reason = why_meaningless(text, cleaned)
        if reason:
            return RuleAnswer("rejected", "", reason)
        code = self._reference.get(lookup_key(stemmed))
        if code is not None:
            return RuleAnswer("look-up", code, "the reference file has these words under this code")
        return None

    def to_dict(self) -> dict[str, Any]:
        """All rules as JSON-able values, for `from_dict`."""
        stored: dict[str, Any] = msgspec.to_builtins(_Stored(self._reference, self.file))
        return stored

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], nomenclature: Nomenclature, level: int | None = None
    ) -> Rules:
        """The rules that `to_dict` wrote, for the same nomenclature. Raises NaceError otherwise."""
        try:
            stored = msgspec.convert(data, _Stored)
        except msgspec.ValidationError as error:
            raise NaceError(f"The stored rules are damaged: {error}.") from None
        codes = set(stored.reference.values())
        codes |= {rule.code for rule in stored.file.rules if rule.code} if stored.file else set()
        foreign = codes.difference(nomenclature)
        if foreign:
            raise NaceError(
                f"The stored rules give {min(foreign)!r}, which is no code of {nomenclature.label};"
                " they were made for another nomenclature."
            )
        return cls(nomenclature, stored.reference, stored.file, level)

"""Recognises a code that was typed where a description was asked.

1. The text is a code in any spelling, alone or after words such as 'code', 'NACE' or 'APE'.
2. The code is of the level that is answered, or has a single code of that level below.
3. Alone, a number of fewer than three digits is no code, and neither is one that may be a year
   ('2020'): '20.20' and 'code 2020' are.
4. A code that is meant but cannot be used (unknown, of another version, too wide) is not coded by
   its few letters: the reason is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.text import fold

_WORDS = (
    "code codes kode codice nummer numero nace naf ape noga wz sic isic isco coicop ateco onace rev"
    " activite activity"
)
_NUMBER = {"n", "no", "nr"}
_LONGEST = 60
_FEWEST_DIGITS = 3
_YEAR = re.compile(r"(?:19|20)\d\d")
_SIGNS = r"[\s:°º.#=-]*"


@dataclass(frozen=True)
class TypedCode:
    """A code that was typed; `code` is '' where it cannot be used, and `detail` says why."""

    code: str
    detail: str


class CodeReader:
    """Finds the codes of one nomenclature in texts, for a model that answers those of a level."""

    def __init__(self, nomenclature: Nomenclature, level: int) -> None:
        self._nomenclature = nomenclature
        self._level = level
        names = {*_WORDS.split(), *re.findall(r"[^\W\d_]+", fold(nomenclature.name).lower())}
        version = r"\W*".join(re.findall(r"\w+", fold(nomenclature.version)))
        self._names = frozenset(names | _NUMBER)
        words = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
        # 'APE4711F' is one, but the letter of 'N47.11' is a section's.
        words += "".join(rf"|{word}\b" for word in sorted(_NUMBER))
        versions = rf"|{version}(?![\w.])" if version else ""
        self._pattern = re.compile(
            rf"\W*(?P<words>(?:(?:{words})(?![^\W\d_]){_SIGNS}{versions}{_SIGNS})*)"
            r"(?P<code>[^\W\d_]{0,3}\d[\w.\-]*(?:\s[a-z])?)\W*",
            re.IGNORECASE,
        )

    def read(self, text: str, cleaned: str) -> TypedCode | None:
        """The code that a text is, or None where it is something else; `cleaned` is its words."""
        if len(text) > _LONGEST:
            return None
        found = self._pattern.fullmatch(fold(text))
        if found is None:
            return self._unreadable(text, cleaned)
        spelling, named = found["code"].rstrip(".-"), bool(found["words"])
        digits = sum(sign.isdigit() for sign in spelling)
        if not named and (digits < _FEWEST_DIGITS or _YEAR.fullmatch(spelling)):
            return None
        return self._use(spelling, named)

    def _use(self, spelling: str, named: bool) -> TypedCode | None:
        nomenclature = self._nomenclature
        code = nomenclature.find(spelling)
        if code is None:
            # Alone, an unknown spelling is more often a telephone number or 'ISO9001'.
            near = nomenclature.foreign_letter(spelling) or nomenclature.lost_zero(spelling)
            meant = named or near is not None
            reason = nomenclature.explain_unknown(spelling).rstrip(".")
            return TypedCode("", reason) if meant else None
        if nomenclature.level(code) < self._level:
            leaves = nomenclature.leaves_below(code)
            below = sorted({nomenclature.at_level(leaf, self._level) for leaf in leaves})
            if len(below) > 1:
                return TypedCode("", f"{code} is too wide: it has {len(below)} codes below")
            code = below[0]
        return TypedCode(code, f"the code {code} was typed as text")

    def _unreadable(self, text: str, cleaned: str) -> TypedCode | None:
        words = cleaned.split()
        if words and self._names.issuperset(words) and any(map(str.isdigit, text)):
            label = self._nomenclature.label
            return TypedCode("", f"it names a code, and none of {label} can be read in it")
        return None

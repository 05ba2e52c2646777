"""The two languages of the hub's pages. A text is its own key, as with gettext: English in the
templates, French in `nacelle.hub.french`."""

from __future__ import annotations

import re
from typing import Any, Literal, Protocol, cast

from nacelle.hub.french import ENGLISH, FRENCH, VARYING

Language = Literal["en", "fr"]


class InBoth(Protocol):
    """Anything that exists in both languages, e.g. a profile's title."""

    @property
    def en(self) -> str: ...
    @property
    def fr(self) -> str: ...


class Said(str):
    """A sentence in both languages; as a plain string it is the one of `language`."""

    en: str
    fr: str

    def __new__(cls, en: str, fr: str, language: Language = "en") -> Said:
        said = super().__new__(cls, fr if language == "fr" else en)
        said.en, said.fr = en, fr
        return said

    def in_language(self, language: Language) -> Said:
        return Said(self.en, self.fr, language)


def choose_language(accepted: str | None, forced: str = "auto") -> Language:
    """The language for a reader who sent `accepted` as Accept-Language (RFC 9110 12.5.4)."""
    if forced in ("en", "fr"):
        return cast(Language, forced)
    best: tuple[float, Language] = (0.0, "en")
    for item in (accepted or "").lower().split(","):
        tag, _, parameters = item.partition(";")
        primary = tag.strip().split("-")[0]
        if primary in ("en", "fr") and (weight := _weight(parameters)) > best[0]:
            best = (weight, cast(Language, primary))
    return best[1]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def translate(text: str | InBoth, language: Language, **values: Any) -> str:
    """`text` in `language`, `{name}` in it filled from `values`; unknown texts stay as they are."""
    if hasattr(text, "fr"):
        both = cast(InBoth, text)
        found = both.fr if language == "fr" else both.en
    else:
        found = _known(str(text), language)
    return found.format(**values) if values else found


def _known(text: str, language: Language) -> str:
    for pattern, english, french in VARYING:
        if match := re.fullmatch(pattern, text):
            return (french if language == "fr" else english).format(*match.groups())
    return (FRENCH if language == "fr" else ENGLISH).get(text, text)

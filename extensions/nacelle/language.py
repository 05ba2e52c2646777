"""Which of the platform's two languages a reader gets, and texts that exist in both."""

from __future__ import annotations

from typing import Literal, Protocol, cast

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

"""Finds codes by words of their titles and notes.

Words are compared by their stems in each language, so that a plural changes nothing, and each word
counts for itself, so that an unknown one does not empty the result. The last word may be half
typed. Rare words weigh more (inverse document frequency: Sparck Jones, 1972), titles more than
notes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.text import Preprocessor, TextSettings

_TITLE, _NOTE = 3.0, 1.0
_HALF_TYPED = 0.5
_SHORTEST = 3


class Search:
    """An index of one nomenclature; immutable."""

    def __init__(self, nomenclature: Nomenclature, settings: TextSettings) -> None:
        self._nomenclature = nomenclature
        self._languages = settings.languages
        self._preprocessor = Preprocessor(TextSettings(settings.languages))
        self._weights: dict[str, dict[str, float]] = defaultdict(dict)
        for weight, language, code, text in self._texts():
            for stem in self._stems(text, language):
                found = self._weights[stem]
                found[code] = max(found.get(code, 0), weight)

    def find(self, query: str, most: int) -> list[tuple[str, float]]:
        """The codes that fit best with their scores, best first; upper levels before lower ones."""
        exact = self._nomenclature.find(query)
        scores: dict[str, float] = defaultdict(float)
        words = self._preprocessor.clean([query])[0].split()
        for number, word in enumerate(words, 1):
            for code, score in self._word(word, number == len(words)).items():
                scores[code] += score
        if exact is not None:
            scores[exact] = math.inf
        level = self._nomenclature.level
        best = sorted(scores.items(), key=lambda one: (-round(one[1], 6), level(one[0]), one[0]))
        return best[:most]

    def _word(self, word: str, last: bool) -> dict[str, float]:
        """The score of one word for each code that has it, in whatever language."""
        found: dict[str, float] = {}
        stems = {stem for one in self._languages for stem in self._stems(word, one)}
        for stem in stems:
            self._add(found, stem, 1)
        if last and len(word) >= _SHORTEST:
            for stem in [one for one in self._weights if one.startswith(word)]:
                self._add(found, stem, _HALF_TYPED)
        return found

    def _add(self, found: dict[str, float], stem: str, share: float) -> None:
        codes = self._weights.get(stem)
        if not codes:
            return
        rarity = math.log(1 + len(self._nomenclature) / len(codes))
        for code, weight in codes.items():
            found[code] = max(found.get(code, 0), share * weight * rarity)

    def _stems(self, text: str, language: str) -> set[str]:
        cleaned = self._preprocessor.clean([text])
        return set(self._preprocessor.stem(cleaned, [language])[0].split())

    def _texts(self) -> Iterator[tuple[float, str, str, str]]:
        nomenclature = self._nomenclature
        for code in nomenclature:
            for language, title in nomenclature.titles(code):
                yield _TITLE, language, code, title
            for language in nomenclature.note_languages:
                for bullet in nomenclature.included(code, language):
                    yield _NOTE, language, code, bullet.text

"""Finds codes by words of their titles and notes.

Words are compared by their stems in each language, so that a plural changes nothing, and each word
counts for itself, so that an unknown one does not empty the result. The last word may be half
typed, if it is no word as it stands. Rare words weigh more (inverse document frequency: Sparck
Jones, 1972), titles more than notes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

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
        # Weights by code of each stem, and the stems of each word as it is written.
        self._weights: dict[str, dict[str, float]] = defaultdict(dict)
        self._written: dict[str, set[str]] = defaultdict(set)
        kinds, codes, languages, texts = zip(*self._texts(), strict=True)
        cleaned = self._preprocessor.clean(texts)
        stemmed = self._preprocessor.stem(cleaned, languages)
        for weight, code, stems in zip(kinds, codes, stemmed, strict=True):
            for stem in stems.split():
                found = self._weights[stem]
                found[code] = max(found.get(code, 0), weight)
        self._note_words(cleaned, languages)

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
        if last and not found and len(word) >= _SHORTEST:
            # A whole word is meant as it is: its plural must not find something else.
            begun = (of for one, of in self._written.items() if one.startswith(word))
            for stem in {stem for stems in begun for stem in stems}:
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

    def _note_words(self, cleaned: Sequence[str], languages: Sequence[str]) -> None:
        pairs = {
            (word, language)
            for text, language in zip(cleaned, languages, strict=True)
            for word in text.split()
        }
        words, their = zip(*pairs, strict=True)
        for word, stem in zip(words, self._preprocessor.stem(words, their), strict=True):
            # A stop word alone keeps its stem, which is not in the index.
            if stem in self._weights:
                self._written[word].add(stem)

    def _texts(self) -> Iterator[tuple[float, str, str, str]]:
        nomenclature = self._nomenclature
        for code in nomenclature:
            for language, title in nomenclature.titles(code):
                yield _TITLE, code, language, title
            for language in nomenclature.note_languages:
                for bullet in nomenclature.included(code, language):
                    yield _NOTE, code, language, bullet.text

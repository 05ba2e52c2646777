"""Sparse features of a text: its stems, pairs of stems in any order, and pieces of its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from scipy import sparse

from nacelle.nace.bags import ones

# Pairs grow with the square of the length: a long text gives those of its first stems alone.
_PAIRED = 8
_CACHED_WORDS = 200_000
# No word has it: words are letters, side tokens have no blanks.
_AND = " & "


class VocabularySettings(msgspec.Struct, frozen=True):
    """Pieces have `shortest` to `longest` letters, a word's ends counting as one each."""

    shortest: Annotated[int, Meta(ge=1, le=20)] = 2
    longest: Annotated[int, Meta(ge=1, le=20)] = 5
    least_pairs: Annotated[int, Meta(ge=1)] = 2
    least_pieces: Annotated[int, Meta(ge=1)] = 2


class Vocabulary:
    """Which features are known; each has a position. Immutable but for a cache of words."""

    def __init__(self, settings: VocabularySettings, names: Sequence[str]) -> None:
        self.settings = settings
        self.names = tuple(names)
        self._position = {name: position for position, name in enumerate(self.names)}
        self._pieces: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def features(self, cleaned: Sequence[str], stemmed: Sequence[str]) -> sparse.csr_matrix:
        """One row a text, shape (n, F): each feature that stands in it, at length 1.

        Dividing by the root of the number of features makes rows of any length equally long.
        """
        found = ones(self.rows(cleaned, stemmed), len(self))
        counts = np.diff(found.indptr)
        found.data = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        return found

    def rows(self, cleaned: Sequence[str], stemmed: Sequence[str]) -> list[set[int]]:
        """The positions of the features that stand in each text."""
        return [self._row(clean, stems) for clean, stems in zip(cleaned, stemmed, strict=True)]

    def _row(self, cleaned: str, stemmed: str) -> set[int]:
        row: set[int] = set()
        for word in cleaned.split():
            row.update(self._pieces.get(word) or self._pieces_of(word))
        known = self._position
        stems = list(dict.fromkeys(stemmed.split()))
        row.update([known[stem] for stem in stems if stem in known])
        near = sorted(stems[:_PAIRED])
        pairs = map(_AND.join, combinations(near, 2))
        row.update([known[pair] for pair in pairs if pair in known])
        return row

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        found = self._pieces.get(word)
        if found is None:
            positions = map(self._position.get, pieces_of(word, self.settings))
            found = tuple(one for one in positions if one is not None)
            if len(self._pieces) >= _CACHED_WORDS:
                self._pieces.clear()
            self._pieces[word] = found
        return found


def build_vocabulary(
    cleaned: Iterable[str], stemmed: Iterable[str], settings: VocabularySettings
) -> Vocabulary:
    """The features of training texts that stand in as many of them as the settings want."""
    words: Counter[str] = Counter()
    for text in stemmed:
        words.update(set(_words(text)))
    pieces: Counter[str] = Counter()
    for text in cleaned:
        pieces.update({one for word in text.split() for one in pieces_of(word, settings)})
    return Vocabulary(settings, sorted(_kept(words, pieces, settings)))


def _kept(
    words: Mapping[str, int], pieces: Mapping[str, int], settings: VocabularySettings
) -> Iterator[str]:
    for name, count in words.items():
        if _AND not in name or count >= settings.least_pairs:
            yield name
    for name, count in pieces.items():
        if count >= settings.least_pieces:
            yield name


def _words(stemmed: str) -> Iterator[str]:
    """Stems, and pairs of different ones as 'a & b' in the order of the alphabet."""
    stems = list(dict.fromkeys(stemmed.split()))
    yield from stems
    yield from (_AND.join(pair) for pair in combinations(sorted(stems[:_PAIRED]), 2))


def pieces_of(word: str, settings: VocabularySettings) -> list[str]:
    """Runs of letters, '^' before and '$' after the word; marked by '#', as no word is."""
    whole = f"^{word}$"
    return [
        "#" + whole[start : start + length]
        for length in range(settings.shortest, settings.longest + 1)
        for start in range(len(whole) - length + 1)
    ]

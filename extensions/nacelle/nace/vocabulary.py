"""Sparse features of a text: its stems, pairs of stems in any order, and pieces of its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np
from scipy import sparse

# Pairs grow with the square of the length: a long text gives those of its first stems alone.
_PAIRED = 8
_CACHED_WORDS = 200_000


class VocabularySettings(msgspec.Struct, frozen=True):
    """Pieces have `shortest` to `longest` letters, a word's ends counting as one each."""

    shortest: int = 2
    longest: int = 5
    least_pairs: int = 2
    least_pieces: int = 2


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
        rows = [self._row(*pair) for pair in zip(cleaned, stemmed, strict=True)]
        counts = np.fromiter(map(len, rows), np.intp, len(rows))
        ends = np.concatenate([[0], np.cumsum(counts)])
        positions = np.fromiter((one for row in rows for one in row), np.int32, ends[-1])
        values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        return sparse.csr_matrix((values, positions, ends), shape=(len(rows), len(self)))

    def _row(self, cleaned: str, stemmed: str) -> set[int]:
        known = self._position
        row = {known[name] for name in _words(stemmed) if name in known}
        for word in cleaned.split():
            row.update(self._pieces_of(word))
        return row

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        found = self._pieces.get(word)
        if found is None:
            known = self._position
            pieces = set(_pieces(word, self.settings))
            found = tuple(known[piece] for piece in pieces if piece in known)
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
        pieces.update({one for word in text.split() for one in _pieces(word, settings)})
    return Vocabulary(settings, sorted(_kept(words, pieces, settings)))


def _kept(
    words: Mapping[str, int], pieces: Mapping[str, int], settings: VocabularySettings
) -> Iterator[str]:
    for name, count in words.items():
        if "+" not in name or count >= settings.least_pairs:
            yield name
    for name, count in pieces.items():
        if count >= settings.least_pieces:
            yield name


def _words(stemmed: str) -> Iterator[str]:
    """Stems, and pairs of different ones as 'a+b' in the order of the alphabet."""
    stems = list(dict.fromkeys(stemmed.split()))
    yield from stems
    for first, second in combinations(stems[:_PAIRED], 2):
        yield f"{first}+{second}" if first < second else f"{second}+{first}"


def _pieces(word: str, settings: VocabularySettings) -> Iterator[str]:
    """Runs of letters, '^' before and '$' after the word; marked by '#', as no word is."""
    whole = f"^{word}$"
    for length in range(settings.shortest, settings.longest + 1):
        for start in range(len(whole) - length + 1):
            yield "#" + whole[start : start + length]

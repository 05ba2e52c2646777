"""The fastText model: fastText's words, pieces and format, our training.

The library reads the texts, keeps the dictionary and the file; between, its matrices are learnt by
`network.py`, which drops features and knows the hierarchy, and so is right more often than the
library's own training. The `.bin` is an ordinary fastText classifier with softmax outputs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from scipy import sparse

from nacelle.nace.bags import Floats, ones, sums
from nacelle.nace.errors import NaceError
from nacelle.nace.network import Network

LABEL = "__label__"
# In the place of a blank, which would end a label.
_BLANK = "\N{OPEN BOX}"
_PRIME, _BASIS = 16777619, 2166136261
_PAIR = 116049371
_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_END = "</s>"
_CACHED, _CACHED_LENGTH = 200_000, 40


class FastTextSettings(msgspec.Struct, frozen=True):
    """fastText's own parameters: pieces of `minn` to `maxn` letters, hashed into `bucket` rows."""

    minn: Annotated[int, Meta(ge=1, le=20)] = 2
    maxn: Annotated[int, Meta(ge=1, le=20)] = 5
    bucket: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    # Sub-vectors of the product quantization; 0 leaves the numbers as they are.
    dsub: Annotated[int, Meta(ge=0, le=100)] = 2
    # Averages of many features are small; what they are multiplied by to learn at the usual rate.
    scale: Annotated[float, Meta(gt=0)] = 8.0


def label_of(code: str) -> str:
    """How a code is written in fastText's dictionary."""
    return LABEL + code.replace(" ", _BLANK)


def load(path: Path) -> Any:
    """The library's model in a `.bin` file. Raises NaceError where it is none."""
    import fasttext

    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise NaceError(f"{path} is damaged: {error}. Copy the folder again.") from None


def read_dictionary(
    texts: Sequence[str], codes: Sequence[str], dimension: int, settings: FastTextSettings
) -> Any:
    """A model whose dictionary is that of the texts and whose numbers are yet to be learnt."""
    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, code in zip(texts, codes, strict=True):
            file.write(f"{label_of(code)} {text}\n")
        file.flush()
        return fasttext.train_supervised(
            file.name, dim=dimension, epoch=0, minn=settings.minn, maxn=settings.maxn,
            bucket=settings.bucket, wordNgrams=2, loss="softmax", minCount=1, thread=1, verbose=0,
        )  # fmt: skip


class Pieces:
    """Positions that fastText gives to words, their pieces and pairs of neighbours.

    Source: Dictionary::getLine and addWordNgrams of fastText 0.9. Immutable but for a cache.
    """

    def __init__(self, model: Any) -> None:
        self._subwords = model.f.getSubwords
        self._words = len(model.get_words())
        self._bucket = model.f.getArgs().bucket
        self._known: dict[str, tuple[int, list[int]]] = {}
        self._fixed: dict[str, tuple[int, list[int]]] = {}

    @property
    def width(self) -> int:
        """How many positions there are: words, then buckets."""
        return int(self._words + self._bucket)

    def features(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """What fastText averages for each text, shape (n, width): rows add up to 1."""
        found = ones(self.rows(texts), self.width)
        counts = np.diff(found.indptr)
        found.data = np.repeat(1 / np.maximum(counts, 1), counts).astype(np.float32)
        return found

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """The positions of each text, as often as they stand in it."""
        return [self._of(text) for text in texts]

    def words(self, words: Sequence[str]) -> sparse.csr_matrix:
        """A one for each piece of each word, shape (words, width)."""
        return ones([self._subwords(word, "strict")[1] for word in words], self.width)

    def replace(self, word: str, position: int) -> None:
        """Let one position stand for all pieces of a word from now on."""
        self._fixed[word] = _signed_hash(word), [position]

    def _of(self, text: str) -> list[int]:
        fixed, known = self._fixed, self._known
        words = [
            fixed.get(word) or known.get(word) or self._word(word) for word in (*text.split(), _END)
        ]
        found = [position for _, positions in words for position in positions]
        first, bucket = self._words, self._bucket
        pairs = pairwise([mixed for mixed, _ in words])
        return found + [first + ((a * _PAIR + b) & _64) % bucket for a, b in pairs]

    def _word(self, word: str) -> tuple[int, list[int]]:
        if len(self._known) >= _CACHED:
            self._known.clear()
        found = _signed_hash(word), self._subwords(word, "strict")[1]
        if len(word) <= _CACHED_LENGTH:
            self._known[word] = found
        return found


def _signed_hash(word: str) -> int:
    """FNV-1a over signed bytes, as a signed number of 32 bits: what fastText keeps of a word."""
    value = _BASIS
    for byte in word.encode():
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _PRIME) & _32
    return value - (1 << 32) if value >= 1 << 31 else value


def fill(model: Any, network: Network, classes: Sequence[str], dsub: int) -> None:
    """Give a model the learnt numbers; `classes` names the columns of the network."""
    column = {label_of(code): position for position, code in enumerate(classes)}
    order = [column[label] for label in model.get_labels()]
    model.set_matrices(network.embedding, np.ascontiguousarray(network.outer.T[order]))
    if dsub:
        model.quantize(dsub=dsub, qnorm=True)


class FastTextView:
    """A loaded fastText file that scores texts over classes in a given order.

    It sums fastText's rows for many texts at once, with the pieces of each known word summed once:
    several times as quick as asking the library for one text after the other.
    """

    def __init__(self, model: Any, classes: Sequence[str]) -> None:
        row = {label: position for position, label in enumerate(model.get_labels())}
        self._pieces = Pieces(model)
        self._sums = self._with_words(model.get_words(), _rows(model, self._pieces.width))
        # The library's own method refuses where the other matrix is quantized.
        self._outer: Floats = np.array(model.f.getOutputMatrix())[
            [row[label_of(c)] for c in classes]
        ].T

    def _with_words(self, words: Sequence[str], rows: Floats) -> Floats:
        """Rows and, below them, sums of words; the last column counts what is in each."""
        counted = np.hstack([rows, np.ones((len(rows), 1), np.float32)])
        alone = self._pieces.words(words) @ counted
        for position, word in enumerate(words):
            self._pieces.replace(word, len(rows) + position)
        return np.vstack([counted, alone])

    def logits(self, texts: Sequence[str]) -> Floats:
        """Scores of n texts, shape (n, C), whose softmax is fastText's own probabilities."""
        found = sums(self._pieces.rows(texts), self._sums)
        bags: Floats = found[:, :-1] / found[:, -1:]
        return bags @ self._outer


def _rows(model: Any, width: int) -> Floats:
    """All rows of the input matrix, quantized or not, as plain numbers."""
    from fasttext.FastText import fasttext

    vector = fasttext.Vector(model.get_dimension())
    shown = np.array(vector, copy=False)
    rows = np.empty((width, len(shown)), np.float32)
    for position in range(width):
        model.f.getInputVector(vector, position)
        rows[position] = shown
    return rows

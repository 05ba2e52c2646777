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
from typing import Any

import msgspec
import numpy as np
from scipy import sparse

from nacelle.nace.network import Floats, Network

LABEL = "__label__"
_PRIME, _BASIS = 16777619, 2166136261
_PAIR = 116049371
_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_END = "</s>"


class FastTextSettings(msgspec.Struct, frozen=True):
    """fastText's own parameters: pieces of `minn` to `maxn` letters, hashed into `bucket` rows."""

    minn: int = 2
    maxn: int = 5
    bucket: int = 100_000
    # Sub-vectors of the product quantization; 0 leaves the numbers as they are.
    dsub: int = 2
    # Averages of many features are small; what they are multiplied by to learn at the usual rate.
    scale: float = 8.0


def load(path: Path) -> Any:
    """The library's model in a `.bin` file."""
    import fasttext

    return fasttext.load_model(str(path))


def read_dictionary(
    texts: Sequence[str], codes: Sequence[str], dimension: int, settings: FastTextSettings
) -> Any:
    """A model whose dictionary is that of the texts and whose numbers are yet to be learnt."""
    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, code in zip(texts, codes, strict=True):
            file.write(f"{LABEL}{code} {text}\n")
        file.flush()
        return fasttext.train_supervised(
            file.name, dim=dimension, epoch=0, minn=settings.minn, maxn=settings.maxn,
            bucket=settings.bucket, wordNgrams=2, loss="softmax", minCount=1, thread=1, verbose=0,
        )  # fmt: skip


def features(model: Any, texts: Sequence[str]) -> sparse.csr_matrix:
    """What fastText averages for each text, shape (n, words + buckets): rows add up to 1."""
    pieces = _Pieces(model)
    rows = [pieces.of(text) for text in texts]
    counts = np.fromiter(map(len, rows), np.intp, len(rows))
    ends = np.concatenate([[0], np.cumsum(counts)])
    positions = np.fromiter((one for row in rows for one in row), np.int32, ends[-1])
    values = np.repeat(1 / np.maximum(counts, 1), counts).astype(np.float32)
    width = len(model.get_words()) + model.f.getArgs().bucket
    matrix = sparse.csr_matrix((values, positions, ends), shape=(len(rows), width))
    matrix.sum_duplicates()
    return matrix


class _Pieces:
    """Positions that fastText gives to words, their pieces and pairs of neighbours.

    Source: Dictionary::getLine and addWordNgrams of fastText 0.9.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._words = len(model.get_words())
        self._bucket = model.f.getArgs().bucket
        self._known: dict[str, tuple[int, list[int]]] = {}

    def of(self, text: str) -> list[int]:
        words = [self._word(word) for word in (*text.split(), _END)]
        found = [position for _, positions in words for position in positions]
        for (first, _), (second, _) in pairwise(words):
            mixed = (first * _PAIR + second) & _64
            found.append(self._words + mixed % self._bucket)
        return found

    def _word(self, word: str) -> tuple[int, list[int]]:
        if word not in self._known:
            _, positions = self._model.get_subwords(word)
            self._known[word] = _signed_hash(word), [int(position) for position in positions]
        return self._known[word]


def _signed_hash(word: str) -> int:
    """FNV-1a over signed bytes, as a signed number of 32 bits: what fastText keeps of a word."""
    value = _BASIS
    for byte in word.encode():
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _PRIME) & _32
    return value - (1 << 32) if value >= 1 << 31 else value


def fill(model: Any, network: Network, classes: Sequence[str], dsub: int) -> None:
    """Give a model the learnt numbers; `classes` names the columns of the network."""
    column = {code: position for position, code in enumerate(classes)}
    order = [column[label.removeprefix(LABEL)] for label in model.get_labels()]
    model.set_matrices(network.embedding, np.ascontiguousarray(network.outer.T[order]))
    if dsub:
        model.quantize(dsub=dsub, qnorm=True)


class FastTextView:
    """A loaded fastText file that scores texts over classes in a given order."""

    def __init__(self, model: Any, classes: Sequence[str]) -> None:
        labels = [label.removeprefix(LABEL) for label in model.get_labels()]
        row = {code: position for position, code in enumerate(labels)}
        self._model = model
        self._outer: Floats = model.get_output_matrix()[[row[code] for code in classes]].T.copy()

    def logits(self, texts: Sequence[str]) -> Floats:
        """Scores of n texts, shape (n, C), whose softmax is fastText's own probabilities."""
        bags = np.array([self._model.get_sentence_vector(text) for text in texts], np.float32)
        return bags.reshape(len(texts), -1) @ self._outer

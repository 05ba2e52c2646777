"""A shallow network over sparse features of a text, trained by minibatches in NumPy.

Features are averaged into a vector (the bag of fastText), which goes to the output directly and, if
wanted, through one hidden layer beside it. It learns the code at every level of the hierarchy at
once: upper levels lend their rows to rare classes. Dropped features (dropout, Srivastava et al.,
2014) keep short texts from hanging on single words; steps follow Adagrad (Duchi et al., 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta
from scipy import sparse

from nacelle.nace.bags import Floats, sums
from nacelle.nace.errors import NaceError

Integers = npt.NDArray[np.intp]
Progress = Callable[[float], None]

_TINY = np.float32(1e-6)
# The hidden layer's weights move slower than the sparse ones, which each see few rows.
_HIDDEN_RATE = 0.3


class NetworkSettings(msgspec.Struct, frozen=True):
    """Shape and training of a network; `hidden` 0 means no hidden layer."""

    dimension: Annotated[int, Meta(ge=1, le=2000)] = 100
    hidden: Annotated[int, Meta(ge=0, le=5000)] = 0
    epochs: Annotated[int, Meta(ge=1, le=1_000_000)] = 30
    rate: Annotated[float, Meta(gt=0)] = 0.1
    batch: Annotated[int, Meta(ge=1)] = 256
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.6
    hidden_dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.3
    level_weight: Annotated[float, Meta(ge=0)] = 0.3


@dataclass(frozen=True)
class Network:
    """Weights of F features, dimension d, hidden width h (0 without the layer) and C classes.

    Shapes: `embedding` (F, d); `inner` (d, h) and `shift` (h,); `outer` (h + d, C).
    """

    embedding: Floats
    inner: Floats
    shift: Floats
    outer: Floats

    def logits(self, features: sparse.csr_matrix) -> Floats:
        """Scores of n texts, shape (n, C), whose softmax is their probabilities."""
        return self.from_bag(np.asarray(features @ self.embedding, dtype=np.float32))

    def of_rows(self, rows: Sequence[Collection[int]]) -> Floats:
        """Scores (n, C) of texts given as the positions of their features."""
        counts = np.array([len(row) or 1 for row in rows])
        lengths = np.sqrt(counts).astype(np.float32)
        return self.from_bag(sums(rows, self.embedding) / lengths[:, None])

    def from_bag(self, bag: Floats) -> Floats:
        """Scores (n, C) of bags of shape (n, d)."""
        if not self.shift.size:
            return bag @ self.outer
        hidden = np.maximum(bag @ self.inner + self.shift, 0)
        return np.hstack([hidden, bag]) @ self.outer


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis; each row adds up to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result


class _Adagrad:
    """Weights with the sums of their squared gradients."""

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        self._squares = np.full(weights.shape, _TINY, np.float32)

    def step(self, gradient: Floats, rate: float) -> None:
        self._squares += gradient * gradient
        self.weights -= rate * gradient / np.sqrt(self._squares)


class _SparseAdagrad:
    """The embedding: one sum a row, so that rare features take long steps; only met rows move."""

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        self._squares = np.full(len(weights), _TINY, np.float32)

    def step(self, rows: Integers, gradient: Floats, rate: float) -> None:
        self._squares[rows] += np.einsum("ij,ij->i", gradient, gradient) / gradient.shape[1]
        self.weights[rows] -= (rate / np.sqrt(self._squares[rows]))[:, None] * gradient


class _Trainer:
    """The state of one training: weights, their sums and the random numbers."""

    def __init__(
        self, features: int, sizes: Sequence[int], settings: NetworkSettings, seed: int
    ) -> None:
        self.settings = settings
        self.random = np.random.default_rng(seed)
        d, h = settings.dimension, settings.hidden
        self.embedding = _SparseAdagrad(self._normal((features, d), 1 / np.sqrt(d)))
        self.inner = _Adagrad(self._normal((d, h), np.sqrt(2 / d)))
        self.shift = _Adagrad(np.zeros(h, np.float32))
        self.heads = [_Adagrad(np.zeros((h + d, size), np.float32)) for size in sizes]

    def _normal(self, shape: tuple[int, int], scale: float) -> Floats:
        return self.random.standard_normal(shape, dtype=np.float32) * np.float32(scale)

    def _mask(self, shape: tuple[int, ...] | int, dropped: float) -> Floats:
        kept = self.random.random(shape, dtype=np.float32) >= dropped
        return kept.astype(np.float32) / np.float32(1 - dropped)

    def step(
        self, batch: sparse.csr_matrix, targets: list[Integers], weights: Floats, rate: float
    ) -> float:
        """Learn from one batch; its mean loss at the deepest level."""
        settings = self.settings
        rows, local = np.unique(batch.indices, return_inverse=True)
        values = batch.data * self._mask(batch.nnz, settings.dropout)
        seen = sparse.csr_matrix((values, local, batch.indptr), shape=(batch.shape[0], len(rows)))
        bag: Floats = np.asarray(seen @ self.embedding.weights[rows], dtype=np.float32)
        width = settings.hidden
        raw = np.maximum(bag @ self.inner.weights + self.shift.weights, 0)
        mask = self._mask(raw.shape, settings.hidden_dropout)
        top = np.hstack([raw * mask, bag])
        back, loss = self._heads(top, targets, weights, rate)
        from_bag = back[:, width:]
        if width:
            inside = back[:, :width] * mask * (raw > 0)
            from_bag = from_bag + inside @ self.inner.weights.T
            self.inner.step(bag.T @ inside, rate * _HIDDEN_RATE)
            self.shift.step(inside.sum(axis=0), rate * _HIDDEN_RATE)
        gradient = np.asarray(seen.T @ from_bag, dtype=np.float32)
        self.embedding.step(rows, gradient, rate)
        return loss

    def _heads(
        self, top: Floats, targets: list[Integers], weights: Floats, rate: float
    ) -> tuple[Floats, float]:
        """Learn the outputs of each level; what flows back, and the loss at the deepest."""
        n = np.arange(len(top))
        back = np.zeros_like(top)
        loss = 0.0
        for position, (head, target) in enumerate(zip(self.heads, targets, strict=True)):
            error = softmax(top @ head.weights)
            if position == 0:
                loss = float(-np.log(error[n, target] + _TINY).mean())
            error[n, target] -= 1
            share = 1.0 if position == 0 else self.settings.level_weight
            error *= weights[:, None] * np.float32(share / len(top))
            back += error @ head.weights.T
            head.step(top.T @ error, rate)
        return back, loss

    def network(self) -> Network:
        return Network(
            self.embedding.weights, self.inner.weights, self.shift.weights, self.heads[0].weights
        )


def train_network(
    features: sparse.csr_matrix,
    targets: Sequence[Integers],
    sizes: Sequence[int],
    settings: NetworkSettings,
    *,
    seed: int,
    weights: Floats | None = None,
    progress: Progress | None = None,
) -> Network:
    """Learn from n rows: `features` (n, F), and for each level the class of each row.

    The first of `targets`, with as many classes as the first of `sizes`, is what the network will
    answer; the others help. `weights` has the importance of each row (mean 1). Deterministic for a
    seed on one machine with one thread of linear algebra. Raises NaceError where numbers run away.
    """
    n = features.shape[0]
    # What is dropped hangs on the order of a row's features, which the maker need not fix.
    features = features.sorted_indices()
    trainer = _Trainer(features.shape[1], sizes, settings, seed)
    importance = np.ones(n, np.float32) if weights is None else weights
    starts = range(0, n, settings.batch)
    total = settings.epochs * len(starts)
    done = 0
    for _ in range(settings.epochs):
        order = trainer.random.permutation(n)
        for start in starts:
            rows = order[start : start + settings.batch]
            rate = settings.rate * (1 - done / total)
            chosen = [target[rows] for target in targets]
            loss = trainer.step(features[rows], chosen, importance[rows], rate)
            done += 1
        if not np.isfinite(loss):
            raise NaceError(
                f"The training ran away at rate {settings.rate}: no numbers came of it."
                " Train again with a lower rate."
            )
        if progress:
            progress(done / total)
    return trainer.network()

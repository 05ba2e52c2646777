"""A network learns what its features tell, the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from nacelle.nace.errors import NaceError
from nacelle.nace.network import NetworkSettings, softmax, train_network

SMALL = NetworkSettings(dimension=8, epochs=40, rate=0.5, batch=16, dropout=0.0)
# Two features and what both, one or none of them mean: no linear score tells this.
EITHER = sparse.csr_matrix(np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]] * 16, np.float32))
EXACTLY_ONE = np.array([1, 1, 0, 0] * 16, np.intp)


def accuracy(settings: NetworkSettings, seed: int = 0) -> float:
    network = train_network(EITHER, [EXACTLY_ONE], [2], settings, seed=seed)
    return float((network.logits(EITHER).argmax(axis=1) == EXACTLY_ONE).mean())


def test_features_that_tell_the_class_are_learnt() -> None:
    features = sparse.csr_matrix(np.repeat(np.eye(5, dtype=np.float32), 10, axis=0))
    classes = np.repeat(np.arange(5), 10)
    network = train_network(features, [classes], [5], SMALL, seed=0)
    probabilities = softmax(network.logits(features))
    assert (probabilities.argmax(axis=1) == classes).all()
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.max(axis=1).min() > 0.5


def test_the_hidden_layer_learns_what_no_sum_can() -> None:
    deep = NetworkSettings(dimension=8, hidden=32, epochs=200, rate=0.5, batch=16, dropout=0.0)
    assert accuracy(deep) == 1
    assert accuracy(NetworkSettings(dimension=8, epochs=200, rate=0.5, batch=16, dropout=0.0)) < 1


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = (
        train_network(EITHER, [EXACTLY_ONE], [2], SMALL, seed=seed) for seed in (3, 3, 4)
    )
    assert np.array_equal(first.embedding, again.embedding)
    assert not np.array_equal(first.embedding, other.embedding)


def test_rows_without_weight_teach_nothing() -> None:
    features = sparse.csr_matrix(np.ones((20, 1), np.float32))
    classes = np.array([0, 1] * 10, np.intp)
    weights = np.array([2, 0] * 10, np.float32)
    network = train_network(features, [classes], [2], SMALL, seed=0, weights=weights)
    assert (network.logits(features).argmax(axis=1) == 0).all()


def test_an_upper_level_teaches_where_the_class_does_not() -> None:
    # The second feature never comes with a class of its own: only the level above tells it apart.
    features = sparse.csr_matrix(np.eye(2, dtype=np.float32)[[0, 1] * 20])
    classes = np.zeros(40, np.intp)
    above = np.array([0, 1] * 20, np.intp)
    plain = train_network(features, [classes], [1], SMALL, seed=1)
    helped = train_network(features, [classes, above], [1, 2], SMALL, seed=1)
    apart = helped.embedding[0] @ helped.embedding[1]
    assert apart < plain.embedding[0] @ plain.embedding[1] - 0.5


def test_progress_comes_to_its_end() -> None:
    heard: list[float] = []
    train_network(EITHER, [EXACTLY_ONE], [2], SMALL, seed=0, progress=heard.append)
    assert heard == sorted(heard)
    assert len(heard) == SMALL.epochs
    assert heard[-1] == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rate_that_runs_away_is_said() -> None:
    wild = NetworkSettings(dimension=4, epochs=3, rate=1e38)
    with pytest.raises(NaceError, match="lower rate"):
        train_network(EITHER, [EXACTLY_ONE], [2], wild, seed=0)

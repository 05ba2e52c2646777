"""A stored model goes on to answer what it answered when it was made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq

from nacelle.nace.model_folder import FORMAT, read_network, write_network
from nacelle.nace.network import Network
from nacelle.nace.rules import lookup_key
from nacelle.nace.text import Preprocessor
from nacelle.nace.vocabulary import VocabularySettings, pieces_of
from tests.nace.data import DATA

# How each format reads texts. Where this changes, models made before would answer differently
# under the same version, and thresholds proved for them would hold no more: raise FORMAT.
READS = {1: "ac52b7f25e81037c"}


def test_texts_are_read_as_the_format_says() -> None:
    texts = pq.read_table(DATA / "activities_train.parquet", columns=["text"])["text"].to_pylist()
    preprocessor = Preprocessor()
    cleaned = preprocessor.clean(texts)
    stemmed = preprocessor.stem(cleaned)
    words = sorted({word for text in cleaned for word in text.split()})
    pieces = [pieces_of(word, VocabularySettings()) for word in words]
    read = [cleaned, stemmed, [lookup_key(one) for one in stemmed], pieces]
    digest = hashlib.sha256(msgspec.json.encode(read)).hexdigest()[:16]
    assert digest == READS[FORMAT], "models of this format would answer differently: raise FORMAT"


def test_a_network_comes_back_but_for_the_rounding(tmp_path: Path) -> None:
    random = np.random.default_rng(2)

    def drawn(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, dtype=np.float32)

    embedding = drawn(30, 8) * np.float32(10) ** random.integers(-3, 3, (30, 1))
    embedding[4] = 0
    network = Network(embedding, drawn(8, 6), drawn(6), drawn(14, 5))
    names = tuple(f"wörd{i}" for i in range(30))
    write_network(tmp_path / "network.npz", network, names)
    again, again_names = read_network(tmp_path / "network.npz", 5)
    assert again_names == names
    largest = np.abs(embedding).max(axis=1, keepdims=True)
    assert (np.abs(again.embedding - embedding) <= largest / 127 * 0.51 + 1e-9).all()
    assert np.allclose(again.outer, network.outer, rtol=1e-2, atol=1e-3)
    assert np.array_equal(again.shift, network.shift)

"""The fastText file is an ordinary one: the library and Debian's command read what we wrote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nacelle.nace import fasttext_view
from nacelle.nace.classifier import Classifier
from nacelle.nace.fasttext_view import LABEL, FastTextSettings, FastTextView, Pieces
from nacelle.nace.network import Network, softmax
from nacelle.nace.text import Preprocessor

TEXTS = ["grow maiz", "herstell holz nature:01", "manufactur woollen hat", "орган культур"]
CODES = ["0111", "1610", "1419", "9001"]
ASKED = [*TEXTS, "", "maiz maiz unseen wörter", "x", "z" * 300, "nature:02 hat"]
DIMENSION = 16


def filled(dsub: int) -> tuple[Any, Network]:
    """A fastText model with numbers drawn at random, and these numbers."""
    settings = FastTextSettings(bucket=500, dsub=dsub)
    model = fasttext_view.read_dictionary(TEXTS, CODES, DIMENSION, settings)
    width = Pieces(model).width
    random = np.random.default_rng(5)
    network = Network(
        random.standard_normal((width, DIMENSION), dtype=np.float32),
        np.zeros((DIMENSION, 0), np.float32),
        np.zeros(0, np.float32),
        random.standard_normal((DIMENSION, len(CODES)), dtype=np.float32),
    )
    fasttext_view.fill(model, network, CODES, dsub)
    return model, network


def by_library(model: Any, texts: list[str]) -> np.ndarray:
    """fastText's own probabilities, in the order of CODES."""
    rows = []
    for text in texts:
        labels, values = model.predict(text, k=len(CODES))
        found = dict(zip(labels, values, strict=True))
        rows.append([found[LABEL + code] for code in CODES])
    return np.array(rows)


def test_features_are_those_that_the_library_averages() -> None:
    model, network = filled(dsub=0)
    bags = Pieces(model).features(ASKED) @ network.embedding
    library = np.array([model.get_sentence_vector(text) for text in ASKED])
    assert np.allclose(bags, library, atol=1e-5)


@pytest.mark.parametrize("dsub", [0, 2])
def test_the_view_answers_as_the_library_does(dsub: int) -> None:
    model, _ = filled(dsub)
    ours = softmax(FastTextView(model, CODES).logits(ASKED))
    assert np.allclose(ours, by_library(model, ASKED), atol=1e-4)


def test_codes_may_have_blanks() -> None:
    """As in 'A 1'; a blank would end fastText's label."""
    codes = ["A 1", "A 2", "B 1", "B 2"]
    model = fasttext_view.read_dictionary(TEXTS, codes, DIMENSION, FastTextSettings(bucket=50))
    width = Pieces(model).width
    network = Network(
        np.ones((width, DIMENSION), np.float32),
        np.zeros((DIMENSION, 0), np.float32),
        np.zeros(0, np.float32),
        np.tile(np.arange(4, dtype=np.float32), (DIMENSION, 1)),
    )
    fasttext_view.fill(model, network, codes, 0)
    assert np.argsort(FastTextView(model, codes).logits(["grow"])[0]).tolist() == [0, 1, 2, 3]
    assert model.predict("grow")[0] == (fasttext_view.label_of("B 2"),)


def test_what_is_cached_does_not_change_an_answer() -> None:
    model, _ = filled(dsub=0)
    view = FastTextView(model, CODES)
    together = view.logits(ASKED)
    alone = np.vstack([view.logits([text]) for text in reversed(ASKED)])[::-1]
    assert np.allclose(together, alone, atol=1e-5)


def test_the_order_of_classes_is_ours() -> None:
    model, _ = filled(dsub=0)
    assert np.allclose(
        FastTextView(model, CODES[::-1]).logits(ASKED)[:, ::-1],
        FastTextView(model, CODES).logits(ASKED),
        atol=1e-6,
    )


def test_debians_fasttext_reads_the_file_of_a_model(small_model: Path) -> None:
    command = shutil.which("fasttext")
    assert command, "install Debian's package fasttext"
    classifier = Classifier.load(small_model)
    preprocessor = Preprocessor(classifier.text)
    texts = ["Growing of wheat", "Bäckerei", "Computer programming", "Restaurants"]
    stems = preprocessor.stem(preprocessor.clean(texts))
    done = subprocess.run(
        [command, "predict-prob", str(small_model / "fasttext.bin"), "-", "1"],
        input="\n".join(stems) + "\n", capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    lines = [line.split() for line in done.stdout.splitlines()]
    ours = softmax(
        FastTextView(fasttext_view.load(small_model / "fasttext.bin"), classifier.classes).logits(
            stems
        )
    )
    best = [LABEL + classifier.classes[position] for position in ours.argmax(axis=1)]
    assert [label for label, _ in lines] == best
    assert np.allclose([float(value) for _, value in lines], ours.max(axis=1), atol=1e-3)

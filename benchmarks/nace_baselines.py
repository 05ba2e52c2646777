"""The classifier's peers, trained and scored on the same rows.

`python -m benchmarks.nace_baselines FOLDER NOMENCLATURE NAME` learns from train.parquet of the
folder, answers test.parquet and prints the scores as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import numpy.typing as npt

from nacelle.nace.evaluate import evaluate
from nacelle.nace.labelled import Labelled, read_labelled
from nacelle.nace.network import softmax
from nacelle.nace.nomenclature import load_nomenclature
from nacelle.nace.prediction import Answers
from nacelle.nace.rules import lookup_key, unambiguous
from nacelle.nace.text import Preprocessor

LABEL = "__label__"
TUNED = {
    "loss": "ova", "dim": 100, "epoch": 40, "lr": 0.5, "wordNgrams": 2, "minn": 2, "maxn": 5,
    "bucket": 2_000_000,
}  # fmt: skip
# Scores become probabilities by a softmax with the temperature that suits each peer best.
FASTTEXT_TEMPERATURE, SVC_TEMPERATURE = 1.16, 0.1
TUNED_FILE = "fasttext.bin"

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Texts:
    """Texts as the classifier's own preprocessing leaves them, and their codes."""

    cleaned: list[str]
    stemmed: list[str]
    codes: list[str]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.codes)))


def look_up(learn: Texts, test: Texts, folder: Path) -> Answers:
    """A reference file of texts with one code; what is not in it is not answered."""
    reference = unambiguous(learn.stemmed, learn.codes)
    column = {code: position for position, code in enumerate(learn.classes)}
    scores = np.zeros((len(test.codes), len(column)), np.float32)
    found = [reference.get(lookup_key(stems)) for stems in test.stemmed]
    for row, code in enumerate(found):
        if code:
            scores[row, column[code]] = 1
    stages = tuple("look-up" if code else "rejected" for code in found)
    return Answers(learn.classes, scores, stages)  # type: ignore[arg-type]


def fasttext_default(learn: Texts, test: Texts, folder: Path) -> Answers:
    """fastText with its own defaults, on stemmed texts."""
    model = _fasttext(learn)
    return _answers(learn, softmax(_logits(model, learn.classes, test.stemmed)))


def fasttext_tuned(learn: Texts, test: Texts, folder: Path) -> Answers:
    """fastText with one-vs-all loss, bigrams of words and pieces of words; kept for its speed."""
    model = _fasttext(learn, **TUNED)
    model.save_model(str(folder / TUNED_FILE))
    logits = _logits(model, learn.classes, test.stemmed)
    return _answers(learn, softmax(logits / np.float32(FASTTEXT_TEMPERATURE)))


def svc(learn: Texts, test: Texts, folder: Path) -> Answers:
    """TF-IDF of words, their bigrams and pieces of words, and a linear support vector machine."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\S+")
    pieces = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2)
    features = hstack([words.fit_transform(learn.stemmed), pieces.fit_transform(learn.cleaned)])
    model = LinearSVC(C=0.5).fit(features.tocsr(), learn.codes)
    margins = model.decision_function(
        hstack([words.transform(test.stemmed), pieces.transform(test.cleaned)]).tocsr()
    )
    return _answers(learn, softmax((margins / SVC_TEMPERATURE).astype(np.float32)))


BASELINES: dict[str, Callable[[Texts, Texts, Path], Answers]] = {
    "look-up": look_up,
    "fastText default": fasttext_default,
    "fastText tuned": fasttext_tuned,
    "TF-IDF + LinearSVC": svc,
}


def scores(folder: Path, nomenclature_file: str, name: str) -> dict[str, float]:
    """Shares at the deepest level, and the minutes that training and answering took."""
    nomenclature = load_nomenclature(nomenclature_file)
    learn, test = (
        _texts(read_labelled(folder / f"{part}.parquet", nomenclature))
        for part in ("train", "test")
    )
    began = time.monotonic()
    answers = BASELINES[name](learn, test, folder)
    minutes = (time.monotonic() - began) / 60
    found = evaluate(answers, test.codes, nomenclature, resamples=0)
    return {
        "accuracy": list(found.accuracy.values())[-1],
        "top5": found.top5,
        "auto": found.auto_rate["0.90"],
        "ece": found.ece,
        "minutes": minutes,
    }


def _texts(rows: Labelled) -> Texts:
    preprocessor = Preprocessor()
    cleaned = preprocessor.clean(rows.texts)
    return Texts(cleaned, preprocessor.stem(cleaned, rows.languages), rows.codes)


def _fasttext(learn: Texts, **settings: Any) -> Any:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, code in zip(learn.stemmed, learn.codes, strict=True):
            file.write(f"{LABEL}{code} {text}\n")
        file.flush()
        return fasttext.train_supervised(file.name, thread=1, verbose=0, **settings)


def _logits(model: Any, classes: Sequence[str], texts: Sequence[str]) -> Scores:
    row = {label.removeprefix(LABEL): position for position, label in enumerate(model.get_labels())}
    outer = model.get_output_matrix()[[row[code] for code in classes]]
    bags = np.array([model.get_sentence_vector(text) for text in texts], np.float32)
    logits: Scores = bags @ outer.T
    return logits


def _answers(learn: Texts, probabilities: Scores) -> Answers:
    return Answers(learn.classes, probabilities, ("model",) * len(probabilities))


def main(words: Sequence[str]) -> None:
    folder, nomenclature, name = words
    print(json.dumps(scores(Path(folder), nomenclature, name)))


if __name__ == "__main__":
    main(sys.argv[1:])

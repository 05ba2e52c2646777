"""Rows a second, as JSON: `taskset --cpu-list 0 python -m benchmarks.nace_speed WHAT [MODEL]`.

WHAT is `classifier` (MODEL is its folder), `fasttext` (MODEL is a .bin), or `text` (preprocessing
alone). Texts are the real ones, each once, after some others to warm up; five codes a text.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.nace_data import NACE

CODES = 5
WARM_UP = 500
TIMES = 3


def classifier(model: str) -> Callable[[list[str]], Any]:
    """Texts to predictions, as a program that uses the library gets them."""
    from nacelle.nace.classifier import Classifier

    loaded = Classifier.load(Path(model))
    return lambda texts: loaded.predict(texts, k=CODES)


def alone(model: str) -> Callable[[list[str]], Any]:
    """The same preprocessing, and a fastText model."""
    import fasttext

    from nacelle.nace.text import Preprocessor

    loaded, preprocessor = fasttext.load_model(model), Preprocessor()
    return lambda texts: loaded.predict(preprocessor.stem(preprocessor.clean(texts)), k=CODES)


def text() -> Callable[[list[str]], Any]:
    """The preprocessing alone."""
    from nacelle.nace.text import Preprocessor

    preprocessor = Preprocessor()
    return lambda texts: preprocessor.stem(preprocessor.clean(texts))


WHAT = {"classifier": classifier, "fasttext": alone, "text": text}


def rate(work: Callable[[list[str]], Any], texts: list[str]) -> float:
    """Rows a second: the median over parts of the texts."""
    work(texts[:WARM_UP])
    rest = texts[WARM_UP:]
    size = len(rest) // TIMES
    rates = []
    for start in range(0, size * TIMES, size):
        began = time.perf_counter()
        work(rest[start : start + size])
        rates.append(size / (time.perf_counter() - began))
    return statistics.median(rates)


def main(words: Sequence[str]) -> None:
    texts = pd.read_parquet(NACE.data)["text"].sample(frac=1, random_state=1).tolist()
    what, *model = words
    print(json.dumps({"rate": rate(WHAT[what](*model), texts)}))


if __name__ == "__main__":
    main(sys.argv[1:])

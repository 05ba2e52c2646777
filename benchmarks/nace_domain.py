"""The classifier on texts of a source it has not learnt from: `python -m benchmarks.nace_domain`.

Its arguments are a folder with train.parquet and test.parquet, a nomenclature and its notes. It
trains the two views of the default settings, without the other two fits that calibrate them and
without making the result small: both change how sure an answer is, hardly which one it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from nacelle.nace.evaluate import evaluate
from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.fits import TrainSettings
from nacelle.nace.labelled import read_labelled
from nacelle.nace.nomenclature import load_nomenclature
from nacelle.nace.train import train


def main(words: Sequence[str]) -> None:
    folder, nomenclature_file, notes = words
    nomenclature = load_nomenclature(nomenclature_file, notes=notes)
    learn, test = (
        read_labelled(Path(folder) / f"{part}.parquet", nomenclature) for part in ("train", "test")
    )
    settings = TrainSettings(apart=0, fasttext=FastTextSettings(dsub=0))
    classifier = train(learn, nomenclature, settings, workers=1)
    answers = classifier.answer(test.texts, languages=test.languages)
    found = evaluate(answers, test.codes, nomenclature, resamples=0)
    print(json.dumps({"accuracy": list(found.accuracy.values())[-1], "top5": found.top5}))


if __name__ == "__main__":
    main(sys.argv[1:])

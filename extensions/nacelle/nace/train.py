"""Train a classifier: two views fitted on all rows, calibrated by fits that left some rows out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nacelle.nace import fasttext_view
from nacelle.nace.calibrate import cross_fitted, even, fit_calibration
from nacelle.nace.card import about_training
from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import evaluate
from nacelle.nace.evaluation import Evaluation
from nacelle.nace.fits import (
    TrainSettings,
    compression,
    dictionary,
    fit,
    fit_name,
    pack,
    read_fit,
)
from nacelle.nace.labelled import Labelled
from nacelle.nace.network import Network
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.prediction import Answers, Stage
from nacelle.nace.prepare import Prepared, agreement, prepare, split_apart, with_misspelt
from nacelle.nace.rulefile import RuleFile
from nacelle.nace.rules import Rules, lookup_key, unambiguous
from nacelle.nace.text import Preprocessor
from nacelle.nace.views import Views
from nacelle.nace.vocabulary import build_vocabulary
from nacelle.nace.workers import Task, cores, run

Progress = Callable[[float, str], None]

# With fewer texts kept apart, weights fitted to them would say more about chance than the model.
_FEW = 100
_VIEWS = ("network", "fasttext")
_EQUAL = even(len(_VIEWS))
_ALL, _PART = "all rows", "without the rows kept apart"


def train(
    rows: Labelled,
    nomenclature: Nomenclature,
    settings: TrainSettings | None = None,
    *,
    name: str = "nace",
    rule_file: RuleFile | None = None,
    work: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Classifier:
    """A calibrated classifier of labelled rows. Deterministic for a seed and a machine.

    `work` is a folder for finished fits: a training that was interrupted goes on from there.
    `progress` hears the share done and what is going on. Raises NaceError for rows that cannot be
    learnt from.
    """
    settings = settings or TrainSettings()
    settings.check()
    learning = _learning(rows, nomenclature, settings)
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        heard = progress or (lambda share, what: None)
        fits = _fitted(learning, nomenclature, settings, folder, workers or cores(), heard)
        temperature, weights, judged = _calibrated(learning, fits, settings, nomenclature)
        views = _packed(learning.all, fits[_ALL], settings, temperature, weights, heard)
    return Classifier(
        nomenclature,
        learning.all.classes,
        settings.text,
        Rules(nomenclature, learning.reference, rule_file, settings.level),
        views,
        trust=learning.trust,
        name=name,
        card=about_training(rows, nomenclature, settings, learning.counts, judged),
    )


@dataclass(frozen=True)
class _Learning:
    """All rows to learn from, those without the ones kept apart, and those; and the look-up."""

    all: Prepared
    part: Prepared
    apart: Prepared
    counts: dict[str, int]
    reference: dict[str, str]
    trust: float


def _learning(rows: Labelled, nomenclature: Nomenclature, settings: TrainSettings) -> _Learning:
    if len(set(rows.codes)) < 2:
        raise NaceError(
            f"All {len(rows)} rows have the same code: there is nothing to tell apart. Give rows of"
            " at least two codes."
        )
    level = settings.level or nomenclature.depth
    everything, counts = prepare(rows, nomenclature, level, settings.text, settings.rows.official)
    kept, apart = split_apart(everything, settings.apart, settings.seed)
    preprocessor = Preprocessor(settings.text)
    stems = preprocessor.stem(preprocessor.clean(rows.texts), rows.languages)
    return _Learning(
        everything,
        everything.rows(kept),
        everything.rows(apart),
        {**counts, "kept apart": len(apart)},
        unambiguous(stems, rows.codes),
        agreement([lookup_key(stem) for stem in stems], rows.codes),
    )


def _fitted(
    learning: _Learning,
    nomenclature: Nomenclature,
    settings: TrainSettings,
    folder: Path,
    workers: int,
    progress: Progress,
) -> dict[str, dict[str, Path]]:
    """The fit of each view, to all rows and to those without the ones kept apart."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {_ALL: learning.all}
    if len(set(learning.apart.keys)) >= _FEW:
        parts[_PART] = learning.part
    paths = {
        part: {view: folder / fit_name(rows, settings, view) for view in _VIEWS}
        for part, rows in parts.items()
    }
    tasks = [
        Task(f"{view}, {part}", fit, (rows, nomenclature, settings, view, paths[part][view]))
        for view in _VIEWS
        for part, rows in parts.items()
        if not paths[part][view].exists()
    ]
    run(tasks, workers, progress)
    return paths


def _packed(
    rows: Prepared,
    fits: dict[str, Path],
    settings: TrainSettings,
    temperature: float,
    weights: Sequence[float],
    progress: Progress,
) -> Views:
    """The views as they will be saved. Compressing takes a minute: it can be interrupted too."""
    path = fits["fasttext"].with_suffix(f".{temperature:.6f}.bin")
    if not path.exists():
        arguments = (rows, settings, fits["fasttext"], temperature, path)
        if compression(read_fit(fits["fasttext"]), settings):
            run([Task("packing", pack, arguments)], 1, lambda share, what: progress(1.0, what))
        else:
            pack(*arguments, lambda share: None)
    return _views(rows, settings, fasttext_view.load(path), read_fit(fits["network"]), weights)


def _views(
    rows: Prepared,
    settings: TrainSettings,
    model: Any,
    network: Network,
    weights: Sequence[float],
) -> Views:
    learnt = with_misspelt(rows, settings.rows, settings.text, settings.seed)
    vocabulary = build_vocabulary(learnt.cleaned, learnt.stemmed, settings.words)
    return Views(rows.classes, model, vocabulary, network, weights)


def _calibrated(
    learning: _Learning,
    fits: dict[str, dict[str, Path]],
    settings: TrainSettings,
    nomenclature: Nomenclature,
) -> tuple[float, tuple[float, ...], Evaluation | None]:
    """Temperature of the fastText view, weights of both, and the figures on rows kept apart.

    The figures are those of each half by what was fitted to the other: numbers fitted to the very
    rows that they are judged on look better calibrated than they are.
    """
    if _PART not in fits:
        return 1.0, _EQUAL, None
    part, apart = learning.part, learning.apart
    learnt = with_misspelt(part, settings.rows, settings.text, settings.seed)
    model = dictionary(learnt, settings)
    # Not compressed: that takes a minute and hardly moves a score.
    fasttext_view.fill(model, read_fit(fits[_PART]["fasttext"]), part.classes, 0)
    views = _views(part, settings, model, read_fit(fits[_PART]["network"]), _EQUAL)
    scores = views.scores(apart.cleaned, apart.stemmed)
    stage: Stage = "model"
    probabilities = cross_fitted(scores, apart.targets, _halves(apart, settings.seed))
    answers = Answers(apart.classes, probabilities, (stage,) * len(apart))
    truth = [apart.classes[target] for target in apart.targets.tolist()]
    judged = evaluate(answers, truth, nomenclature, resamples=200)
    return *fit_calibration(scores, apart.targets), judged


def _halves(rows: Prepared, seed: int) -> npt.NDArray[np.bool_]:
    """Whether each row is in the first half; texts of the same words are in one."""
    keys = sorted(set(rows.keys))
    drawn = np.random.default_rng(seed).permutation(len(keys)) < len(keys) / 2
    first = dict(zip(keys, drawn.tolist(), strict=True))
    return np.array([first[key] for key in rows.keys], bool)

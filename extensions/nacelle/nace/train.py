"""Train a classifier: two views fitted on all rows, calibrated by fits that left some rows out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nacelle.nace import fasttext_view
from nacelle.nace.calibrate import fit_weights, mix
from nacelle.nace.card import about_training
from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import evaluate
from nacelle.nace.evaluation import Evaluation
from nacelle.nace.fits import TrainSettings, dictionary, fit, fit_name, read_fit
from nacelle.nace.labelled import Labelled
from nacelle.nace.network import Network
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.prediction import Answers, Stage
from nacelle.nace.prepare import Prepared, agreement, prepare, split_apart
from nacelle.nace.rulefile import RuleFile
from nacelle.nace.rules import Rules, lookup_key, unambiguous
from nacelle.nace.text import Preprocessor
from nacelle.nace.views import Views
from nacelle.nace.vocabulary import build_vocabulary
from nacelle.nace.workers import Task, cores, run

Progress = Callable[[float, str], None]

# With fewer rows kept apart, weights fitted to them would say more about chance than the model.
_FEW = 100
_EQUAL = (0.5, 0.5)
_VIEWS = ("network", "fasttext")
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
    learning = _learning(rows, nomenclature, settings)
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        networks = _fitted(learning, nomenclature, settings, folder, workers or cores(), progress)
    temperature, weights, judged = _calibrated(learning, networks, settings, nomenclature)
    views = _views(learning.all, networks[_ALL], settings, temperature, weights)
    return Classifier(
        nomenclature,
        learning.all.classes,
        settings.text,
        Rules(nomenclature, learning.reference, rule_file),
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
    progress: Progress | None,
) -> dict[str, dict[str, Network]]:
    """The network of each view, of all rows and of those without the ones kept apart."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {_ALL: learning.all}
    if len(learning.apart) >= _FEW:
        parts[_PART] = learning.part
    paths = {
        (view, part): folder / fit_name(rows, settings, view)
        for view in _VIEWS
        for part, rows in parts.items()
    }
    tasks = [
        Task(f"{view}, {part}", fit, (parts[part], nomenclature, settings, view, path))
        for (view, part), path in paths.items()
        if not path.exists()
    ]
    run(tasks, workers, progress or (lambda share, what: None))
    return {part: {view: read_fit(paths[view, part]) for view in _VIEWS} for part in parts}


def _views(
    rows: Prepared,
    networks: dict[str, Network],
    settings: TrainSettings,
    temperature: float,
    weights: Sequence[float],
) -> Views:
    """Views of networks that were fitted on the rows; the temperature goes into the `.bin`."""
    model = dictionary(rows, settings)
    cooled = networks["fasttext"]
    cooled.outer[:] /= np.float32(temperature)
    fasttext_view.fill(model, cooled, rows.classes, settings.fasttext.dsub)
    vocabulary = build_vocabulary(rows.cleaned, rows.stemmed, settings.words)
    return Views(rows.classes, model, vocabulary, networks["network"], weights)


def _calibrated(
    learning: _Learning,
    networks: dict[str, dict[str, Network]],
    settings: TrainSettings,
    nomenclature: Nomenclature,
) -> tuple[float, tuple[float, ...], Evaluation | None]:
    """Temperature of the fastText view, weights of both, and the figures on rows kept apart."""
    if _PART not in networks:
        return 1.0, _EQUAL, None
    apart = learning.apart
    views = _views(learning.part, networks[_PART], settings, 1.0, _EQUAL)
    scores = views.scores(apart.cleaned, apart.stemmed)
    alone = fit_weights(scores[-1:], apart.targets)[0]
    scores[-1] *= np.float32(alone)
    weights = fit_weights(scores, apart.targets)
    model: Stage = "model"
    answers = Answers(apart.classes, mix(scores, weights), (model,) * len(apart))
    truth = [apart.classes[target] for target in apart.targets.tolist()]
    return 1 / alone, weights, evaluate(answers, truth, nomenclature, resamples=200)

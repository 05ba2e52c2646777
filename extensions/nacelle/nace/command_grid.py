"""The grid search of `nacelle nace train --grid`: which settings to train with."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from nacelle.nace.command_base import aligned, progress
from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import evaluate
from nacelle.nace.files import read_bytes
from nacelle.nace.fits import TrainSettings, fit, fit_name
from nacelle.nace.folds import word_keys
from nacelle.nace.labelled import Labelled
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.official import official_rows
from nacelle.nace.prepare import prepare
from nacelle.nace.search import Found, search
from nacelle.nace.train import train
from nacelle.nace.trials import Trial, digest_of

_SHOWN = 5


def read_grid(path: Path) -> dict[str, Any]:
    """Lists of values by the names of settings. Raises NaceError where the file is no such JSON."""
    try:
        found = json.loads(read_bytes(path))
    except ValueError as error:
        raise NaceError(f"{path} is no JSON: {error}.") from None
    if not isinstance(found, dict) or not found:
        raise NaceError(
            f'{path} must hold lists of values by setting, such as {{"network.epochs": [20, 30]}}.'
        )
    return found


def search_grid(
    rows: Labelled,
    nomenclature: Nomenclature,
    settings: TrainSettings,
    grid: Mapping[str, Any],
    *,
    folder: Path,
    folds: int,
    workers: int | None,
    track: bool,
) -> Found[TrainSettings]:
    """Cross-validate every combination; with `track` each is a run in MLflow."""
    official = official_rows(nomenclature, settings.level or nomenclature.depth)
    known = word_keys([row.text for row in official], [row.language for row in official])
    # Titles and notes are learnt from too, and are no part of the nomenclature's identity.
    facts = {"nomenclature": nomenclature.identity, "official_digest": digest_of(known)}
    with progress("search") as tell:
        return search(
            rows,
            settings,
            grid,
            partial(score, nomenclature=nomenclature),
            folder=folder,
            folds=folds,
            seed=settings.seed,
            workers=workers,
            known=set(known) if settings.rows.official else (),
            facts=facts,
            track=track,
            progress=tell,
        )


def score(
    settings: TrainSettings, learnt: Labelled, tested: Labelled, *, nomenclature: Nomenclature
) -> dict[str, float]:
    """Fit both views, neither calibrated nor compressed, and judge them on the rows tested."""
    plain = msgspec.structs.replace(settings.fasttext, dsub=0)
    settings = msgspec.structs.replace(settings, apart=0.0, fasttext=plain)
    level = settings.level or nomenclature.depth
    rows, _ = prepare(learnt, nomenclature, level, settings.text, settings.rows.official)
    with tempfile.TemporaryDirectory() as folder:
        # Fitted here: a trial is a process already, and `train` takes up what is finished.
        for view in ("network", "fasttext"):
            path = Path(folder) / fit_name(rows, settings, view)
            fit(rows, nomenclature, settings, view, path, lambda share: None)
        classifier = train(learnt, nomenclature, settings, work=Path(folder))
    answers = classifier.answer(tested.texts, languages=tested.languages, side=tested.side)
    found = evaluate(answers, tested.codes, nomenclature, resamples=0)
    return {
        "accuracy": found.accuracy[str(found.depth)],
        "top5": found.top5,
        "macro_f1": found.macro_f1,
        "auto_rate_0.90": found.auto_rate["0.90"],
    }


def about_search(
    found: Found[TrainSettings], grid: Mapping[str, Any], folds: int
) -> dict[str, Any]:
    """What was tried, best first, as JSON-able values."""
    trials = [
        {"chosen": one.chosen, "mean": one.mean(), "sd": one.sd(), "error": one.error}
        for one in found.trials
    ]
    return {"grid": dict(grid), "folds": folds, "trials": trials}


def best_trials(found: Found[TrainSettings]) -> str:
    """The best few as a small table."""
    lines = [_line(one) for one in found.trials[:_SHOWN]]
    return f"The best of {len(found.trials)} settings tried:\n{aligned(lines)}"


def _line(trial: Trial) -> tuple[str, str]:
    chosen = ", ".join(f"{name}={value}" for name, value in trial.chosen.items())
    if trial.error:
        return chosen, f"failed: {trial.error}"
    mean, sd = trial.mean()["accuracy"], trial.sd()["accuracy"]
    return chosen, f"accuracy {mean:.1%} (sd {sd:.1%} between folds)"

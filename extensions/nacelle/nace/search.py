"""Grid search with cross-validation: in parallel, interruptible, and taken up where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from nacelle.nace.bar import Progress, bar
from nacelle.nace.card import code_version
from nacelle.nace.errors import NaceError
from nacelle.nace.folds import Integers, make_folds, some_rows, word_keys
from nacelle.nace.grid import combinations, flat
from nacelle.nace.labelled import Labelled
from nacelle.nace.trialruns import TrialRuns, required
from nacelle.nace.trials import FoldResult, Trial, TrialFolder, checked, digest_of, write_json
from nacelle.nace.workers import Report, Task, cores, run

S = TypeVar("S", bound=msgspec.Struct)
FitAndScore = Callable[[S, Labelled, Labelled], Mapping[str, float]]


@dataclass(frozen=True)
class Found(Generic[S]):
    """What a search found: its trials, best first, and the settings of the best."""

    trials: tuple[Trial, ...]
    best: S
    folder: Path


@dataclass(frozen=True)
class _Plan(Generic[S]):
    """What is to be run, and under which names its results are kept."""

    rows: Labelled
    folds: Integers
    score: FitAndScore[S]
    settings: dict[str, S]
    chosen: dict[str, dict[str, Any]]
    identity: str
    facts: dict[str, str]

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.folds.max()) + 1


def search(
    rows: Labelled,
    settings: S,
    grid: Mapping[str, Sequence[Any]],
    score: FitAndScore[S],
    *,
    folder: Path,
    metric: str = "accuracy",
    folds: int = 5,
    seed: int = 1,
    workers: int | None = None,
    known: Collection[str] = (),
    facts: Mapping[str, str] | None = None,
    track: bool = False,
    experiment: str | None = None,
    progress: Progress | None = None,
) -> Found[S]:
    """Try every combination of the grid on every fold; the trials, best mean of `metric` first.

    `grid` has lists of values by the names of settings, with dots for fields of fields.
    `score(settings, learnt, tested)` fits and gives figures; it runs in processes of its own
    (`workers` at a time), so it is a function that a module can import, or a `partial` of one.

    `folder` keeps a file for each finished fit: the same search, started again after an
    interruption or with a larger grid, runs only what is missing. The same means: settings, rows,
    folds, `seed`, code, and `facts`, which name what else the score depends on. `known` are word
    keys never tested (see `make_folds`). With `track`, each trial is a child run in MLflow.

    Raises NaceError for a grid that does not fit, too few rows, a `metric` that is not among the
    figures, or when every trial failed. A trial that fails is listed last, with its error, and
    tried again next time.
    """
    plan = _plan(rows, settings, grid, score, folds, seed, known, facts or {})
    store = TrialFolder(folder)
    with store.locked():
        for digest in plan.settings:
            store.forget_failures(digest, plan.count)
        runs = TrialRuns(store, f"search of {len(plan.settings)} settings", experiment)
        if track:
            about = {"grid": {name: list(values) for name, values in grid.items()}, "seed": seed}
            runs.open(plan.identity, plan.facts, {**about, "folds": folds, "metric": metric})
        with bar("search") if progress is None else nullcontext(progress) as tell:
            conduct = _Conductor(plan, store, runs if track else None, metric, tell)
            conduct.run(workers or cores())
    best = conduct.best()
    return Found(tuple(conduct.trials()), plan.settings[best.digest], folder)


def _plan(
    rows: Labelled,
    settings: S,
    grid: Mapping[str, Sequence[Any]],
    score: FitAndScore[S],
    folds: int,
    seed: int,
    known: Collection[str],
    facts: Mapping[str, str],
) -> _Plan[S]:
    keys = word_keys(rows.texts, rows.languages)
    fold_of_row = make_folds(keys, rows.codes, folds, seed=seed, known=known)
    function = _name_of(score)
    told = {
        **facts,
        "data_digest": rows.digest(),
        "code_version": code_version(),
        "scored_by": function,
    }
    identity = digest_of(told, fold_of_row.tolist())
    tried = combinations(settings, grid)
    digests = [digest_of(identity, made) for _, made in tried]
    return _Plan(
        rows,
        fold_of_row,
        score,
        {digest: made for digest, (_, made) in zip(digests, tried, strict=True)},
        {digest: chosen for digest, (chosen, _) in zip(digests, tried, strict=True)},
        identity,
        told,
    )


def _name_of(score: Callable[..., Any]) -> str:
    """Where the function is defined. Raises NaceError where no other process could import it."""
    function = getattr(score, "func", score)
    name = f"{function.__module__}.{function.__qualname__}"
    if function.__module__ == "__main__" or "<" in name:
        raise NaceError(
            f"{name} cannot run in a process of its own: write the function into a .py file and"
            " import it from there."
        )
    return name


class _Conductor(Generic[S]):
    """Runs what is missing of a plan and takes each trial in as it is finished."""

    def __init__(
        self,
        plan: _Plan[S],
        store: TrialFolder,
        runs: TrialRuns | None,
        metric: str,
        tell: Progress,
    ) -> None:
        self._plan = plan
        self._store = store
        self._runs = runs
        self._metric = metric
        self._tell = tell
        self._finished: dict[str, Trial] = {}
        self._results: dict[tuple[str, int], FoldResult] = {}
        self._problem: NaceError | None = None

    def run(self, workers: int) -> None:
        """Run all fits that have no result yet; whatever happens, what is finished is kept."""
        status = "FAILED"
        try:
            self._take_in()
            run(self._tasks(), workers, lambda _, what: self._take_in())
            self._take_in()
            status = "FINISHED" if self._any_good() else "FAILED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            self._end(status)
        if self._problem:
            raise required(self._problem, self._store.folder)

    def trials(self) -> list[Trial]:
        """Finished trials: by falling mean of the metric, those that failed last."""
        order = [one for one in self._plan.settings if one in self._finished]
        found = [self._finished[one] for one in order]
        return sorted(found, key=lambda one: -one.mean().get(self._metric, -np.inf))

    def best(self) -> Trial:
        """The best trial. Raises NaceError where all failed."""
        first = self.trials()[0]
        if first.error:
            raise NaceError(
                f"All {len(self._finished)} trials failed; the first with: {first.error} All are in"
                f" {self._store.folder / 'results.csv'}."
            )
        return first

    def _any_good(self) -> bool:
        return any(not one.error for one in self._finished.values())

    def _tasks(self) -> list[Task]:
        plan = self._plan
        missing = [
            (digest, fold)
            for digest in plan.settings
            for fold in range(plan.count)
            if (digest, fold) not in self._results
        ]
        return [
            Task(
                f"trial {digest}, fold {fold + 1}",
                run_fold,
                (
                    plan.score,
                    plan.settings[digest],
                    plan.rows,
                    plan.folds,
                    fold,
                    self._store.fold_path(digest, fold),
                ),
            )
            for digest, fold in missing
        ]

    def _take_in(self) -> None:
        """Look which fits are finished since the last time, and say how far it is."""
        plan = self._plan
        before = len(self._results)
        for digest in plan.settings:
            if digest in self._finished:
                continue
            for fold in range(plan.count):
                if (digest, fold) not in self._results:
                    found = self._store.finished(digest, fold)
                    if found:
                        self._results[digest, fold] = found
            if all((digest, fold) in self._results for fold in range(plan.count)):
                self._finish(digest)
        if len(self._results) != before or not before:
            self._tell(len(self._results) / (len(plan.settings) * plan.count), self._words())

    def _finish(self, digest: str) -> None:
        plan = self._plan
        results = tuple(self._results[digest, fold] for fold in range(plan.count))
        trial = Trial(digest, plan.chosen[digest], flat(plan.settings[digest]), results)
        figures = trial.mean()
        if figures and self._metric not in figures:
            raise NaceError(
                f"The search is to choose by {self._metric!r}, which is not among the figures:"
                f" {', '.join(figures)}."
            )
        self._finished[digest] = trial
        self._store.write_tables(self.trials())
        if self._runs and not self._problem:
            try:
                self._runs.log(trial)
            except NaceError as problem:
                # The fits took long and the server may come back: they go on without it.
                self._problem = problem

    def _end(self, status: str) -> None:
        trials = self.trials()
        if trials:
            self._store.write_tables(trials)
        if self._runs and not self._problem:
            try:
                self._runs.close(status, trials)
            except NaceError as problem:
                self._problem = problem

    def _words(self) -> str:
        total = len(self._plan.settings) * self._plan.count
        said = f"{len(self._results)} of {total} fits"
        trials = self.trials()
        if not trials or trials[0].error:
            return said
        chosen = ", ".join(f"{name}={value}" for name, value in trials[0].chosen.items())
        return f"{said}; best {self._metric} {trials[0].mean()[self._metric]:.4g} with {chosen}"


def run_fold(
    score: FitAndScore[S],
    settings: S,
    rows: Labelled,
    folds: Integers,
    fold: int,
    path: Path,
    report: Report,
) -> None:
    """Fit on all other folds, score on this one, and write what came of it to `path`."""
    start = time.monotonic()
    learnt = some_rows(rows, np.flatnonzero(folds != fold))
    tested = some_rows(rows, np.flatnonzero(folds == fold))
    metrics, error = {}, ""
    try:
        metrics = checked(score(settings, learnt, tested))
    except Exception as problem:
        # One combination that cannot be fitted must not end the others.
        said = str(problem) or type(problem).__name__
        error = said if isinstance(problem, NaceError) else f"{type(problem).__name__}: {said}"
    write_json(path, FoldResult(metrics, time.monotonic() - start, error))

"""The runs of a search in MLflow: one for the search, a child for each trial, never two for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.interrupts import postponed
from nacelle.nace.tracking import experiment_id, tracking
from nacelle.nace.trials import RunLink, Trial, TrialFolder, write_json

_TRIAL = "nacelle.trial"
_PARENT = "mlflow.parentRunId"
_LONGEST_TAG = 5000
_LONGEST_NAME = 120
_PAGE = 1000


class _Search(msgspec.Struct, frozen=True):
    """The run of a search: of which data, code and folds, and where."""

    identity: str
    link: RunLink


class TrialRuns:
    """Logs the trials of one search; a search that is taken up again goes on in its own run.

    The tag `nacelle.trial` on a child says which trial it is: what the server holds is the truth,
    even where this process was killed before it could write down the child's id.
    """

    def __init__(self, folder: TrialFolder, title: str, experiment: str | None) -> None:
        self._folder = folder
        self._title = title
        self._experiment = experiment
        self._known: dict[str, Any] = {}
        self._facts: dict[str, str] = {}
        self._parent: Any = None

    @property
    def _path(self) -> Path:
        return self._folder.folder / "mlflow.json"

    def open(self, identity: str, facts: Mapping[str, str], about: Mapping[str, Any]) -> None:
        """Start the run of the search, or take it up where `identity` had one.

        `facts` become tags of it and its children, `about` the file `search.json`. Raises NaceError
        where MLflow does not answer.
        """
        self._facts = dict(facts)
        with postponed(), tracking("open the run of the search") as mlflow:
            run_id = self._earlier(mlflow, identity)
            self._parent = mlflow.start_run(
                run_id=run_id,
                experiment_id=None if run_id else experiment_id(mlflow, self._experiment),
                run_name=None if run_id else self._title,
                nested=True,
                tags=self._facts,
            ).info
            try:
                link = RunLink(str(mlflow.get_tracking_uri()), str(self._parent.run_id))
                write_json(self._path, _Search(identity, link))
                mlflow.log_dict(dict(about), "search.json")
                self._known = self._children(mlflow) if run_id else {}
            except BaseException:
                mlflow.end_run("FAILED")
                raise

    def log(self, trial: Trial) -> None:
        """Log a trial as a child, unless it was."""
        with postponed(), tracking(f"log the trial {trial.digest}") as mlflow:
            known = self._known.get(trial.digest)
            if known is None or known.status != "FINISHED":
                known = self._write(mlflow, trial, known.run_id if known else None)
                self._known[trial.digest] = known
            link = RunLink(str(mlflow.get_tracking_uri()), str(known.run_id))
            if self._folder.link(trial.digest) != link:
                self._folder.write_link(trial.digest, link)

    def close(self, status: str, trials: Sequence[Trial]) -> None:
        """End the run of the search: the best trial as its figures, the table of results."""
        with postponed(), tracking("close the run of the search") as mlflow:
            best = trials[0] if trials else None
            if best and best.mean():
                mlflow.log_metrics(_with_sd(best))
                mlflow.set_tags({f"best.{name}": _short(one) for name, one in best.chosen.items()})
            if trials:
                mlflow.log_artifact(str(self._folder.folder / "results.csv"))
            mlflow.end_run(status)

    def _write(self, mlflow: Any, trial: Trial, run_id: str | None) -> Any:
        tags = {**self._facts, _TRIAL: trial.digest}
        if trial.error:
            tags["error"] = _short(trial.error)
        run = mlflow.start_run(
            run_id=run_id,
            experiment_id=None if run_id else self._parent.experiment_id,
            run_name=None if run_id else _name(trial),
            nested=True,
            tags=tags,
        )
        try:
            mlflow.log_params({**trial.settings, "folds": len(trial.results)})
            mlflow.log_metrics({**_with_sd(trial), "seconds": trial.seconds})
        except BaseException:
            mlflow.end_run("FAILED")
            raise
        mlflow.end_run("FAILED" if trial.error else "FINISHED")
        return mlflow.get_run(run.info.run_id).info

    def _earlier(self, mlflow: Any, identity: str) -> str | None:
        """The run of this search, where it had one on this server that still is."""
        from mlflow.exceptions import MlflowException

        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Search)
        except (OSError, msgspec.DecodeError):
            return None
        if found.identity != identity or found.link.tracking_uri != str(mlflow.get_tracking_uri()):
            return None
        try:
            run = mlflow.get_run(found.link.run_id)
        except MlflowException:
            return None
        return found.link.run_id if run.info.lifecycle_stage == "active" else None

    def _children(self, mlflow: Any) -> dict[str, Any]:
        """What the server has of each trial of this search."""
        client, token, found = mlflow.MlflowClient(), None, {}
        while True:
            page = client.search_runs(
                [self._parent.experiment_id],
                f"tags.`{_PARENT}` = '{self._parent.run_id}'",
                max_results=_PAGE,
                page_token=token,
            )
            for run in page:
                found[run.data.tags.get(_TRIAL, "")] = run.info
            token = page.token
            if not token:
                return found


def _with_sd(trial: Trial) -> dict[str, float]:
    return {**trial.mean(), **{f"{name}_sd": value for name, value in trial.sd().items()}}


def _name(trial: Trial) -> str:
    words = ", ".join(f"{name}={value}" for name, value in trial.chosen.items())
    return words[:_LONGEST_NAME] or "settings as they are"


def _short(value: Any) -> str:
    return str(value)[:_LONGEST_TAG]


def required(problem: NaceError, folder: Path) -> NaceError:
    """The error of a search whose trials could not be logged."""
    return NaceError(
        f"{problem} The trials that were run are in {folder}: start the same search again and they"
        " are logged without being run again."
    )

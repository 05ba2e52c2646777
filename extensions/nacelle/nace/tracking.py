"""MLflow, with errors for people: who was asked for what, and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nacelle.nace.errors import NaceError

_QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_QUIET = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_UV_AUTO_DETECT": "false"}
_SHOWN = 300
_LOGIN = re.compile(r"//[^/@\s]+@")


@contextmanager
def tracking(doing: str) -> Iterator[Any]:
    """The module mlflow, whose server answers; what fails inside becomes a NaceError.

    `doing` ends the sentence "MLflow could not ...".
    """
    # Late: it takes two seconds, and nothing else here needs it.
    import mlflow

    try:
        with _environment(_QUICK):
            mlflow.MlflowClient().search_experiments(max_results=1)
    except _failures() as error:
        raise NaceError(
            f"MLflow cannot be used at {_address(mlflow)} ({_asked()}), so it could not {doing}:"
            f" {_reason(error)} Look whether the address is right, the server runs and lets you in."
        ) from None
    try:
        # Neither bars among our lines, nor the lock file of the folder somebody happens to be in.
        with _environment(_QUIET):
            yield mlflow
    except _failures() as error:
        raise NaceError(
            f"MLflow at {_address(mlflow)} could not {doing}: {_reason(error)}"
        ) from None


def experiment_id(mlflow: Any, name: str | None) -> str | None:
    """The id of the experiment of that name, which is made where there is none.

    Without a name it is None, by which MLflow means the one that the caller has set.
    """
    if name is None:
        return None
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        return str(mlflow.create_experiment(name))
    if found.lifecycle_stage != "active":
        raise NaceError(
            f"The experiment {name!r} was deleted. Choose another name, or restore it:"
            f" mlflow experiments restore --experiment-id {found.experiment_id}"
        )
    return str(found.experiment_id)


@contextmanager
def open_run(mlflow: Any, experiment: str | None = None) -> Iterator[str]:
    """The id of the active run, which stays open, or of a new one, which is closed after."""
    active = mlflow.active_run()
    if active:
        yield str(active.info.run_id)
        return
    with mlflow.start_run(experiment_id=experiment_id(mlflow, experiment)) as run:
        yield str(run.info.run_id)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set what the user has not set, for a while."""
    missing = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _failures() -> tuple[type[BaseException], ...]:
    """What MLflow, its server and its stores raise."""
    from botocore.exceptions import BotoCoreError, ClientError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # The errors of requests are OSErrors.
    return MlflowException, SQLAlchemyError, BotoCoreError, ClientError, OSError


def _address(mlflow: Any) -> str:
    """Where MLflow is, without the password that an address may hold."""
    return _LOGIN.sub("//", str(mlflow.get_tracking_uri()))


def _asked() -> str:
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return "MLFLOW_TRACKING_URI" if given else "MLFLOW_TRACKING_URI is not set"


def _reason(error: BaseException) -> str:
    """The first lines of an error as a sentence, short enough to be read."""
    text = _LOGIN.sub("//", " ".join(str(error).split()))
    cut = text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
    return cut if cut.endswith((".", "…")) else f"{cut}."

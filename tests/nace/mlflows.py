"""MLflow on a database of its own, without a server."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import mlflow
import pytest


@cache
def _empty() -> Path:
    """A database with its tables, which take seconds to make; copied by those who need one."""
    path = Path(tempfile.mkdtemp()) / "empty.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def database(folder: Path) -> str:
    """The address of a fresh MLflow whose files are in the folder."""
    shutil.copyfile(_empty(), folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.MlflowClient(uri).create_experiment("test", str(folder / "artifacts"))
    return uri


@contextmanager
def fresh_mlflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Tracking in a folder, with the experiment `test` set; forgotten at the end."""
    # Experiments made by name keep their files below the folder where MLflow was first asked.
    monkeypatch.chdir(folder)
    uri = database(folder)
    # For the processes that a test starts, too; `set_experiment` could not be undone.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "test")
    mlflow.set_tracking_uri(uri)
    try:
        yield uri
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        forget_address()


def forget_address() -> None:
    """As in a new process: an address once given would outlive the test, before the variable's."""
    mlflow.set_tracking_uri(None)

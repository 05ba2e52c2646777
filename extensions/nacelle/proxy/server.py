"""MLflow's application behind the guard; what uvicorn runs in each worker."""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.proxy.guard import Guard
from nacelle.secrets import read_secret
from nacelle.settings import load_settings

_PR_SET_PDEATHSIG = 1


def application() -> Guard:
    """Build the application. The environment of `tracking.start_environment` must be set."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        log_to_stdout("mlflow")
        _end_with(parent.pid)
    # MLflow reads its environment while it is imported, so not before this point.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import fastapi_app, handlers

        from nacelle.proxy.artifacts import register_artifacts
        from nacelle.proxy.stores import register_stores

    register_stores()
    register_artifacts()
    layout = Layout(load_settings())
    with _alone(layout.folder("mlflow") / "start.lock"):
        # The first to come makes or changes the database.
        handlers.initialize_backend_stores(
            os.environ["_MLFLOW_SERVER_FILE_STORE"],
            os.environ["_MLFLOW_SERVER_REGISTRY_STORE"],
            os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"],
        )
    secret = read_secret(layout, "mlflow.secret")
    return Guard(fastapi_app.app, os.environ["_MLFLOW_STATIC_PREFIX"], secret)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold back the other workers; the system lets go when this process ends in whatever way."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end_with(parent: int | None) -> None:
    """Let the kernel end this worker with its parent, or a killed parent leaves the port taken."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

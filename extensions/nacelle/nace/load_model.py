"""A classifier from wherever it is: a folder, or MLflow's registry or runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nacelle.nace.classifier import Classifier
from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import MODEL

_ADDRESSES = ("models:/", "runs:/", "mlflow-artifacts:/")
_MLFLOW_FILE = "MLmodel"


def load_classifier(location: str | os.PathLike[str]) -> Classifier:
    """The classifier of a folder or of an MLflow address; no code of the model is run.

    An address is `models:/nace@champion`, `models:/nace/3` or `runs:/<run>/model`. Raises NaceError
    where there is no such model, or it is none of ours.
    """
    name = os.fspath(location)
    if name.startswith(_ADDRESSES):
        return _download(name)
    if "://" in name or name.startswith(("models:", "runs:")):
        raise NaceError(
            f"{name}: a model is a folder, or an address of MLflow such as models:/nace@champion,"
            " models:/nace/3 or runs:/<run>/model."
        )
    return Classifier.load(folder_of(Path(name), name))


def _download(address: str) -> Classifier:
    from nacelle.nace.tracking import tracking

    with tempfile.TemporaryDirectory() as folder:
        with tracking(f"give the model {address}") as mlflow:
            local = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder)
        return Classifier.load(folder_of(Path(local), address))


def folder_of(path: Path, name: str) -> Path:
    """Our folder: the one given, or the one inside a folder that MLflow made.

    `name` is what people call it. Raises NaceError for a model of MLflow that is none of ours.
    """
    if (path / MODEL).is_file() or not (path / _MLFLOW_FILE).is_file():
        return path
    found = sorted(one.parent for one in (path / "artifacts").glob(f"*/{MODEL}"))
    if not found:
        raise NaceError(
            f"{name} is a model of MLflow, but no classifier of Nacelle: `nacelle nace train"
            " --register NAME` and `log_classifier` log one."
        )
    return found[0]

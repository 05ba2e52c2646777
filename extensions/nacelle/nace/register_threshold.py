"""A proved threshold kept with the registered version of the model that it was proved for."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.threshold_file import TAG, ThresholdFile
from nacelle.nace.tracking import tracking

_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<number>\d+)|@(?P<alias>[^/@]+))")
# The tag in which `log_classifier` names the content.
_CONTENT = "model_version"


class Registered(msgspec.Struct, frozen=True):
    """A version of a registered model."""

    name: str
    number: str

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"


def register_threshold(found: ThresholdFile, address: str) -> str:
    """Keep a threshold with a version such as models:/nace/3 or models:/nace@champion.

    The service that has taken up this version uses it from its next look on. Returns the version's
    address. Raises NaceError where nothing was proved, there is no such version, it holds another
    model, or MLflow does not answer.
    """
    tag = found.to_tag()
    with tracking("keep the threshold") as mlflow:
        client = mlflow.MlflowClient()
        version = _find(client, address, found.model)
        client.set_model_version_tag(version.name, version.number, TAG, tag)
    return version.uri


def check_registered(address: str, model: str) -> None:
    """Raise NaceError where a threshold of the model with the digest `model` could not be kept."""
    with tracking("look up the version") as mlflow:
        _find(mlflow.MlflowClient(), address, model)


def _find(client: Any, address: str, model: str) -> Registered:
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise NaceError(
            f"{address}: a registered version is written models:/nace/3 or models:/nace@champion."
        )
    if parts["alias"]:
        found = client.get_model_version_by_alias(parts["name"], parts["alias"])
    else:
        found = client.get_model_version(parts["name"], parts["number"])
    version = Registered(found.name, str(found.version))
    held = found.tags.get(_CONTENT)
    if held != model:
        what = f"the model {held}" if held else "no classifier of Nacelle"
        raise NaceError(
            f"{version.uri} holds {what}, but the threshold is of the model {model}. A guarantee"
            f" does not pass from one model to another: prove one for {version.uri}."
        )
    return version

"""A threshold kept in a file or a tag, bound to the one version of the model it was proved for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.threshold import ThresholdResult

# The tag of a registered model's version that holds its threshold.
TAG = "nacelle.threshold"


class ThresholdFile(msgspec.Struct, frozen=True):
    """A proved threshold: for which model (a digest), nomenclature and gold standard, and when.

    `gold` says what the gold standard was (a name or a digest), `time` is ISO 8601 with its zone.
    """

    model: str
    nomenclature: str
    gold: str
    time: str
    result: ThresholdResult

    @property
    def threshold(self) -> float:
        """The confidence index from which texts are coded automatically."""
        if self.result.threshold is None:
            raise NaceError(self.result.words)
        return self.result.threshold

    def save(self, path: Path) -> None:
        """Write JSON. Raises NaceError where nothing was proved: there is nothing to keep."""
        if not self.result.proved:
            raise NaceError(self.result.words)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    def to_tag(self) -> str:
        """As one line of JSON without the steps, which some MLflow servers have no room for.

        Raises NaceError where nothing was proved.
        """
        if not self.result.proved:
            raise NaceError(self.result.words)
        short = msgspec.structs.replace(self.result, steps=[])
        return msgspec.json.encode(msgspec.structs.replace(self, result=short)).decode()


def load_threshold(path: Path, *, model: str) -> ThresholdFile:
    """Read a threshold for the model with the digest `model`.

    Raises NaceError where the file is missing, is no threshold, or is of another model.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise NaceError(
            f"{path}: cannot be read ({problem.strerror}); prove a threshold with "
            "`nacelle nace threshold`."
        ) from None
    return read_threshold(content, model=model, where=str(path))


def read_threshold(content: str | bytes, *, model: str, where: str) -> ThresholdFile:
    """A threshold from its JSON, for the model with the digest `model`; `where` it was found.

    Raises NaceError where it is no threshold, proves none, or is of another model.
    """
    try:
        found = msgspec.json.decode(content, type=ThresholdFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise NaceError(f"{where}: is not a threshold file ({problem}).") from None
    if found.model != model:
        raise NaceError(
            f"{where}: this threshold was proved for the model {found.model}, not for {model}. "
            "A guarantee does not pass from one model to another: prove it again with "
            "`nacelle nace threshold` on the gold standard."
        )
    if not 0 <= found.threshold <= 1:
        raise NaceError(
            f"{where}: the threshold is {found.threshold}, but a confidence index lies between 0"
            " and 1. Prove it again with `nacelle nace threshold`."
        )
    return found

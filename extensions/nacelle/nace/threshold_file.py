"""A threshold kept in a file, bound to the one version of the model that it was proved for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.threshold import ThresholdResult


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


def load_threshold(path: Path, *, model: str) -> ThresholdFile:
    """Read a threshold for the model with the digest `model`.

    Raises NaceError where the file is missing, is no threshold, or is of another model.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=ThresholdFile)
    except OSError as problem:
        raise NaceError(
            f"{path}: cannot be read ({problem.strerror}); prove a threshold with "
            "`nacelle nace threshold`."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise NaceError(f"{path}: is not a threshold file ({problem}).") from None
    if found.model != model:
        raise NaceError(
            f"{path}: this threshold was proved for the model {found.model}, not for {model}. "
            "A guarantee does not pass from one model to another: prove it again with "
            "`nacelle nace threshold` on the gold standard."
        )
    return found

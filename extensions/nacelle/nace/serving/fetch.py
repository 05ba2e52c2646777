"""Fetch a version of the model and see whether it answers: `python -m nacelle.nace.serving.fetch`.

A process of its own: MLflow takes memory that the keeper need not hold for ever, and a damaged
model may hang or kill whoever loads it. No code that came with the model is run.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from nacelle.logs import log_to_stdout
from nacelle.nace.errors import NaceError
from nacelle.nace.serving.disk import sync_folder
from nacelle.secrets import write_private

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier

OUTCOME = "outcome.json"
MODEL = "model"
_PR_SET_PDEATHSIG = 1
_CLOSE = 1e-3
# What people send by mistake, and what programs trip over.
_ODD = ("", " ", "?!", "0111", "\x00\n", "عامل", "🥖", "x" * 5000, "a b " * 500)

log = logging.getLogger(__name__)


Fault = Literal["foreign", "damaged", "answers"]


class Outcome(msgspec.Struct, frozen=True):
    """How far it came, and the sentence where it stopped.

    What stops while `fetching` or `keeping` may go better another time; what stops while `checking`
    with a problem is the model's own fault, of the kind `fault`. Without a problem the process did
    not come to its end. `model_version` is the digest of the content.
    """

    stage: Literal["fetching", "checking", "keeping", "ready"] = "fetching"
    model_version: str = ""
    problem: str = ""
    fault: Fault = "damaged"


def command(uri: str, folder: Path) -> list[str]:
    """What fetches `uri` into `folder`; the outcome stands there, and the model if it is good."""
    return [sys.executable, "-m", __name__, uri, str(folder), str(os.getpid())]


def environment(names: Mapping[str, str], address: str, token: str, space: str) -> dict[str, str]:
    """`names` with what MLflow's client reads; the token stands in no command line."""
    # An address, a space or a key from somebody's shell would lead elsewhere.
    kept = {key: value for key, value in names.items() if not key.startswith(("MLFLOW_", "AWS_"))}
    return kept | {
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_WORKSPACE": space,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "DO_NOT_TRACK": "true",
    }


def read_outcome(folder: Path) -> Outcome:
    """What the process left behind, however it ended."""
    try:
        return msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Outcome)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Outcome()


def fetch(uri: str, folder: Path) -> Outcome:
    """Download a version into `folder`, check it, and leave it there as `model`."""
    _tell(folder, Outcome("fetching"))
    try:
        local = _download(uri, folder / "download")
    # MLflow, its stores and the disk each raise errors of their own.
    except Exception as error:
        return Outcome("fetching", problem=_sentence(error, folder))
    _tell(folder, Outcome("checking"))
    faults: list[Fault] = []
    try:
        found, version = _checked(local, uri, faults)
    except (MemoryError, OSError):
        # Of this machine rather than of the model: the process ends without a verdict.
        raise
    # Whatever a damaged model makes the loader raise.
    except Exception as error:
        return Outcome("checking", problem=_sentence(error, folder), fault=faults[-1])
    _tell(folder, Outcome("keeping"))
    try:
        _keep(found, folder / MODEL)
    except OSError as error:
        return Outcome("keeping", problem=_sentence(error, folder))
    return Outcome("ready", version)


def check(classifier: Classifier) -> None:
    """See that it answers anything with probabilities and titles. Raises NaceError."""
    nomenclature = classifier.nomenclature
    untitled = [one for one in classifier.classes if not nomenclature.titles(one)]
    if untitled:
        raise NaceError(f"The code {untitled[0]} has no title in {nomenclature.identity}.")
    texts = [*(nomenclature.title(one) for one in classifier.classes), *_ODD]
    languages = [nomenclature.languages[0]] * len(texts)
    side = {name: [""] * len(texts) for name in classifier.text.side}
    for given in (None, side):
        answers = classifier.answer(texts, languages=languages, side=given)
        rejected = np.array([stage == "rejected" for stage in answers.stages])
        check_probabilities(answers.probabilities, rejected)
        if rejected[: len(classifier.classes)].all():
            raise NaceError("It rejects every official title.")
    for prediction in classifier.predict(texts, side=side):
        if any(not candidate.title for candidate in prediction.top):
            raise NaceError(f"An answer has no title: {prediction.top[0].code}.")


def check_probabilities(values: np.ndarray, rejected: np.ndarray) -> None:
    """Shape (n, classes): finite, in [0, 1], a row adds up to 1, or to 0 where it was rejected."""
    if not np.isfinite(values).all():
        raise NaceError("It answers probabilities that are no numbers.")
    if values.min() < 0 or values.max() > 1 + _CLOSE:
        raise NaceError(
            f"It answers probabilities from {values.min():.3g} to {values.max():.3g}; they lie"
            " between 0 and 1."
        )
    sums, right = values.sum(axis=1), ~rejected
    wrong = np.flatnonzero(np.abs(sums - right) > _CLOSE)
    if wrong.size:
        first = wrong[0]
        raise NaceError(
            f"The probabilities of an answer add up to {sums[first]:.3f}, not to {right[first]:d}."
        )


def _download(uri: str, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
    log.info("fetched", extra={"model": uri, "bytes": _size(found)})
    return found


def _checked(local: Path, uri: str, faults: list[Fault]) -> tuple[Path, str]:
    """Folder and version of a good model; the last of `faults` says what an error would mean."""
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.load_model import folder_of

    faults.append("foreign")
    found = folder_of(local, uri)
    faults.append("damaged")
    classifier = Classifier.load(found)
    faults.append("answers")
    check(classifier)
    log.info("checked", extra={"model": uri, "version": classifier.version})
    return found, classifier.version


def _keep(found: Path, target: Path) -> None:
    """Move it, durably: a power cut must not leave a folder of empty files behind its name."""
    for path in found.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(found)
    found.rename(target)
    shutil.rmtree(target.parent / "download", ignore_errors=True)


def _tell(folder: Path, outcome: Outcome) -> None:
    write_private(folder / OUTCOME, msgspec.json.encode(outcome).decode())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sentence(error: Exception, folder: Path) -> str:
    """An error for people who never see where it is worked at."""
    text = " ".join(str(error).split()).replace(f"{folder}/download/", "")[:500]
    return text if isinstance(error, NaceError) else f"{type(error).__name__}: {text}"


def _end_with(parent: int) -> None:
    """Let the kernel end this process with the keeper, whose place a new one may take at once."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> int:
    """Fetch; 0 where the outcome was written, whatever it is."""
    uri, folder, parent = sys.argv[1:]
    _end_with(int(parent))
    log_to_stdout("nace-keeper")
    _tell(Path(folder), fetch(uri, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

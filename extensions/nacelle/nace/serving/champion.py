"""Which model serves: written by the keeper on disk, read there by every process that answers.

A folder holds one folder a model, `current.json` (the model that serves), `previous.json` (the one
before it) and `keeper.json` (what the keeper last saw). Each file is replaced as a whole, so that
whoever reads finds an old one or a new one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from nacelle.nace.model_folder import MODEL
from nacelle.nace.serving.disk import sync_folder
from nacelle.nace.threshold_file import ThresholdFile
from nacelle.secrets import write_private

CURRENT = "current.json"
PREVIOUS = "previous.json"
STATE = "keeper.json"
# A keeper that looks every `check_seconds` has this much time more, in seconds: to ask, and to
# fetch a model of the usual size.
_MARGIN = 30.0

log = logging.getLogger(__name__)
_Kept = TypeVar("_Kept", bound=msgspec.Struct)
_Seen = tuple[int, int, int]
_told: dict[Path, str] = {}


class Current(msgspec.Struct, frozen=True):
    """The model that serves.

    `folder` is its name below the folder of models, `uri` the address that was followed, such as
    models:/nace@champion. `registry_version` is the registry's number and `model_version` the
    digest of the content. `threshold` is None where none was proved for this very content.
    `source` and `run_id` tell a version from a later one of the same number.
    """

    folder: str
    uri: str
    registry_version: str
    model_version: str
    taken: str
    threshold: ThresholdFile | None = None
    source: str = ""
    run_id: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same as `Version.identity` of the version that it was taken from."""
        return self.registry_version, self.source, self.run_id


class KeeperState(msgspec.Struct, frozen=True):
    """What the keeper last saw. The sentences are for everybody; reasons are in the keeper's log.

    `checked` is when MLflow last answered (ISO 8601), None where it never did. `problem` says why
    the alias could not be followed, `refused` which version was not taken and why, `warning` why
    the threshold of the version that serves is not used.
    """

    checked: str | None = None
    problem: str | None = None
    refused: str | None = None
    warning: str | None = None


def read_current(models: Path) -> Current | None:
    """The model to start with; None where there is none yet.

    Where `current.json` or its model is gone, it is the one before. Never raises.
    """
    return next(candidates(models), None)


def candidates(models: Path) -> Iterator[Current]:
    """The models to start with, the best first: whoever cannot load one tries the next."""
    for name in (CURRENT, PREVIOUS):
        found = _read(models / name, Current)
        if found and is_there(models, found):
            yield found


def read_state(models: Path) -> KeeperState:
    """What the keeper last saw; nothing where it never ran. Never raises."""
    return _read(models / STATE, KeeperState) or KeeperState()


def model_folder(models: Path, current: Current) -> Path:
    """The folder of that model, for `Classifier.load`."""
    return models / current.folder


def is_there(models: Path, current: Current) -> bool:
    """Whether its folder is there; the classifier itself looks whether it is whole."""
    name = current.folder
    plain = bool(name) and Path(name).name == name and not name.startswith(".")
    return plain and (models / name / MODEL).is_file()


def stated(models: Path, check_seconds: float, now: datetime) -> KeeperState:
    """`read_state`, with a problem where the registry has not been heard of for long."""
    state = read_state(models)
    age = _age(state.checked, now)
    # Below zero: the clock was set back.
    if state.problem or (age is not None and abs(age) <= 3 * check_seconds + _MARGIN):
        return state
    asked = "was never asked" if age is None else f"was last asked {state.checked}"
    problem = (
        f"MLflow's registry {asked}: the keeper does not run, or has been fetching a model since."
        " A new champion may not be taken up meanwhile."
    )
    return replace(state, problem=problem)


def _age(checked: str | None, now: datetime) -> float | None:
    """In seconds; None where it was never checked."""
    try:
        return (now - datetime.fromisoformat(checked or "")).total_seconds()
    except (ValueError, TypeError):
        return None


class Watch:
    """Tells a process that answers when another model is to serve; cheap enough for each second.

    `seen` is what it serves already. What cannot be read is no change: it goes on as it is.
    """

    def __init__(self, models: Path, seen: Current | None) -> None:
        self._models = models
        self._path = models / CURRENT
        self._seen = seen
        self._stat: _Seen | None = None

    def changed(self) -> Current | None:
        """The model that is to serve from now on, each once; None where nothing changed."""
        stat = _stat(self._path)
        if stat is None or stat == self._stat:
            return None
        found = _read(self._path, Current)
        if found is None or not is_there(self._models, found):
            # Perhaps it can be read the next time.
            return None
        self._stat = stat
        if found == self._seen:
            return None
        self._seen = found
        return found


def publish(models: Path, current: Current) -> None:
    """Let `current` serve. The one before is remembered first, so that there is always one."""
    before = _read(models / CURRENT, Current)
    if before and before.folder != current.folder and is_there(models, before):
        _write(models / PREVIOUS, before)
    _write(models / CURRENT, current)


def write_state(models: Path, state: KeeperState) -> None:
    """Tell those who answer what the keeper saw."""
    _write(models / STATE, state)


def previous(models: Path) -> Current | None:
    """The model that served before this one, if it is still there."""
    found = _read(models / PREVIOUS, Current)
    return found if found and is_there(models, found) else None


def _read(path: Path, kind: type[_Kept]) -> _Kept | None:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # It is read each second: one line as long as the reason is the same.
        if _told.get(path) != str(error):
            _told[path] = str(error)
            log.error("cannot be read", extra={"file": str(path), "reason": str(error)})
        return None
    _told.pop(path, None)
    return found


def _write(path: Path, content: msgspec.Struct) -> None:
    write_private(path, msgspec.json.encode(content).decode())
    sync_folder(path.parent)


def _stat(path: Path) -> _Seen | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size

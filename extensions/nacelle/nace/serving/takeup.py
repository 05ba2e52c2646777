"""Take up the model that the registry's alias points to: decide, fetch, publish, clear away."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from nacelle.nace.errors import NaceError
from nacelle.nace.model_folder import open_folder, version_of
from nacelle.nace.serving.champion import (
    Current,
    KeeperState,
    model_folder,
    previous,
    publish,
    read_current,
    read_state,
    write_state,
)
from nacelle.nace.serving.disk import sync_folder
from nacelle.nace.serving.fetch import MODEL, Fault, Outcome, read_outcome
from nacelle.nace.serving.registry import NoChampion, Registry, RegistryAway, Told, Version
from nacelle.nace.threshold_file import ThresholdFile, read_threshold

# What could not be fetched is not asked for at every look: each try starts a process.
_AGAIN = 45.0
# A process that is killed or takes too long while it checks may be the machine's fault.
_TRIES = 3
_FAULTS: dict[Fault, str] = {
    "foreign": "it is no classifier of Nacelle",
    "damaged": "it is damaged, or of a format that this version does not read",
    "answers": "it gives answers that are no good",
}
_INCOMING = ".incoming-"

# Fetches an address into a folder, where an outcome stands afterwards; how it ended, in words.
Fetch = Callable[[str, Path], Awaitable[str]]
_Identity = tuple[str, str, str]

log = logging.getLogger(__name__)


class NotFetched(Told):
    """A version could not be fetched; another time it may."""


class Refused(Told):
    """A version that was fetched and is no good."""


@dataclass(frozen=True)
class _Failed:
    """How taking a version ended; `until` (monotonic) it is not tried again."""

    version: _Identity
    until: float
    error: NotFetched | Refused


class TakeUp:
    """Keeps `models` as the registry says. It is the only one that writes there."""

    def __init__(self, models: Path, registry: Registry, fetch: Fetch) -> None:
        self._models = models
        self._registry = registry
        self._fetch = fetch
        # What a keeper that was killed had begun.
        for path in models.glob(f"{_INCOMING}*"):
            shutil.rmtree(path, ignore_errors=True)
        self._state = read_state(models)
        self._told: dict[str, tuple[str, str]] = {}
        self.forget()

    def forget(self) -> None:
        """Forget what was refused, failed or found whole: try it all again at the next look."""
        self._whole = ""
        self._failed: _Failed | None = None
        self._stopped: list[_Identity] = []

    async def look(self) -> None:
        """Look once, and tell what was seen."""
        state = await self._look()
        self._told = {about: told for about, told in self._told.items() if getattr(state, about)}
        self._state = state
        write_state(self._models, state)

    def _tell(self, about: str, error: Told) -> str:
        """The sentence for everybody; with its detail it is logged once as long as both stay."""
        told = str(error), error.detail
        if self._told.get(about) != told:
            self._told[about] = told
            log.warning(told[0], extra={"about": about, "detail": told[1]})
        return told[0]

    async def _look(self) -> KeeperState:
        try:
            version = await self._registry.ask()
        except RegistryAway as error:
            return replace(self._state, problem=self._problem(error))
        except NoChampion as error:
            return KeeperState(checked=_now(), problem=self._problem(error))
        return await self._follow(version)

    async def _follow(self, version: Version) -> KeeperState:
        current = self._whole_current()
        try:
            same = current is not None and current.identity == version.identity
            found = current if current and same else await self._take(version)
        except NotFetched as error:
            return KeeperState(checked=_now(), problem=self._problem(error))
        except Refused as error:
            return KeeperState(checked=_now(), refused=self._tell("refused", error))
        threshold, warning = self._threshold(version, found)
        wanted = replace(found, threshold=threshold)
        if wanted != current:
            self._publish(replace(wanted, taken=_now()))
        self._clear_away(wanted)
        return KeeperState(checked=_now(), warning=warning)

    def _whole_current(self) -> Current | None:
        """The model that serves, None where it is damaged: then it is fetched again."""
        current = read_current(self._models)
        if current and current.folder != self._whole:
            self._whole = current.folder if _is_whole(model_folder(self._models, current)) else ""
        return current if current and current.folder == self._whole else None

    async def _take(self, version: Version) -> Current:
        """The version as it is to be published. Raises NotFetched or Refused."""
        failed = self._failed
        if failed and failed.version == version.identity and time.monotonic() < failed.until:
            raise failed.error.with_traceback(None)
        before = previous(self._models)
        again = before is not None and before.identity == version.identity
        if before and again and _is_whole(model_folder(self._models, before)):
            return before
        started = time.monotonic()
        try:
            found = await self._fetch_and_place(version)
        except NotFetched as error:
            self._failed = _Failed(version.identity, time.monotonic() + _AGAIN, error)
            raise
        except Refused as error:
            self._failed = _Failed(version.identity, math.inf, error)
            raise
        seconds = round(time.monotonic() - started, 1)
        log.info("fetched and checked", extra={"model": found.folder, "seconds": seconds})
        return found

    async def _fetch_and_place(self, version: Version) -> Current:
        name = self._name(version)
        try:
            incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._models))
        except OSError as error:
            raise _not_kept(name, error) from None
        try:
            ended = await self._fetch(f"models:/{self._registry.model}/{version.number}", incoming)
            outcome = read_outcome(incoming)
            if outcome.stage == "checking":
                raise self._verdict(version, outcome, ended)
            if outcome.stage != "ready":
                detail = outcome.problem or f"the process that did it {ended}"
                raise NotFetched(f"{name} could not be fetched from MLflow or its store.", detail)
            folder = f"{version.number}-{outcome.model_version}"
            _place(incoming / MODEL, self._models / folder)
        except OSError as error:
            raise _not_kept(name, error) from None
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return Current(
            folder=folder,
            uri=self._registry.uri,
            registry_version=version.number,
            model_version=outcome.model_version,
            taken=_now(),
            source=version.source,
            run_id=version.run_id,
        )

    def _verdict(self, version: Version, outcome: Outcome, ended: str) -> NotFetched | Refused:
        """What it means that the checking did not end well."""
        name, fault = self._name(version), _FAULTS[outcome.fault]
        if not outcome.problem:
            self._stopped = [one for one in self._stopped if one == version.identity]
            self._stopped.append(version.identity)
            tried = len(self._stopped)
            if tried < _TRIES:
                return NotFetched(
                    f"{name} could not be checked: the process that does it was stopped, or took"
                    f" too long (try {tried} of {_TRIES}).",
                    f"the process {ended}",
                )
            fault = f"none of {_TRIES} processes could check it to the end"
        return Refused(
            f"{name} is not taken up: {fault}. It is looked at again when the alias points to"
            " another version.",
            outcome.problem or f"the process {ended}",
        )

    def _name(self, version: Version) -> str:
        return f"{self._registry.model}, version {version.number},"

    def _threshold(
        self, version: Version, current: Current
    ) -> tuple[ThresholdFile | None, str | None]:
        """The threshold in the version's tag, or why it is not used."""
        if not version.threshold:
            return None, None
        where = f"The threshold of {self._name(version)} is not used"
        try:
            found = read_threshold(version.threshold, model=current.model_version, where=where)
        except NaceError as error:
            said = f"{where}: it was proved for another model, or cannot be read."
            return None, self._tell("warning", Told(said, str(error)))
        return found, None

    def _publish(self, current: Current) -> None:
        publish(self._models, current)
        log.info(
            "taken up",
            extra={
                "model": current.uri,
                "version": current.registry_version,
                "model_version": current.model_version,
                "threshold": current.threshold.threshold if current.threshold else None,
            },
        )

    def _clear_away(self, current: Current) -> None:
        """Remove all models but this and the one before, which a process may be loading."""
        before = previous(self._models)
        kept = {current.folder, before.folder if before else ""}
        for path in self._models.iterdir():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _problem(self, error: Told) -> str:
        return f"{self._tell('problem', error)} {self._meanwhile()}"

    def _meanwhile(self) -> str:
        current = read_current(self._models)
        if current is None:
            return "There is no model on disk, so there is nothing to serve."
        return f"Version {current.registry_version}, taken up {current.taken}, goes on serving."


def _place(model: Path, target: Path) -> None:
    """Move a model into place; one of the same name has the same content, unless it is damaged."""
    if target.exists() and _is_whole(target):
        return
    if target.exists():
        shutil.rmtree(target)
    model.rename(target)
    sync_folder(target.parent)


def _not_kept(name: str, error: OSError) -> NotFetched:
    return NotFetched(f"{name} cannot be kept on the disk of this service.", str(error))


def _is_whole(folder: Path) -> bool:
    try:
        return folder.name.endswith(f"-{version_of(open_folder(folder))}")
    except (NaceError, OSError):
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

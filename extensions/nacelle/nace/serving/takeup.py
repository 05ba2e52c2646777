"""Take up the model that the registry's alias points to: decide, fetch, publish, clear away."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
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
    sync,
    write_state,
)
from nacelle.nace.serving.fetch import MODEL, read_outcome
from nacelle.nace.serving.registry import NoChampion, Registry, RegistryAway, Version
from nacelle.nace.threshold_file import ThresholdFile, read_threshold

# What could not be fetched is not asked for at every look: each try starts a process.
_AGAIN = 45.0
_INCOMING = ".incoming-"

# Fetches an address into a folder, where an outcome stands afterwards; how it ended, in words.
Fetch = Callable[[str, Path], Awaitable[str]]
_Identity = tuple[str, str, str]

log = logging.getLogger(__name__)


class NotFetched(Exception):
    """A version could not be fetched; another time it may."""


class Refused(Exception):
    """A version that was fetched and is no good."""


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
        self.forget()

    def forget(self) -> None:
        """Forget what was refused, failed or found whole: try it all again at the next look."""
        self._whole = ""
        self._refused: _Identity | None = None
        self._failed: tuple[_Identity, float, str] | None = None

    async def look(self) -> None:
        """Look once, and tell what was seen."""
        state = await self._look()
        for field in ("problem", "refused", "warning"):
            sentence = getattr(state, field)
            if sentence and sentence != getattr(self._state, field):
                log.warning(sentence, extra={"about": field})
        self._state = state
        write_state(self._models, state)

    async def _look(self) -> KeeperState:
        try:
            version = await self._registry.ask()
        except RegistryAway as error:
            return replace(self._state, problem=f"{error} {self._meanwhile()}")
        except NoChampion as error:
            return KeeperState(checked=_now(), problem=f"{error} {self._meanwhile()}")
        return await self._follow(version)

    async def _follow(self, version: Version) -> KeeperState:
        current = self._whole_current()
        try:
            same = current is not None and current.identity == version.identity
            found = current if current and same else await self._take(version)
        except NotFetched as error:
            return KeeperState(checked=_now(), problem=f"{error} {self._meanwhile()}")
        except Refused as error:
            return KeeperState(checked=_now(), refused=str(error))
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
        if self._refused == version.identity and self._state.refused:
            raise Refused(self._state.refused)
        if self._failed and self._failed[0] == version.identity:
            _, until, sentence = self._failed
            if time.monotonic() < until:
                raise NotFetched(sentence)
        before = previous(self._models)
        again = before is not None and before.identity == version.identity
        if before and again and _is_whole(model_folder(self._models, before)):
            return before
        started = time.monotonic()
        try:
            found = await self._fetch_and_place(version)
        except NotFetched as error:
            self._failed = (version.identity, time.monotonic() + _AGAIN, str(error))
            raise
        except Refused:
            self._refused = version.identity
            raise
        seconds = round(time.monotonic() - started, 1)
        log.info("fetched and checked", extra={"model": found.folder, "seconds": seconds})
        return found

    async def _fetch_and_place(self, version: Version) -> Current:
        name = f"{self._registry.model}, version {version.number},"
        try:
            incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._models))
        except OSError as error:
            raise NotFetched(f"{name} cannot be kept: {error.strerror}.") from None
        try:
            ended = await self._fetch(f"models:/{self._registry.model}/{version.number}", incoming)
            outcome = read_outcome(incoming)
            problem = outcome.problem or f"the process that did it {ended}"
            if outcome.stage == "checking":
                raise Refused(
                    f"{name} is not taken up, since it is no classifier that works: {problem}"
                    " It is looked at again when the alias points to another version."
                )
            if outcome.stage != "ready":
                raise NotFetched(f"{name} could not be fetched: {problem}")
            folder = f"{version.number}-{outcome.model_version}"
            _place(incoming / MODEL, self._models / folder)
        except OSError as error:
            raise NotFetched(f"{name} cannot be kept: {error.strerror}.") from None
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

    def _threshold(
        self, version: Version, current: Current
    ) -> tuple[ThresholdFile | None, str | None]:
        """The threshold in the version's tag, or why it is not used."""
        if not version.threshold:
            return None, None
        where = f"The threshold of {self._registry.model}, version {version.number}, is not used"
        try:
            found = read_threshold(version.threshold, model=current.model_version, where=where)
        except NaceError as error:
            return None, str(error)
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
    sync(target.parent)


def _is_whole(folder: Path) -> bool:
    try:
        return folder.name.endswith(f"-{version_of(open_folder(folder))}")
    except (NaceError, OSError):
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""One process of the service: its model, its queue and its records."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.prediction import Asked, Prediction
from nacelle.nace.records import PredictionRecord
from nacelle.nace.serving.access import Access, Caller
from nacelle.nace.serving.batcher import Batcher
from nacelle.nace.serving.champion import (
    Current,
    KeeperState,
    Watch,
    candidates,
    read_current,
    stated,
)
from nacelle.nace.serving.engine import Job, Serving, check_items
from nacelle.nace.serving.memory import give_back
from nacelle.nace.serving.metrics import Metrics
from nacelle.nace.serving.problems import Problem
from nacelle.nace.serving.recorder import Recorder
from nacelle.nace.serving.wire import TextItem
from nacelle.settings.nace import NaceSettings

_LOOK_EVERY = 1.0
_LAST_REQUESTS = 5.0
# How soon a model that could not be loaded is tried again: the first time, and at most.
_AGAIN, _AT_MOST = 2.0, 30.0
_WARM_UP = ("Growing of grapes", "coiffeur", "Bäckerei", "bar", "")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pending:
    """A model that is to serve and could not be loaded; `due` (monotonic) is the next try.

    `sentence` is for everybody, so it tells no path; the log has the reason.
    """

    current: Current
    sentence: str
    wait: float
    due: float


class Service:
    """What every route of one process shares. `serving` is None until there is a model."""

    def __init__(
        self,
        settings: NaceSettings,
        models: Path,
        access: Access,
        recorder: Recorder,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.models = models
        self.access = access
        self.metrics = metrics
        self.serving: Serving | None = None
        self.pending: Pending | None = None
        self._told: dict[str, str] = {}
        self._recorder = recorder
        self.batcher = Batcher(settings.limits.waiting_texts, self._record)
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the last good model, and follow the keeper from then on."""
        newest = read_current(self.models)
        await self._take_up_any()
        self._following = asyncio.create_task(self._follow(Watch(self.models, newest)))

    async def stop(self) -> None:
        """Let go of everything; requests have been answered by then."""
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        self._recorder.close()
        await self.access.close()

    def model(self) -> Serving:
        """The model that serves now. Raises Problem (503) where there is none yet."""
        if self.serving is None:
            raise self._no_model()
        return self.serving

    def _no_model(self) -> Problem:
        settings, state = self.settings, self.stated()
        none = (
            f"There is no model yet: a member of the project {settings.project} registers one in"
            f" MLflow as {settings.model} and gives it the alias {settings.alias}."
        )
        said = [
            self.pending.sentence if self.pending else none,
            *(sentence for sentence in (state.problem, state.refused) if sentence),
        ]
        wait = {"Retry-After": "60"}
        return Problem(503, " ".join(said), kind="no-model", headers=wait)

    def stated(self) -> KeeperState:
        """How the keeper stands with the registry."""
        return stated(self.models, self.settings.check_seconds, datetime.now(UTC))

    async def classify(
        self,
        serving: Serving,
        caller: Caller,
        items: Sequence[TextItem],
        asked: Asked,
        level: int,
    ) -> list[Prediction]:
        """The predictions for the texts, in their order; on record when this returns.

        Raises Problem where a limit is met.
        """
        limits = self.settings.limits
        if len(items) > limits.batch:
            raise Problem(
                413,
                f"There are {len(items):,} texts, {limits.batch:,} are allowed in one request."
                " Send them in several.",
                kind="batch-too-large",
            )
        check_items(serving, items, limits.text_length)
        if not items:
            return []
        loop = asyncio.get_running_loop()
        job = Job(
            serving, items, asked, level, caller.id, loop.time() + limits.seconds,
            loop.create_future(),
        )  # fmt: skip
        # First, so that who is turned away does not pay for it with the day's quota.
        self.batcher.check_room(len(items), job.characters)
        self.access.spend(caller, len(items))
        self.batcher.submit(job)
        try:
            predictions = await job.future
        except BaseException:
            # Nobody pays for answers that were not given.
            self.access.give_back(caller, len(items))
            raise
        self.metrics.answered(predictions)
        return predictions

    def _record(self, jobs: Sequence[Job]) -> None:
        self._recorder.write([record for job in jobs for record in records_of(job)])

    async def _follow(self, watch: Watch) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            current = watch.changed()
            if current:
                # What it stands for is not wanted any more.
                self.pending = None
                await self._take_up(current)
            elif self.pending and time.monotonic() >= self.pending.due:
                await self._try_again(self.pending)

    async def _try_again(self, pending: Pending) -> None:
        if self.serving is None:
            await self._take_up_any()
        else:
            await self._take_up(pending.current)

    async def _take_up_any(self) -> None:
        """The best of the models on disk that can be loaded; a better one stays pending."""
        for current in candidates(self.models):
            if await self._take_up(current):
                return

    async def _take_up(self, current: Current) -> bool:
        """Load in a thread and swap; requests that have begun end with their model.

        Where the model cannot be loaded, the one before goes on: False, and it is pending.
        """
        same = self.serving and self.serving.current.folder == current.folder
        try:
            if self.serving and same:
                # Only what was proved for it has changed.
                self.serving = Serving(self.serving.classifier, current)
            else:
                self.serving = await asyncio.to_thread(_load, self.models, current)
        # Damage that nobody foresaw must not end the following either.
        except Exception as error:
            self._not_taken(current, error)
            return False
        if self.pending and self.pending.current == current:
            self.pending = None
        self._told.pop(current.folder, None)
        # Of the loading now, and of the model before once its last request is answered.
        asyncio.get_running_loop().call_later(_LAST_REQUESTS, give_back)
        log.info("model serves", extra={"model": current.folder})
        return True

    def _not_taken(self, current: Current, error: Exception) -> None:
        """Remember to try again; one line in the log as long as the reason is the same."""
        reason = f"{type(error).__name__}: {error}"
        if self._told.get(current.folder) != reason:
            self._told[current.folder] = reason
            foreseen = isinstance(error, (NaceError, OSError))
            about = {"model": current.folder, "reason": reason}
            log.error("model not taken up", extra=about, exc_info=None if foreseen else error)
        pending = self.pending
        if pending and pending.current != current:
            # At the start, the one before failed too; the newest is what is wanted.
            return
        wait = min(2 * pending.wait, _AT_MOST) if pending else _AGAIN
        sentence = (
            f"Version {current.registry_version} ({current.model_version}) could not be loaded by"
            f" this process: {_why(error)}. It tries again every few seconds."
        )
        self.pending = Pending(current, sentence, wait, time.monotonic() + wait)


def _why(error: Exception) -> str:
    if isinstance(error, NaceError):
        return "its files are damaged or not all there"
    if isinstance(error, OSError):
        return "its files cannot be read now"
    return "there is not enough memory" if isinstance(error, MemoryError) else "loading it failed"


def _load(models: Path, current: Current) -> Serving:
    serving = Serving.load(models, current)
    # The first texts would wait for caches to fill.
    serving.classifier.predict(_WARM_UP)
    return serving


def records_of(job: Job) -> list[PredictionRecord]:
    """The records of a finished job."""
    return [
        PredictionRecord(
            **msgspec.structs.asdict(one),
            position=position,
            caller=job.caller,
            language=item.language,
            side=item.side,
        )
        for position, (one, item) in enumerate(zip(job.found, job.items, strict=True))
    ]

"""Answers the texts of waiting requests together: a batch costs little more than one text.

It runs in the event loop, a chunk at a time: between two chunks the loop reads and answers other
requests, and a long batch cannot keep a single text waiting for more than a chunk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from nacelle.nace.records import RecordsUnwritable
from nacelle.nace.serving.engine import Job, Part, Serving, answer_parts
from nacelle.nace.serving.problems import Problem

# About 10 ms of work on one core: so many short texts, or fewer long ones.
CHUNK = 128
CHARACTERS = 10_000
# Of a text that waits: some more than most have.
_CHARACTERS_OF_A_TEXT = 100
_RETRY_AFTER = {"Retry-After": "1"}
_RETRY_LATER = {"Retry-After": "60"}
_NO_RECORD = "records-unwritable"

log = logging.getLogger(__name__)


class Batcher:
    """The queue of one process. `record` keeps the predictions of a finished job, or raises."""

    def __init__(self, most_waiting: int, record: Callable[[Sequence[Job]], None]) -> None:
        self._most_waiting = most_waiting
        self._most_characters = most_waiting * _CHARACTERS_OF_A_TEXT
        self._record = record
        self._jobs: deque[Job] = deque()
        self._scheduled = False
        self.waiting = 0
        self._characters = 0

    def check_room(self, texts: int, characters: int) -> None:
        """Raise Problem (503) where too much waits already for so many texts and characters."""
        if self.waiting and (
            self.waiting + texts > self._most_waiting
            or self._characters + characters > self._most_characters
        ):
            raise Problem(
                503,
                f"{self.waiting:,} texts are waiting, more would only wait longer. Send this again"
                " in a second, or in smaller batches.",
                kind="overloaded",
                headers=_RETRY_AFTER,
            )

    def submit(self, job: Job) -> None:
        """Queue a job; its future gets the predictions, which are on record by then.

        Call `check_room` first, without awaiting anything between.
        """
        self.waiting += len(job.items)
        self._count(job, job.characters)
        self._jobs.append(job)
        self._schedule()

    def _count(self, job: Job, characters: int) -> None:
        """Count what of a job waits: half of the room at most, as small ones take turns with it."""
        counted = min(characters, self._most_characters // 2)
        self._characters += counted - job.counted
        job.counted = counted

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            # Not at once: the other requests that have just arrived join this chunk.
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        serving, parts = self._next_parts()
        if serving is not None:
            self._answer(serving, parts)
        if self._jobs:
            self._schedule()

    def _next_parts(self) -> tuple[Serving | None, list[Part]]:
        """Up to a chunk of texts for one model; a job with more goes back to the end."""
        now = asyncio.get_running_loop().time()
        parts: list[Part] = []
        serving: Serving | None = None
        room, characters = CHUNK, CHARACTERS
        while self._jobs and room > 0 and characters > 0:
            job = self._jobs[0]
            if _is_over(job, now):
                self._drop(self._jobs.popleft())
                continue
            if serving is not None and job.serving is not serving:
                break
            self._jobs.popleft()
            serving = job.serving
            part = job.take(room, characters)
            parts.append(part)
            room -= len(part.items)
            characters -= part.characters
            if len(part.items) < job.left:
                # The chunk is full; others come before the rest of this job.
                self._jobs.append(job)
                break
        return serving, parts

    def _drop(self, job: Job) -> None:
        """A job that nobody waits for any more, or that has waited too long."""
        self._forget(job)
        late = Problem(
            503,
            "There was no time to answer: the service is busy. Send this again in a second, or in"
            " smaller batches.",
            kind="timed-out",
            headers=_RETRY_AFTER,
        )
        _refuse([job], late)

    def _answer(self, serving: Serving, parts: Sequence[Part]) -> None:
        try:
            found = answer_parts(serving, parts)
        except Exception:
            self._failed(serving, parts)
            return
        for part, predictions in zip(parts, found, strict=True):
            part.job.answered(part, predictions)
            self.waiting -= len(predictions)
            self._count(part.job, part.job.characters)
        self._finish([part.job for part in parts if not part.job.left])

    def _forget(self, job: Job) -> None:
        self.waiting -= job.left
        self._count(job, 0)

    def _failed(self, serving: Serving, parts: Sequence[Part]) -> None:
        """What one request asked must not fail the others: each is answered alone."""
        if len(parts) > 1:
            for part in parts:
                self._answer(serving, [part])
            return
        log.exception("a text cannot be answered")
        job = parts[0].job
        self._forget(job)
        if job in self._jobs:
            self._jobs.remove(job)
        _refuse([job], _broken())

    def _finish(self, jobs: Sequence[Job]) -> None:
        """Record first: who has an answer can rely on its record."""
        waited_for = [job for job in jobs if not job.future.done()]
        if not waited_for:
            return
        try:
            self._record(waited_for)
        except RecordsUnwritable as error:
            _refuse(waited_for, Problem(503, str(error), kind=_NO_RECORD, headers=_RETRY_LATER))
        except Exception:
            # Nobody may be left waiting for ever.
            log.exception("answers cannot be recorded")
            _refuse(waited_for, _broken())
        else:
            for job in waited_for:
                job.future.set_result(job.found)


def _refuse(jobs: Sequence[Job], problem: Problem) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(problem)


def _broken() -> Problem:
    return Problem(500, "The texts cannot be answered; tell your administrator the request.")


def _is_over(job: Job, now: float) -> bool:
    return job.future.done() or now > job.deadline

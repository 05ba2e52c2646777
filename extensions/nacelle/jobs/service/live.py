"""What changes, told as it happens: server-sent events, from the store's list of changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from nacelle.credentials.identity import Person
from nacelle.jobs.service.entrance import Caller
from nacelle.jobs.service.openapi import refusals
from nacelle.jobs.service.problems import Problem
from nacelle.jobs.store import Change, Store
from nacelle.language import Said

_LOOK_SECONDS = 0.25
_ALIVE_SECONDS = 15.0
# After so long the reader comes back, and is recognised anew: rights end within it.
_STREAM_SECONDS = 300.0
_MOST_READERS, _MOST_OF_ONE = 1_000, 30


class Changes:
    """Wakes whoever waits for a change of the store. One task of the application looks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest = 0
        self._moved = asyncio.Condition()
        self.readers: Counter[str] = Counter()

    async def follow(self) -> None:
        """Look for changes until cancelled."""
        while True:
            # Another process writes them; asking costs microseconds where nothing was written.
            newest = await run_in_threadpool(self._store.newest_change)
            if newest != self._newest:
                async with self._moved:
                    self._newest = newest
                    self._moved.notify_all()
            await asyncio.sleep(_LOOK_SECONDS)

    async def after(self, seq: int, seconds: float) -> list[Change]:
        """Changes later than `seq`; none where none came within `seconds`."""
        async with self._moved:
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._moved.wait_for(lambda: self._newest > seq), timeout=seconds
                )
        return await run_in_threadpool(self._store.changes_since, seq)

    async def newest(self) -> int:
        return await run_in_threadpool(self._store.newest_change)


def make_live_routes(changes: Changes) -> APIRouter:
    """The one route of changes."""
    router = APIRouter(prefix="/v1", tags=["live"], responses=refusals(401, 403, 503))

    @router.get(
        "/changes",
        summary="Server-sent events: which jobs, runs and messages of one's changed",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def stream(request: Request, person: Caller) -> StreamingResponse:
        many = changes.readers.total() >= _MOST_READERS
        if many or changes.readers[person.name] >= _MOST_OF_ONE:
            raise Problem(
                503,
                Said(
                    "Too many pages follow jobs now; this one asks again by itself.",
                    "Trop de pages suivent les travaux ; celle-ci redemandera d'elle-même.",
                ),
                headers={"Retry-After": "30"},
            )
        given = request.headers.get("last-event-id", "")
        since = int(given) if given.isdecimal() and len(given) < 16 else await changes.newest()
        return StreamingResponse(
            _events(changes, person, since),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


def concerns(person: Person, change: Change) -> bool:
    """Whether somebody may hear of a change; messages are for one person alone."""
    if change.owner == person.name:
        return True
    return change.kind != "message" and change.project in person.projects


async def _events(changes: Changes, person: Person, since: int) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end = loop.time() + _STREAM_SECONDS
    changes.readers[person.name] += 1
    try:
        yield f"retry: 1000\nid: {since}\ndata: {{}}\n\n"
        while loop.time() < end:
            found = await changes.after(since, _ALIVE_SECONDS)
            if not found:
                yield ": alive\n\n"
            for one in found:
                since = one.seq
                if concerns(person, one):
                    data = json.dumps({"kind": one.kind, "id": one.id})
                    yield f"id: {one.seq}\ndata: {data}\n\n"
    finally:
        changes.readers[person.name] -= 1

"""What forms and panels ask for beside jobs and runs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.concurrency import run_in_threadpool

from nacelle.credentials.identity import Person
from nacelle.jobs.findings import where
from nacelle.jobs.naming import notebook_path
from nacelle.jobs.parts import Schedule, Sentence
from nacelle.jobs.presets import preset_of
from nacelle.jobs.refusal import Refused
from nacelle.jobs.schedule import next_times, shifted, shortest_interval
from nacelle.jobs.service.body import read_body
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.entrance import Caller
from nacelle.jobs.service.me import Me, me_view
from nacelle.jobs.service.openapi import refusals
from nacelle.jobs.service.problems import Problem
from nacelle.jobs.service.views import TIMES
from nacelle.jobs.service.wire import (
    FoundKey,
    MessageView,
    NotebookView,
    Preview,
    ReadMessages,
    Shift,
)
from nacelle.jobs.wording import sentence


def make_other_routes(desk: Desk) -> APIRouter:
    """Who one is, notebooks, previews of schedules, messages."""
    router = APIRouter(prefix="/v1", responses=refusals(401, 403, 422, 503))
    store, limits = desk.store, desk.rules.settings.limits

    @router.get("/me", tags=["forms"], summary="Who one is, and what one may choose")
    def me(person: Caller) -> Me:
        return me_view(person, desk.rules, store)

    @router.post(
        "/notebooks",
        tags=["forms"],
        summary="Send a notebook: what a form asks for, and where keys seem to stand",
        responses=refusals(413),
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/x-ipynb+json": {}}}
        },
    )
    async def bring(
        request: Request,
        person: Caller,
        path: Annotated[str, Query(min_length=1, max_length=1024)],
    ) -> NotebookView:
        content = await read_body(request, limits.notebook_bytes)
        return await run_in_threadpool(_brought, desk, person, path, content)

    @router.post(
        "/preview",
        tags=["forms"],
        summary="What a schedule means, and its next times",
        responses=refusals(400),
    )
    def preview(person: Caller, schedule: Annotated[Schedule, Body()]) -> Preview:
        now = desk.now()
        return Preview(
            cron=schedule.cron,
            sentence=Sentence.of(sentence(schedule)),
            next=tuple(next_times(schedule, now, TIMES)),
            shortest_interval_seconds=int(shortest_interval(schedule, now).total_seconds()),
            shifted=tuple(
                Shift(wall=one.wall.isoformat(), tick=one.tick, twice=one.twice)
                for one in shifted(schedule, now)
            ),
            preset=preset_of(schedule.cron),
        )

    @router.get("/messages", tags=["messages"], summary="What the platform has to say to one")
    def messages(
        person: Caller, after: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> list[MessageView]:
        return [MessageView(**one._asdict()) for one in store.messages_of(person.name, after)]

    @router.post(
        "/messages/read",
        tags=["messages"],
        summary="Say that one has read them",
        responses=refusals(400),
    )
    def read(person: Caller, asked: ReadMessages) -> dict[str, Any]:
        store.read_messages(person.name, asked.up_to)
        return {}

    return router


def _brought(desk: Desk, person: Person, path: str, content: bytes) -> NotebookView:
    try:
        shown = notebook_path(path)
    except Refused as error:
        raise Problem.of(error) from None
    found = desk.library.bring(person, content)
    return NotebookView(
        sha256=found.sha256,
        path=shown,
        kernel=found.kernel,
        language=found.language,
        form=found.form,
        findings=tuple(
            FoundKey(**dict(one), said=Sentence.of(where(one))) for one in found.findings
        ),
    )

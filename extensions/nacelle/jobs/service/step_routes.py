"""/v1/runs/{run_id}/steps: the steps of a pipeline's run, each combination of a matrix for itself,
and what each wrote.

The addresses of files are those by which the run's own page links to them.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from nacelle.jobs.order import RunFolder
from nacelle.jobs.pipelines.records import ItemRecord, read_record
from nacelle.jobs.pipelines.step_folder import steps_folder
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.entrance import Caller
from nacelle.jobs.service.openapi import refusals
from nacelle.jobs.service.run_routes import (
    Offset,
    RunId,
    Tail,
    log_answer,
    output_file,
    read_run,
)

StepName = Annotated[
    str, Path(pattern="^[A-Za-z][A-Za-z0-9_-]{0,49}$", description="Name of a step's item.")
]


def make_step_routes(desk: Desk, folder: FilePath) -> APIRouter:
    """The routes of steps, whose runs' files are in `folder`."""
    router = APIRouter(
        prefix="/v1/runs/{run_id}/steps",
        tags=["runs"],
        responses=refusals(401, 403, 404, 422, 503),
    )

    def output(person: Caller, run_id: str, step: str, kind: str, media_type: str) -> Response:
        run, _, files = read_run(desk, folder, person, run_id)
        name = f"notebook.{kind}"
        where = run.notebook and f"{run.notebook.rpartition('/')[0]}/steps/{step}/{name}"
        return output_file(steps_folder(files, step) / name, where, media_type)

    @router.get("", summary="The steps of a pipeline's run; none where a notebook ran alone")
    def steps(person: Caller, run_id: RunId) -> list[ItemRecord]:
        _, _, files = read_run(desk, folder, person, run_id)
        record = read_record(files)
        return list(record.items) if record else []

    @router.get(
        "/{step}/notebook.ipynb",
        summary="A step's output notebook",
        responses={200: {"content": {"application/x-ipynb+json": {}}}},
        response_class=Response,
    )
    def notebook(person: Caller, run_id: RunId, step: StepName) -> Response:
        return output(person, run_id, step, "ipynb", "application/x-ipynb+json")

    @router.get(
        "/{step}/notebook.html",
        summary="A step's output notebook as a page",
        responses={200: {"content": {"text/html": {}}}},
        response_class=Response,
    )
    def page(person: Caller, run_id: RunId, step: StepName) -> Response:
        return output(person, run_id, step, "html", "text/html; charset=utf-8")

    @router.get(
        "/{step}/log",
        summary="A step's log from a byte on, or its end; X-Next-Offset says where to go on",
        responses={200: {"content": {"text/plain": {}}}},
        response_class=Response,
    )
    def log(
        person: Caller, run_id: RunId, step: StepName, offset: Offset = 0, tail: Tail = None
    ) -> Response:
        _, _, files = read_run(desk, folder, person, run_id)
        return log_answer(RunFolder(steps_folder(files, step)), offset, tail)

    return router

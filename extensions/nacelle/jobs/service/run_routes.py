"""/v1/runs: list, read, cancel, repeat and compare runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path as FilePath
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, Response
from pydantic import ValidationError

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Job, Run, RunState
from nacelle.jobs.order import RunFolder
from nacelle.jobs.running.comparing import Comparison, compare
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.entrance import Caller
from nacelle.jobs.service.job_routes import visible
from nacelle.jobs.service.logs import LOG_BYTES as _LOG_BYTES
from nacelle.jobs.service.logs import read_log
from nacelle.jobs.service.openapi import refusals
from nacelle.jobs.service.problems import Problem, forbidden
from nacelle.jobs.service.rights import of_job
from nacelle.jobs.service.views import may_run, run_view
from nacelle.jobs.service.wire import RunOptions, Runs, RunView
from nacelle.jobs.store import RunFilter
from nacelle.language import Said

RunId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of a run.")]
Offset = Annotated[int, Query(ge=0, le=2**53)]
Tail = Annotated[int | None, Query(ge=1, le=_LOG_BYTES, description="Bytes")]
_COMPARED_BYTES = 20_000_000
# What a notebook shows was made by code: it may run scripts of its own, as in Jupyter, but as a
# stranger, with no cookie and no way to the platform.
_SANDBOX = {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'self' data: blob:"
    " 'unsafe-inline' 'unsafe-eval'; connect-src 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def make_run_routes(desk: Desk, folder: FilePath) -> APIRouter:
    """The routes of runs, whose files are in `folder`."""
    router = APIRouter(prefix="/v1/runs", tags=["runs"], responses=refusals(401, 403, 422, 503))
    store = desk.store

    def readable(person: Person, run_id: str) -> tuple[Run, Job, RunFolder]:
        return read_run(desk, folder, person, run_id)

    @router.get(
        "",
        summary="Runs that one may see, newest first",
        response_model=Runs,
        responses=refusals(404),
    )
    def list_runs(
        person: Caller,
        job: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None,
        state: RunState | None = None,
        search: Annotated[str, Query(max_length=200)] = "",
        project: Annotated[str | None, Query(max_length=255)] = None,
        everybody: bool = False,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None,
    ) -> Response:
        if job is not None:
            # The job decides who sees its runs, a project's and an administrator's view too.
            desk.seen(person, job)
            owner, projects = None, None
        else:
            owner, projects = visible(person, project, everybody)
        wanted = RunFilter(job, owner, projects, state, search, limit, before)

        @cache
        def rights(owner: str, project: str | None, over: bool) -> str:
            return may_run(person, owner, project, bool(over)).model_dump_json()

        # As they are kept: thousands of runs are not read and written again on their way out.
        runs = ",".join(
            f'{one.open_json},"may":{rights(one.owner, one.project, one.over)}}}'
            for one in store.run_views(wanted)
        )
        body = f'{{"runs":[{runs}],"total":{store.count_runs(wanted)}}}'
        return Response(body, media_type="application/json")

    @router.get("/{run_id}", summary="One run", responses=refusals(404))
    def one_run(person: Caller, run_id: RunId) -> RunView:
        run, job = desk.run_seen(person, run_id)
        return run_view(person, run, job, store.snapshot(run.version))

    @router.post("/{run_id}/cancel", summary="Stop a run", responses=refusals(404, 409))
    def cancel(person: Caller, run_id: RunId) -> RunView:
        run, _ = desk.run_seen(person, run_id)
        desk.cancel(person, run)
        return run_view(person, *desk.run_seen(person, run_id))

    @router.post(
        "/{run_id}/again",
        status_code=201,
        summary="Run the same once more, or with other parameters",
        responses=refusals(400, 404, 429),
    )
    def again(person: Caller, run_id: RunId, asked: RunOptions | None = None) -> RunView:
        run, job = desk.run_seen(person, run_id)
        made = desk.again(person, run, asked.parameters if asked else None)
        return run_view(person, made, job)

    @router.get(
        "/{run_id}/log",
        summary="The log from a byte on, or its end; X-Next-Offset says where to go on",
        responses=refusals(404) | {200: {"content": {"text/plain": {}}}},
        response_class=Response,
    )
    def log(person: Caller, run_id: RunId, offset: Offset = 0, tail: Tail = None) -> Response:
        _, _, files = readable(person, run_id)
        return log_answer(files, offset, tail)

    @router.get(
        "/{run_id}/output.ipynb",
        summary="The output notebook",
        responses=refusals(404) | {200: {"content": {"application/x-ipynb+json": {}}}},
        response_class=Response,
    )
    def notebook(person: Caller, run_id: RunId) -> Response:
        run, _, files = readable(person, run_id)
        return output_file(files.notebook, run.notebook, "application/x-ipynb+json")

    @router.get(
        "/{run_id}/output.html",
        summary="The output notebook as a page",
        responses=refusals(404) | {200: {"content": {"text/html": {}}}},
        response_class=Response,
    )
    def page(person: Caller, run_id: RunId) -> Response:
        run, _, files = readable(person, run_id)
        return output_file(files.html, run.html, "text/html; charset=utf-8")

    @router.get(
        "/{run_id}/compare/{other}",
        summary="What differs between the outputs of two runs",
        responses=refusals(404, 413),
    )
    def compared(
        person: Caller, run_id: RunId, other: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
    ) -> Comparison:
        contents = []
        for one in (run_id, other):
            run, _, files = readable(person, one)
            if not files.notebook.exists():
                raise _gone(run.notebook)
            if files.notebook.stat().st_size > _COMPARED_BYTES:
                raise Problem(
                    413,
                    Said(
                        "One of the outputs is too large to be compared here; open both.",
                        "L'un des résultats est trop grand pour être comparé ici ; ouvrez les"
                        " deux.",
                    ),
                    kind="too-large",
                )
            contents.append(files.notebook.read_bytes())
        return compare(*contents)

    return router


def read_run(
    desk: Desk, folder: FilePath, person: Person, run_id: str
) -> tuple[Run, Job, RunFolder]:
    """A run with its files, for who may read them. Raises Problem."""
    run, job = desk.run_seen(person, run_id)
    files = RunFolder(folder / run_id)
    if not _may_read(person, job, files):
        raise forbidden(
            "What a run wrote is read by its job's owner, or by the members of its project.",
            "Ce qu'une exécution a écrit est lu par le propriétaire du travail, ou par les"
            " membres de son projet.",
        )
    return run, job, files


def _may_read(person: Person, job: Job, files: RunFolder) -> bool:
    """Whether somebody may read the bucket that a run writes to, as it was when it was launched."""
    try:
        target = files.read_order().target
    except (OSError, ValidationError):
        return of_job(person, job).read
    return urlsplit(target).netloc in person.spaces


def log_answer(files: RunFolder, offset: int, tail: int | None) -> Response:
    """A piece of a log."""
    text, following = read_log(files.log, offset, tail)
    headers = {"X-Next-Offset": str(following), "Cache-Control": "no-store"}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def output_file(path: FilePath, address: str | None, media_type: str) -> Response:
    """What code has written, to be shown as a stranger's. Raises Problem where it is gone."""
    if not path.exists():
        raise _gone(address)
    return FileResponse(path, media_type=media_type, headers=_SANDBOX)


def _gone(address: str | None) -> Problem:
    where_en = f" It is kept at {address}." if address else " The run has written none yet."
    where_fr = f" Il est gardé à {address}." if address else " L'exécution n'en a pas encore écrit."
    return Problem(
        404,
        Said(
            "The output is not here (any more)." + where_en,
            "Le résultat n'est pas (ou plus) ici." + where_fr,
        ),
        kind="no-output",
    )

"""The jobs service over HTTP: an application from a factory."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from nacelle.jobs.refusal import Refused
from nacelle.jobs.service.access import Access
from nacelle.jobs.service.body import JSON_BYTES, BodyLimit
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.job_routes import make_job_routes
from nacelle.jobs.service.live import Changes, make_live_routes
from nacelle.jobs.service.openapi import with_problems
from nacelle.jobs.service.other_routes import make_other_routes
from nacelle.jobs.service.problems import MEDIA_TYPE, Problem, of_pydantic
from nacelle.jobs.service.run_routes import make_run_routes
from nacelle.jobs.service.step_routes import make_step_routes
from nacelle.language import Said, choose_language
from nacelle.logs import request_id
from nacelle.prefixes import JOBS_PREFIX

_ABOUT = """Notebooks as jobs: made, scheduled, run, watched and repaired.

Send a hub token as `Authorization: Bearer ...`. A session's own token may be used."""

log = logging.getLogger(__name__)


def make_app(desk: Desk, access: Access, runs: Path, *, language: str = "auto") -> FastAPI:
    """The application over a desk; `runs` is the folder of the runs' files."""
    changes = Changes(desk.store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(changes.follow())
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        desk.library.examiner.close()
        await access.directory.close()

    app = FastAPI(
        title="Nacelle: jobs",
        description=_ABOUT,
        version=version("nacelle"),
        lifespan=lifespan,
        openapi_url=f"{JOBS_PREFIX}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.access = access
    app.state.language = language
    for router in (
        make_job_routes(desk),
        make_run_routes(desk, runs),
        make_step_routes(desk, runs),
        make_other_routes(desk),
        make_live_routes(changes),
    ):
        app.include_router(router, prefix=JOBS_PREFIX)

    @app.get(f"{JOBS_PREFIX}/health", tags=["health"], summary="Whether it answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(f"{JOBS_PREFIX}/", include_in_schema=False)
    async def start() -> RedirectResponse:
        return RedirectResponse("/hub/jobs")

    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _not_as_described)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(
        BodyLimit, limit=JSON_BYTES, apart=f"{JOBS_PREFIX}/v1/notebooks", refuse=_refuse
    )
    app.middleware("http")(_with_request_id)
    described = app.openapi
    # Made when somebody asks: it takes longer than all the rest.
    app.openapi = lambda: with_problems(described())  # type: ignore[method-assign]
    return app


async def _with_request_id(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    number = secrets.token_hex(8)
    request_id.set(number)
    response = await call_next(request)
    response.headers["X-Request-Id"] = number
    return response


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    spoken = choose_language(request.headers.get("accept-language"), request.app.state.language)
    body = error.body(spoken, request_id.get() or "")
    headers = {**error.headers, "Content-Language": spoken}
    return Response(body, error.status, headers, MEDIA_TYPE)


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    await (await _problem(Request(scope), problem))(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return await _problem(request, Problem.of(error))


async def _not_as_described(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _problem(request, Problem.of_fields(of_pydantic(error.errors())))


async def _plain(request: Request, error: Exception) -> Response:
    """What the framework itself refuses, in a sentence that helps."""
    assert isinstance(error, HTTPException)
    path, method = request.url.path[:100], request.method
    said = {
        400: Said("The body is not JSON.", "Le corps de la requête n'est pas du JSON."),
        404: Said(
            f"There is nothing at {path}; openapi.json beside /v1 says what there is.",
            f"Il n'y a rien à {path} ; openapi.json à côté de /v1 dit ce qu'il y a.",
        ),
        405: Said(f"{path} does not take {method}.", f"{path} n'accepte pas {method}."),
    }.get(error.status_code, Said(str(error.detail), str(error.detail)))
    headers: dict[str, Any] = dict(error.headers or {})
    if error.status_code == 405:
        # The framework names the methods of one of several routes at a path.
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return await _problem(request, Problem(error.status_code, said, headers=headers))


def _methods_at(request: Request) -> set[str]:
    """The methods of all routes at the path that was asked for."""
    return {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


async def _unexpected(request: Request, error: Exception) -> Response:
    number = request_id.get() or ""
    log.error("unexpected error", exc_info=error)
    said = Said(
        f"Something went wrong here; tell your administrator request {number}.",
        f"Quelque chose a échoué ici ; donnez à votre administrateur le numéro {number}.",
    )
    return await _problem(request, Problem(500, said))

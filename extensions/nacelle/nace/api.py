"""The classifier over HTTP: an application from a factory.

`make_app(service)` is the application; `app_from_environment` makes it for a server's process with
the files, secrets and addresses of this installation.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from nacelle.credentials.hub import HubDirectory
from nacelle.layout import NACE_PREFIX, Layout
from nacelle.logs import log_to_stdout, request_id
from nacelle.nace.serving.access import open_access
from nacelle.nace.serving.hot import HotRoutes
from nacelle.nace.serving.key_routes import make_key_routes
from nacelle.nace.serving.metrics import Metrics
from nacelle.nace.serving.openapi import describe
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem
from nacelle.nace.serving.reading_routes import make_health_routes, make_reading_routes
from nacelle.nace.serving.recorder import Recorder
from nacelle.nace.serving.service import Service
from nacelle.secrets import read_secret
from nacelle.settings import load_settings

_ABOUT = """Codes descriptions of activities in a nomenclature.

An answer is a forecast with its probability, not a decision: where `automatic` is not true, an
agent should look at it. Send an API key or a hub token as `Authorization: Bearer ...`."""
_HUB_SECONDS = 15

log = logging.getLogger(__name__)


def make_app(service: Service, *, prefix: str = NACE_PREFIX, language: str = "auto") -> FastAPI:
    """The application around a service; it starts and stops the service with itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="Nacelle: codes for activities",
        description=_ABOUT,
        version=version("nacelle"),
        lifespan=lifespan,
        openapi_url=f"{prefix}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(make_reading_routes(service, language), prefix=prefix)
    app.include_router(make_key_routes(service.access), prefix=prefix)
    app.include_router(make_health_routes(service), prefix=prefix)

    @app.get(prefix + "/", include_in_schema=False)
    async def start() -> RedirectResponse:
        return RedirectResponse("/hub/classify")

    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _not_as_described)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(HotRoutes, service=service, prefix=prefix, language=language)
    described = describe(app, prefix)
    app.openapi = lambda: described  # type: ignore[method-assign]
    return app


def app_from_environment() -> FastAPI:
    """The application of one process of this installation's service."""
    log_to_stdout("nace")
    settings = load_settings()
    layout = Layout(settings)
    folder, nace = layout.folder("nace"), settings.nace
    directory = HubDirectory(_HUB_SECONDS) if os.environ.get("JUPYTERHUB_API_TOKEN") else None
    records = nace.records
    service = Service(
        nace,
        folder / "models",
        open_access(nace, folder, directory, read_secret(layout, "nace.secret")),
        Recorder(
            folder / "records",
            fsync=records.fsync,
            rotate_bytes=records.rotate_bytes,
            rotate_seconds=records.rotate_seconds,
            text_key=read_secret(layout, "nace.text") if records.text == "hash" else None,
        ),
        Metrics(),
    )
    return make_app(service, language=settings.hub.language)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    number = request_id.get() or ""
    return Response(error.body(number), error.status, error.headers, MEDIA_TYPE)


async def _not_as_described(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:3]
    )
    return await _problem(request, Problem(422, f"{said}.", kind="wrong-request"))


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, str(error.detail), headers=error.headers)
    return await _problem(request, problem)


async def _unexpected(request: Request, error: Exception) -> Response:
    number = request_id.get() or ""
    log.error("unexpected error", exc_info=error)
    detail = f"Something went wrong here; tell your administrator request {number}."
    return await _problem(request, Problem(500, detail))

"""The classifier over HTTP: an application from a factory.

`make_app(service)` is the application; `app_from_environment` makes it for a server's process with
the files, secrets and addresses of this installation.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from nacelle.credentials.hub import HubDirectory
from nacelle.layout import Layout
from nacelle.logs import log_to_stdout, request_id
from nacelle.nace.serving.access import Access, open_access
from nacelle.nace.serving.counters import CountersUnusable
from nacelle.nace.serving.hot import HotRoutes
from nacelle.nace.serving.key_routes import make_key_routes
from nacelle.nace.serving.keys import KeysUnusable
from nacelle.nace.serving.metrics import Metrics
from nacelle.nace.serving.openapi import describe, methods_at
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem
from nacelle.nace.serving.reading_routes import make_health_routes, make_reading_routes
from nacelle.nace.serving.recorder import Recorder
from nacelle.nace.serving.service import Service
from nacelle.prefixes import NACE_PREFIX
from nacelle.secrets import read_secret
from nacelle.settings import load_settings
from nacelle.settings.nace import NaceSettings

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
    directory = (
        HubDirectory(_HUB_SECONDS, "classify") if os.environ.get("JUPYTERHUB_API_TOKEN") else None
    )
    records = nace.records
    service = Service(
        nace,
        folder / "models",
        _access(nace, folder, directory, read_secret(layout, "nace.secret")),
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


def _access(
    settings: NaceSettings, folder: Path, directory: HubDirectory | None, secret: str
) -> Access:
    try:
        return open_access(settings, folder, directory, secret)
    except (KeysUnusable, CountersUnusable) as error:
        log.error("cannot start", extra={"reason": str(error)})
        sys.exit(1)


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
    """What the framework itself refuses, in a sentence that helps."""
    assert isinstance(error, HTTPException)
    path, headers = request.url.path[:100], dict(error.headers or {})
    # The framework names the methods of one of several routes at a path.
    allowed = ", ".join(methods_at(request.app.openapi(), request.url.path))
    if error.status_code == 405 and allowed:
        headers["Allow"] = allowed
    said = {
        400: "The body is not JSON.",
        404: f"There is nothing at {path}; openapi.json beside /v1 says what there is.",
        405: f"{path} does not take {request.method}, but {headers.get('Allow', 'others')}.",
    }
    detail = said.get(error.status_code, str(error.detail))
    return await _problem(request, Problem(error.status_code, detail, headers=headers))


async def _unexpected(request: Request, error: Exception) -> Response:
    number = request_id.get() or ""
    log.error("unexpected error", exc_info=error)
    detail = f"Something went wrong here; tell your administrator request {number}."
    return await _problem(request, Problem(500, detail))

"""/nacelle/jobs/*: the jobs service for the pages in one's browser, asked with the server's token.

A page in Lab holds no hub token. It asks its own server, which knows its user by Jupyter's own
login and XSRF rules, and the server asks the service as its owner. Nothing is decided here: who may
do what is the service's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import httpx
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from nacelle.lab.jobs_problems import problem
from nacelle.lab.jobs_routes import Route, find_route, kept_query
from nacelle.language import Said

RESOURCE = "nacelle-jobs"
# The service says that it is there every 15 s on a stream without news.
_PATIENCE = httpx.Timeout(10, read=60)
_SENT = ("Accept", "Accept-Language", "Content-Type", "Last-Event-ID")
_GIVEN = (
    "Content-Type",
    "Content-Disposition",
    "Content-Language",
    "Content-Length",
    "Retry-After",
    "X-Next-Offset",
    "X-Request-Id",
)
# A notebook made the page, maybe a colleague's: it may run scripts, as a stranger to this server.
_SANDBOX = (
    "sandbox allow-scripts allow-popups; default-src data: blob: 'unsafe-inline' 'unsafe-eval';"
    " connect-src 'none'; form-action 'none'"
)


class JobsHandler(APIHandler):  # type: ignore[misc]
    """Passes one request on and streams the answer back."""

    auth_resource = RESOURCE
    _pump: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        # A page that looks on is no work: a forgotten tab must not keep a server alive.
        self._track_activity = self.request.method not in ("GET", "HEAD")
        await super().prepare()

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Read."""
        await self._pass_on(path)

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def post(self, path: str) -> None:
        """Make, or do something."""
        await self._pass_on(path)

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def patch(self, path: str) -> None:
        """Change."""
        await self._pass_on(path)

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def delete(self, path: str) -> None:
        """Delete."""
        await self._pass_on(path)

    @property
    def content_security_policy(self) -> str:
        if self.request.path.endswith(("/output.html", "/notebook.html")):
            return _SANDBOX
        return str(super().content_security_policy)

    def on_connection_close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()

    async def _pass_on(self, path: str) -> None:
        route = find_route(path)
        if route is None:
            self._refuse(404, _nothing_at(path))
        elif self.request.method not in route.methods:
            self._refuse(405, _not_taken(path, str(self.request.method)))
        elif len(self.request.body) > route.most_bytes:
            self._refuse(413, _too_large(route.most_bytes))
        elif missing := _missing(os.environ):
            self._refuse(503, missing)
        else:
            self._pump = asyncio.ensure_future(self._answer(route, path))
            with suppress(asyncio.CancelledError, StreamClosedError):
                await self._pump

    async def _answer(self, route: Route, path: str) -> None:
        client: httpx.AsyncClient = self.settings["nacelle_jobs_client"]
        try:
            async with client.stream(
                str(self.request.method),
                f"{os.environ['NACELLE_JOBS_URL']}/v1/{path}",
                params=kept_query(route, parse_qsl(self.request.query)),
                content=self.request.body,
                headers=self._headers_to_send(),
            ) as answer:
                await self._give(answer)
        except httpx.HTTPError as error:
            self.log.warning("the jobs service does not answer: %s", type(error).__name__)
            if not self._headers_written:
                self._refuse(503, _AWAY)

    def _headers_to_send(self) -> dict[str, str]:
        given = {name: self.request.headers[name] for name in _SENT if name in self.request.headers}
        token = os.environ["JUPYTERHUB_API_TOKEN"]
        return given | {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}

    async def _give(self, answer: httpx.Response) -> None:
        if answer.is_redirect:
            self._refuse(502, _AWAY)
            return
        self.set_status(answer.status_code)
        for name in _GIVEN:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        # A stream shows at once that it stands.
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            await self.flush()
        async for chunk in answer.aiter_raw():
            self.write(chunk)
            # Waits for a slow reader, so that memory stays flat.
            await self.flush()
        self.finish(set_content_type=answer.headers.get("Content-Type", "application/json"))

    def _refuse(self, status: int, said: Said) -> None:
        self.set_status(status)
        self.finish(problem(status, said), set_content_type="application/problem+json")


def make_client() -> httpx.AsyncClient:
    """The one client of a server. Proxies of the environment are not for loopback and cluster."""
    # Each open page of Lab holds one stream.
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=10)
    return httpx.AsyncClient(timeout=_PATIENCE, limits=limits, trust_env=False)


def _missing(environ: Mapping[str, str]) -> Said | None:
    for name in ("NACELLE_JOBS_URL", "JUPYTERHUB_API_TOKEN"):
        if not environ.get(name):
            return Said(
                f"{name} is not set: jobs exist in a session of the platform. Stop this session"
                " and start it again from the hub.",
                f"{name} n'est pas défini : les travaux existent dans une session de la plateforme."
                " Arrêtez cette session et redémarrez-la depuis le hub.",
            )
    return None


_AWAY = Said(
    "The jobs service does not answer; try again in a minute.",
    "Le service des travaux ne répond pas ; réessayez dans une minute.",
)


def _nothing_at(path: str) -> Said:
    shown = path[:100]
    return Said(
        f"There is nothing at /nacelle/jobs/{shown}.", f"Il n'y a rien à /nacelle/jobs/{shown}."
    )


def _not_taken(path: str, method: str) -> Said:
    return Said(
        f"/nacelle/jobs/{path} does not take {method}.",
        f"/nacelle/jobs/{path} n'accepte pas {method}.",
    )


def _too_large(limit: int) -> Said:
    size = f"{limit / 1e6:.0f}"
    return Said(
        f"What was sent is larger than {size} MB. Clear the notebook's outputs, or send less.",
        f"L'envoi dépasse {size} Mo. Effacez les sorties du carnet, ou envoyez moins.",
    )


def job_handlers(base_url: str) -> list[tuple[str, Any]]:
    """The routes, for the server's application."""
    return [(rf"{base_url.rstrip('/')}/nacelle/jobs/(.*)", JobsHandler)]

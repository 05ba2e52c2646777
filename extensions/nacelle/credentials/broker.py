"""The broker: a hub service that decides who may have which storage keys.

It turns a hub token into an identity, and that into keys of the store (see `exchange`). Started
with `python -m nacelle.credentials.broker`; it listens on loopback unless `--host` says otherwise,
and the hub's proxy puts it at /services/broker/.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nacelle.credentials.buckets import buckets_of
from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys, KeysRefused, KeysUnavailable
from nacelle.credentials.secret_routes import make_secret_routes
from nacelle.credentials.stores import Store, issuer_url, make_store
from nacelle.layout import Layout
from nacelle.logs import log_to_stdout, request_id
from nacelle.prefixes import BROKER_PREFIX as PREFIX
from nacelle.settings import load_settings
from nacelle.storage.slug import SlugError

log = logging.getLogger(__name__)

# How long the hub's answers are kept: so long at most do keys follow a token that was revoked.
CACHE_SECONDS = 15
_SWITCH_SECONDS = 0.0005


class Broker:
    """Gives keys for an identity.

    `services` names the project whose bucket a service writes to beside its own.
    """

    def __init__(self, store: Store, life: int, services: Mapping[str, str]) -> None:
        self._store = store
        self._life = life
        self._services = dict(services)

    def keys_for(self, identity: Identity) -> Keys:
        """Storage keys of `identity`, whose buckets exist when they are handed out.

        Raises SlugError, before any key is made, for somebody who can have no bucket;
        KeysUnavailable.
        """
        identity = self._in_project(identity)
        wanted = buckets_of(identity)
        keys = self._store.exchange.keys(identity, self._life)
        if self._store.buckets is not None:
            self._store.buckets.ensure(wanted, keys)
        return keys

    def _in_project(self, identity: Identity) -> Identity:
        project = self._services.get(identity.name) if identity.kind == "service" else None
        return replace(identity, projects=(project,)) if project else identity


def make_app(
    broker: Broker, issuer: Issuer, directory: HubDirectory, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The service's routes: /keys for those who hold a hub token, the rest for everybody.

    `more` are routes of other modules, below the same prefix.
    """

    async def give_keys(request: Request) -> Response:
        started = time.monotonic()
        identity = await directory.identify(request.headers.get("authorization"))
        keys = await asyncio.to_thread(broker.keys_for, identity)
        log.info(
            "keys given",
            extra={
                "subject": identity.subject,
                "access_key": keys.access_key,
                "expires": keys.expires.isoformat(),
                "ms": round(1000 * (time.monotonic() - started), 1),
            },
        )
        return JSONResponse(keys.to_wire(), headers={"Cache-Control": "no-store"})

    async def discovery(request: Request) -> Response:
        return JSONResponse(issuer.discovery())

    async def key_set(request: Request) -> Response:
        # On no thread: all may be waiting for a store which asks for these keys before it answers.
        return JSONResponse(issuer.key_set())

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/keys", give_keys, methods=["POST"]),
        Route("/.well-known/openid-configuration", discovery),
        Route("/jwks.json", key_set),
        Route("/health", health),
        *more,
    ]
    return Starlette(
        routes=[Mount(PREFIX, routes=routes)],
        middleware=[Middleware(_WithRequestId)],
        exception_handlers={
            NotAllowed: _not_allowed,
            SlugError: _refused,
            KeysRefused: _refused,
            KeysUnavailable: _unavailable,
        },
    )


class _WithRequestId:
    """Gives each request a number, and an answer with it when something unexpected happens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        request_id.set(number)
        begun = False

        async def numbered(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)["X-Request-Id"] = number
            await send(message)

        try:
            await self._app(scope, receive, numbered)
        except Exception:
            log.exception("unexpected error")
            if begun:
                raise
            problem = _problem(500, f"unexpected error; tell your administrator request {number}")
            await problem(scope, receive, numbered)


async def _not_allowed(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotAllowed)
    log.info("refused", extra={"reason": str(error)})
    return _problem(error.status, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    log.info("refused", extra={"reason": str(error)})
    return _problem(403, str(error))


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("no keys", extra={"reason": str(error)})
    return _problem(503, str(error))


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"status": status, "message": message}, status_code=status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the broker of this installation until it is told to stop."""
    options = _options().parse_args(arguments)
    # Keys are made on threads; with Python's 5 ms the one that answers waits for them, and half as
    # many keys are made.
    sys.setswitchinterval(_SWITCH_SECONDS)
    log_to_stdout("broker")
    settings = load_settings()
    layout = Layout(settings)
    issuer = Issuer(issuer_url(layout), layout.folder("broker") / "keys.json")
    directory = HubDirectory(cache_seconds=CACHE_SECONDS)
    broker = Broker(
        make_store(layout, issuer), settings.store.key_life, {"nace": settings.nace.project}
    )
    app = make_app(broker, issuer, directory, make_secret_routes(layout, issuer))
    uvicorn.run(
        app,
        host=options.host,
        port=layout.port("broker"),
        log_config=None,
        access_log=False,
        server_header=False,
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nacelle.credentials.broker")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 where the hub's proxy runs elsewhere, as on a cluster",
    )
    return parser


if __name__ == "__main__":
    main()

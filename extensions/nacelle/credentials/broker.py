"""The broker: a hub service that decides who may have which storage keys.

It turns a hub token into a web identity token of its own and exchanges that at the store. Started
with `python -m nacelle.credentials.broker`; it listens on loopback, the hub's proxy puts it at
/services/broker/.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from nacelle.credentials.buckets import Buckets, buckets_of
from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys, KeysUnavailable
from nacelle.credentials.sts import AUDIENCE, TokenExchange
from nacelle.layout import Layout
from nacelle.logs import log_to_stdout, request_id
from nacelle.prefixes import BROKER_PREFIX as PREFIX
from nacelle.settings import load_settings
from nacelle.storage.slug import SlugError, slug

log = logging.getLogger(__name__)


class Broker:
    """Gives keys for an identity; knows one issuer and one store.

    `services` names the project whose bucket a service writes to beside its own.
    """

    def __init__(
        self,
        issuer: Issuer,
        exchange: TokenExchange,
        buckets: Buckets,
        life: int,
        services: Mapping[str, str],
    ) -> None:
        self._services = dict(services)
        self._issuer = issuer
        self._exchange = exchange
        self._buckets = buckets
        self._life = life

    def keys_for(self, identity: Identity) -> Keys:
        """Storage keys of `identity`, whose buckets exist when they are handed out.

        Raises SlugError, before any key is made, for somebody who can have no bucket.
        """
        identity = self._in_project(identity)
        buckets = buckets_of(identity)
        token = self._issuer.sign(identity, AUDIENCE)
        name = slug(identity.name)[:60].ljust(2, "-")
        keys = self._exchange.exchange(token, name, self._life)
        self._buckets.ensure(buckets, keys)
        return keys

    def _in_project(self, identity: Identity) -> Identity:
        project = self._services.get(identity.name) if identity.kind == "service" else None
        return replace(identity, projects=(project,)) if project else identity


def make_app(broker: Broker, issuer: Issuer, directory: HubDirectory) -> Starlette:
    """The service's routes: /keys for those who hold a hub token, the rest for everybody."""

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
        return JSONResponse(await asyncio.to_thread(issuer.key_set))

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/keys", give_keys, methods=["POST"]),
        Route("/.well-known/openid-configuration", discovery),
        Route("/jwks.json", key_set),
        Route("/health", health),
    ]
    return Starlette(
        routes=[Mount(PREFIX, routes=routes)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_request_id)],
        exception_handlers={
            NotAllowed: _not_allowed,
            SlugError: _unnameable,
            KeysUnavailable: _unavailable,
        },
    )


async def _with_request_id(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    number = secrets.token_hex(8)
    request_id.set(number)
    try:
        response = await call_next(request)
    except Exception:
        log.exception("unexpected error")
        response = _problem(500, f"unexpected error; tell your administrator request {number}")
    response.headers["X-Request-Id"] = number
    return response


async def _not_allowed(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotAllowed)
    log.info("refused", extra={"reason": str(error)})
    return _problem(error.status, str(error))


async def _unnameable(request: Request, error: Exception) -> Response:
    log.info("refused", extra={"reason": str(error)})
    return _problem(403, str(error))


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("no keys", extra={"reason": str(error)})
    return _problem(503, str(error))


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"status": status, "message": message}, status_code=status)


def main() -> None:
    """Run the broker of this installation until it is told to stop."""
    log_to_stdout("broker")
    settings = load_settings()
    layout = Layout(settings)
    issuer = Issuer(layout.broker_url, layout.folder("broker") / "keys.json")
    store = layout.address("store")
    verify: str | bool = str(layout.ca_file) if settings.store.tls else True
    broker = Broker(
        issuer,
        TokenExchange(store, settings.store.region, verify),
        Buckets(store, settings.store.region, verify),
        settings.store.key_life,
        {"nace": settings.nace.project},
    )
    app = make_app(broker, issuer, HubDirectory(cache_seconds=15))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=layout.port("broker"),
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()

"""The broker's routes for people's secrets, below /services/broker/secrets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.issuer import Issuer
from nacelle.credentials.secret_callers import PROOF_SECRET, Callers, SecretsDirectory
from nacelle.credentials.secret_desk import Kept, SecretDesks
from nacelle.credentials.secret_names import BadSecret
from nacelle.credentials.secret_wire import SessionSecrets, VaultAccess
from nacelle.credentials.vault import Lease, Vault, VaultAway, VaultRefused
from nacelle.language import Said
from nacelle.layout import Layout
from nacelle.secrets import read_secret
from nacelle.settings.vault import VaultSettings
from nacelle.storage.slug import slug

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

PATH = "/secrets"
_LONGEST_BODY = 128 * 1024
_NO_STORE = {"Cache-Control": "no-store"}
_AWAY = Said(
    "The store of secrets does not answer; try again in a moment.",
    "Le coffre des secrets ne répond pas ; réessayez dans un instant.",
)
_NOT_SET_UP = Said(
    "The store of secrets refuses this platform; tell an administrator, its log says why.",
    "Le coffre des secrets refuse cette plateforme ; prévenez un administrateur, son journal dit"
    " pourquoi.",
)


class SecretRoutes:
    """What the routes do."""

    def __init__(self, settings: VaultSettings, desks: SecretDesks, callers: Callers) -> None:
        self._settings = settings
        self._desks = desks
        self._callers = callers

    async def tell(self, request: Request) -> Response:
        """What a person keeps, without values."""
        person = await self._callers.keeper(request)
        async with self._desks.open(person) as desk:
            secrets, identity, hosts = await asyncio.gather(
                desk.secrets(), desk.identity(), desk.hosts()
            )
        return _json(
            {
                "secrets": [_kept(one) for one in secrets],
                "git": {"name": identity[0], "mail": identity[1]},
                "hosts": [_kept(one) for one in hosts],
            }
        )

    async def keep(self, request: Request) -> Response:
        """Write the secret that the path names."""
        person, name = await self._callers.keeper(request), request.path_params["name"]
        body = await _body(request)
        async with self._desks.open(person) as desk:
            await desk.keep(name, body.get("value"))
        log.info("secret kept", extra={"subject": person.subject, "secret": name})
        return _done()

    async def drop(self, request: Request) -> Response:
        """Remove the secret that the path names."""
        person, name = await self._callers.keeper(request), request.path_params["name"]
        async with self._desks.open(person) as desk:
            await desk.drop(name)
        log.info("secret removed", extra={"subject": person.subject, "secret": name})
        return _done()

    async def name_commits(self, request: Request) -> Response:
        """Write who commits."""
        person, body = await self._callers.keeper(request), await _body(request)
        async with self._desks.open(person) as desk:
            await desk.name_commits(body.get("name"), body.get("mail"))
        return _done()

    async def keep_login(self, request: Request) -> Response:
        """Write the login at the Git server that the path names."""
        person, host = await self._callers.keeper(request), request.path_params["host"]
        body = await _body(request)
        async with self._desks.open(person) as desk:
            await desk.keep_login(host, body.get("username"), body.get("token"))
        log.info("git token kept", extra={"subject": person.subject, "host": host})
        return _done()

    async def drop_login(self, request: Request) -> Response:
        """Remove the login at the Git server that the path names."""
        person, host = await self._callers.keeper(request), request.path_params["host"]
        async with self._desks.open(person) as desk:
            await desk.drop_login(host)
        log.info("git token removed", extra={"subject": person.subject, "host": host})
        return _done()

    async def login_at(self, request: Request) -> Response:
        """The login at a Git server, for Git in a session."""
        person, body = await self._callers.reader(request), await _body(request)
        async with self._desks.open(person) as desk:
            login = await desk.login_at(body.get("host"))
        if login is None:
            return _problem(404, Said("There is no such token.", "Ce jeton n'existe pas."))
        log.info("git token given", extra={"subject": person.subject, "host": body["host"]})
        return _json({"username": login.username, "token": login.token})

    async def give(self, request: Request) -> Response:
        """All that a session gets when it starts."""
        person = await self._callers.reader(request)
        async with self._desks.open(person) as desk:
            environment, identity = await asyncio.gather(desk.environment(), desk.identity())
        lease = await self._desks.lease_to_session(person)
        log.info("secrets given", extra={"subject": person.subject, "count": len(environment)})
        given = SessionSecrets(environment, *identity, self._access(person.name, lease))
        return _json(given.to_wire())

    async def renew(self, request: Request) -> Response:
        """A session's token of the vault with new life; another one where it has ended."""
        person, body = await self._callers.reader(request), await _body(request)
        token = body.get("token")
        lease = await self._desks.renew(token) if isinstance(token, str) and token else None
        if lease is None:
            lease = await self._desks.lease_to_session(person)
            log.info("another token of the vault", extra={"subject": person.subject})
        return _json({"token": lease.token, "seconds": lease.seconds})

    def _access(self, name: str, lease: Lease) -> VaultAccess:
        return VaultAccess(
            address=str(self._settings.url),
            mount=self._settings.mount,
            top_dir=f"{self._settings.top_dir}/{slug(name)}",
            ca_file=self._settings.ca_file,
            token=lease.token,
            seconds=lease.seconds,
        )


def make_routes(routes: SecretRoutes) -> list[Route]:
    """The routes of `routes`."""
    return [
        _route("", routes.tell, "GET"),
        _route("/environment/{name}", routes.keep, "PUT"),
        _route("/environment/{name}", routes.drop, "DELETE"),
        _route("/git", routes.name_commits, "PUT"),
        _route("/git/login", routes.login_at, "POST"),
        _route("/git/hosts/{host}", routes.keep_login, "PUT"),
        _route("/git/hosts/{host}", routes.drop_login, "DELETE"),
        _route("/session", routes.give, "POST"),
        _route("/session/renew", routes.renew, "POST"),
    ]


def make_secret_routes(
    layout: Layout, issuer: Issuer, directory: HubDirectory | None = None
) -> list[Route]:
    """What the broker mounts beside its own routes; nothing where no vault is set."""
    settings = layout.settings.vault
    if settings.url is None:
        return []
    callers = Callers(directory or SecretsDirectory(), read_secret(layout, PROOF_SECRET))
    desks = SecretDesks(Vault(settings), issuer)
    return make_routes(SecretRoutes(settings, desks, callers))


def _route(path: str, endpoint: Endpoint, method: str) -> Route:
    return Route(PATH + path, _translating(endpoint), methods=[method])


def _translating(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, whose errors for people become answers."""

    async def translated(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BadSecret as bad:
            return _problem(400, bad.said)
        except NotAllowed as refused:
            log.info("refused", extra={"reason": str(refused)})
            message = str(refused)
            return _problem(refused.status, Said(message, message))
        except VaultAway:
            return _problem(503, _AWAY)
        except VaultRefused:
            return _problem(502, _NOT_SET_UP)

    return translated


async def _body(request: Request) -> dict[str, Any]:
    """A JSON object. Raises BadSecret, which repeats nothing of it."""
    given = bytearray()
    async for part in request.stream():
        given += part
        if len(given) > _LONGEST_BODY:
            raise BadSecret(Said("This is too long.", "C'est trop long."))
    try:
        body = json.loads(given)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BadSecret(Said("Send a JSON object.", "Envoyez un objet JSON."))
    return body


def _kept(one: Kept) -> dict[str, str]:
    return {"name": one.name, "changed": one.changed}


def _json(body: dict[str, Any]) -> Response:
    return JSONResponse(body, headers=_NO_STORE)


def _done() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_NO_STORE)


def _problem(status: int, said: Said) -> Response:
    body = {"status": status, "message": said.en, "said": {"en": said.en, "fr": said.fr}}
    return JSONResponse(body, status_code=status, headers=_NO_STORE)

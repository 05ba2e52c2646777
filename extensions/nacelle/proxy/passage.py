"""A door: a hub service that lets people in by the hub's sign-on and passes requests on.

Everything here is the same for each application behind a door; what is particular to one is its
`Behind`. Browsers go through the hub's login, programs send their hub token.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from jupyterhub.services.auth import (
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from nacelle.credentials.identity import (
    PROOF_HEADER,
    REQUEST_ID_HEADER,
    Person,
    Reader,
    sign_proof,
)
from nacelle.language import Said
from nacelle.proxy.errors import (
    Refusal,
    make_json,
    make_page,
    reader_language,
    refusal_of,
    sentence_of,
    wants_page,
)
from nacelle.proxy.relay import Relay, Upload
from nacelle.storage.slug import SlugError

# How long an answer of the hub is believed. Leaving a project takes effect within this time.
MEMBERSHIP_SECONDS = 2

# Bodies are passed on as they come, so their size is the application's business.
_MAX_BODY = 1 << 40
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

_ELSEWHERE = Said(
    "This request came from another site or from a login that has ended",
    "Cette requête vient d'un autre site ou d'une connexion qui a expiré",
)
_UNKNOWN = Said(
    "The hub does not know this token; it may have ended",
    "Le hub ne connaît pas ce jeton ; il a peut-être expiré",
)
_SEND_ONE = Said(
    "Send your hub token as 'Authorization: Bearer <token>'"
    " (MLFLOW_TRACKING_TOKEN for MLflow's client)",
    "Envoyez votre jeton du hub par « Authorization: Bearer <jeton> »"
    " (MLFLOW_TRACKING_TOKEN pour le client de MLflow)",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Behind:
    """The application behind a door."""

    name: str
    """What people call it, for sentences."""
    audience: str
    """The server that proofs are signed for."""
    prefix: str
    """Path under which hub and application know it, without trailing slash."""
    address: str
    """Where it listens, e.g. http://127.0.0.1:8004."""
    secret: str
    """What proofs are signed with; known to door and application alone."""
    language: str = "auto"
    """Language of the door's own pages, as settings.hub.language."""
    headers: frozenset[str] = frozenset()
    """Request headers, in lower case, that it needs beside the usual ones."""
    readers: Mapping[str, str] = field(default_factory=dict)
    """Hub services that may come in, to read: name -> the one space of each."""


class DoorHandler(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """What every answer of a door has in common: a request id, and errors people can read."""

    behind: Behind
    relay: Relay

    def initialize(self, behind: Behind, relay: Relay) -> None:
        self.behind = behind
        self.relay = relay
        self.request_id = uuid.uuid4().hex

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        said = sentence_of(error, status_code, self.request_id)
        self.set_header(REQUEST_ID_HEADER, self.request_id)
        self.set_header("Cache-Control", "no-store")
        if _has_body(self.request):
            # Its body may be unread, so nobody may use this connection for another request.
            self.set_header("Connection", "close")
        if wants_page(self.request):
            self.finish(self._page(said, getattr(error, "detail", "")))
            return
        self.set_header("Content-Type", "application/json")
        self.finish(make_json(status_code, said.en, self.request_id))

    def _page(self, said: Said, detail: str) -> str:
        language = reader_language(self.request, self.behind.language)
        home = f"{self.hub_auth.hub_host}{self.hub_auth.hub_prefix}home"
        self.set_header("Vary", "Accept, Accept-Language")
        return make_page(self.behind.name, said, detail, self.request_id, home, language)

    def check_xsrf_cookie(self) -> None:
        """Refuse a cookie on what another site sent.

        The pages behind a door know nothing of the hub's _xsrf values, so the browser's own word
        on where a request comes from decides.
        """
        headers = self.request.headers
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            if site == "same-origin" or (site == "none" and self.request.method in _READING):
                return
        elif urlsplit(headers.get("Origin", "")).netloc == self.request.host:
            return
        raise Refusal(403, _ELSEWHERE)


class Health(DoorHandler):
    """Whether the door itself answers; says nothing of what is behind it."""

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish('{"status": "ok"}')


class Callback(DoorHandler, HubOAuthCallbackHandler):  # type: ignore[misc]
    """Where the hub's login comes back to."""


@stream_request_body
class Passage(DoorHandler):
    """Passes a request of somebody known on to the application, and its answer back."""

    person: Person | Reader | None = None
    upload: Upload | None = None
    answer: asyncio.Task[httpx.Response] | None = None

    async def prepare(self) -> None:
        # A refusal here ends the request before its body is read.
        self.person = await self._identify()
        if self.person is None:
            self.redirect(self.get_login_url())
            return
        if _has_body(self.request):
            self.upload = Upload()
        names = {
            PROOF_HEADER: sign_proof(self.person, self.behind.audience, self.behind.secret),
            REQUEST_ID_HEADER: self.request_id,
        }
        # The body comes in while this goes on.
        self.answer = asyncio.create_task(self.relay.send(self.request, names, self.upload))

    async def data_received(self, chunk: bytes) -> None:
        if self.upload is not None:
            await self.upload.put(chunk)

    async def _identify(self) -> Person | Reader | None:
        """Who is asking; None for a browser that should log in. Raises HTTPError."""
        try:
            model = await self.hub_auth.get_user(self, sync=False)
        except HTTPError as error:
            log.warning("hub does not answer", extra={"request": self.request_id})
            raise HTTPError(503, reason="Service Unavailable") from error
        if model is None:
            self._refuse_unless_page()
            return None
        try:
            self.check_hub_user(model)
            somebody = self._known(model)
            _ = somebody.own_space
        except UserNotAllowed:
            raise Refusal(
                403,
                Said(
                    f"This login or token may not use {self.behind.name};"
                    f" it needs the scope access:services!service={self.behind.audience}",
                    f"Cette connexion ou ce jeton ne donne pas accès à {self.behind.name} ;"
                    f" il y faut le « scope » access:services!service={self.behind.audience}",
                ),
            ) from None
        except SlugError as error:
            said = Said(
                str(error),
                "Votre nom est trop long pour un bucket ; demandez-en un plus court à un"
                " administrateur.",
            )
            raise Refusal(403, said) from None
        return somebody

    def _known(self, model: dict[str, Any]) -> Person | Reader:
        """Who the hub says it is. Raises UserNotAllowed for a service without business here."""
        name = model["name"]
        if model["kind"] == "user":
            return Person(name, tuple(sorted(model.get("groups") or ())))
        if model["kind"] == "service" and name in self.behind.readers:
            # A person of the same name is somebody else.
            return Reader(f"service:{name}", self.behind.readers[name])
        raise UserNotAllowed(model)

    def _refuse_unless_page(self) -> None:
        given = "Authorization" in self.request.headers
        if wants_page(self.request) and not given:
            return
        if (
            self.get_signed_cookie(self.hub_auth.cookie_name)
            and self.request.method not in _READING
        ):
            raise Refusal(403, _ELSEWHERE)
        self.set_header("WWW-Authenticate", "Bearer")
        raise Refusal(
            401,
            _UNKNOWN if given else _SEND_ONE,
        )

    async def _pass(self) -> None:
        assert self.answer is not None
        self.set_header(REQUEST_ID_HEADER, self.request_id)
        try:
            if self.upload is not None:
                await self.upload.put(None)
            answer = await self.answer
            if _is_bare_error(answer) and wants_page(self.request):
                body = await answer.aread()
                raise refusal_of(self.behind.name, answer.status_code, body)
            await self.relay.answer(self, answer)
        except asyncio.CancelledError:
            # Whoever asked went away.
            return
        except httpx.ConnectError:
            raise Refusal(
                503,
                Said(
                    f"{self.behind.name} does not answer; it is being restarted, try again shortly",
                    f"{self.behind.name} ne répond pas et redémarre ; réessayez dans un instant",
                ),
            ) from None
        except httpx.HTTPError as error:
            self._broke_off(error)

    get = head = post = put = patch = delete = options = _pass

    def _broke_off(self, error: httpx.HTTPError) -> None:
        extra = {"request": self.request_id, "reason": type(error).__name__}
        log.warning("the answer broke off", extra=extra)
        if not self._headers_written:
            raise Refusal(
                502,
                Said(
                    f"{self.behind.name} broke off while it answered; try again",
                    f"{self.behind.name} s'est interrompu pendant sa réponse ; réessayez",
                ),
            ) from None
        # Too late for a status: end the connection, so that nobody takes a part for the whole.
        stream = self.detach()
        stream.close()

    def on_connection_close(self) -> None:
        # What arrived is not the whole body: the application must not keep it.
        if self.answer is not None:
            self.answer.cancel()
            self.answer.add_done_callback(self.relay.forget)


def make_application(behind: Behind) -> Application:
    """The door as a Tornado application. HubOAuth reads its names from the environment."""
    auth: Any = HubOAuth.instance()
    auth.base_url = f"{behind.prefix}/"
    auth.access_scopes = {f"access:services!service={behind.audience}"}
    auth.cache_max_age = MEMBERSHIP_SECONDS
    # Addresses end in logs and histories; a token belongs in a header.
    auth.allow_token_in_url = False
    common = {"behind": behind, "relay": Relay(behind.address, behind.headers)}
    return Application(
        [
            (rf"{behind.prefix}/health", Health, common),
            (rf"{behind.prefix}/oauth_callback", Callback, common),
            (rf"{behind.prefix}(?:/.*)?", Passage, common),
        ],
        # The same after a restart, so that open pages stay logged in.
        cookie_secret=hashlib.sha256(f"cookie {behind.secret}".encode()).digest(),
        log_function=_log_request,
    )


def _log_request(handler: RequestHandler) -> None:
    """One line a request, without its query: codes and states of the login stand there."""
    person = getattr(handler, "person", None)
    if handler.request.path.endswith("/health"):
        return
    log.info(
        "request",
        extra={
            "request": getattr(handler, "request_id", ""),
            "method": handler.request.method,
            "path": handler.request.path,
            "status": handler.get_status(),
            "user": person.name if person else None,
            "milliseconds": round(1000 * (time.time() - handler.request._start_time), 1),
        },
    )


def _is_bare_error(answer: httpx.Response) -> bool:
    """An error written for programs, which a browser would show as it is."""
    kind = answer.headers.get("content-type", "")
    return answer.status_code >= 400 and kind.startswith("application/json")


def _has_body(request: HTTPServerRequest) -> bool:
    return (
        request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers
    )


def serve(behind: Behind, port: int, host: str = "127.0.0.1") -> None:
    """Serve a door until it is told to stop."""
    asyncio.run(_serve(behind, port, host))


async def _serve(behind: Behind, port: int, host: str) -> None:
    server = HTTPServer(make_application(behind), max_body_size=_MAX_BODY, xheaders=False)
    server.listen(port, host)
    log.info("door open", extra={"port": port, "behind": behind.address})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await stop.wait()
    server.stop()

"""The routes that classify, below the framework: it would take longer than the classifier.

They stand before the FastAPI application in the same process; `openapi.py` describes them with the
rest.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from nacelle.credentials.identity import PROOF_HEADER
from nacelle.language import choose_language
from nacelle.logs import request_id
from nacelle.nace.prediction import Asked, now
from nacelle.nace.serving.access import CLASSIFY, Caller
from nacelle.nace.serving.body import (
    CLOSE,
    WHOLE,
    Arriving,
    ClientGone,
    Message,
    Receive,
    read_body,
)
from nacelle.nace.serving.engine import check_level
from nacelle.nace.serving.insee import InseeOptions, InseeRequest, answer_of, items_of
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem
from nacelle.nace.serving.service import Service
from nacelle.nace.serving.wire import ClassifyAnswer, ClassifyRequest, TextItem

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROOF = PROOF_HEADER.lower().encode()
_JSON = b"application/json"
# Answers are for one caller, in one language, of the model of the moment.
_NOT_KEPT = (b"cache-control", b"no-store")
_SMALL_BODY = 64_000
# As many of the largest bodies may be under way in one process.
_LARGEST_BODIES = 16
_encode = msgspec.json.Encoder().encode
_classify_request = msgspec.json.Decoder(ClassifyRequest)
_insee_request = msgspec.json.Decoder(InseeRequest)
_language = lru_cache(1000)(choose_language)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a route needs of a request that was let in."""

    id: str
    caller: Caller
    language: str
    query: bytes
    body: bytes


class HotRoutes:
    """ASGI application: the routes that classify, `app` for everything else."""

    def __init__(self, app: App, service: Service, prefix: str, language: str) -> None:
        self._app = app
        self._service = service
        self._forced = language
        self._active = 0
        limits = service.settings.limits
        self._most = limits.connections
        self._arriving = Arriving(_LARGEST_BODIES * limits.body_bytes, _SMALL_BODY)
        # A service that has much to do is not dead.
        self._health = f"{prefix}/healthz"
        self._routes = {
            f"{prefix}/v1/classify": ("classify", self._classify),
            f"{prefix}/predict/": ("predict", self._predict),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._active += 1
        try:
            path = scope["path"]
            route = self._routes.get(path)
            if self._active > self._most and path != self._health:
                self._service.metrics.request(route[0] if route else "other", 503, 0)
                await _refuse(send, _crowded(), secrets.token_hex(8))
            elif route is None:
                await self._pass_on(scope, receive, send)
            elif scope["method"] == "POST":
                await self._answer(route, scope, receive, send)
            else:
                await _refuse(send, _takes_post(scope), secrets.token_hex(8))
        finally:
            self._active -= 1

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To the framework, which has no limits of its own for bodies."""
        number = secrets.token_hex(8)
        request_id.set(number)
        length = dict(scope["headers"]).get(b"content-length")
        seconds = self._service.settings.limits.seconds
        try:
            body = await read_body(scope, receive, length, _SMALL_BODY, seconds, self._arriving)
        except ClientGone:
            return
        except Problem as problem:
            await _refuse(send, problem, number)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return first.pop() if first else await receive()

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {b"x-request-id": number.encode(), **dict([_NOT_KEPT])}
                headers = {**said, **dict(message.get("headers", ()))}
                message = {**message, "headers": [*headers.items()]}
            await send(message)

        await self._app(scope, again, numbered)

    async def _answer(
        self,
        route: tuple[str, Callable[[Request], Awaitable[bytes]]],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        started = time.perf_counter()
        number = secrets.token_hex(8)
        request_id.set(number)
        name, handle = route
        try:
            request = await self._let_in(scope, receive, number)
            body = await handle(request)
        except ClientGone:
            return
        except Problem as problem:
            status = problem.status
            await _refuse(send, problem, number)
        except Exception:
            status = 500
            log.exception("unexpected error")
            await _refuse(send, _unexpected(number), number)
        else:
            status = 200
            await _send(send, 200, _JSON, body, number)
        self._service.metrics.request(name, status, time.perf_counter() - started)

    async def _let_in(self, scope: Scope, receive: Receive, number: str) -> Request:
        headers = dict(scope["headers"])
        authorization = _text(headers.get(b"authorization"))
        proof, key = _text(headers.get(_PROOF)), _text(headers.get(b"x-api-key"))
        access = self._service.access
        try:
            caller = access.known(authorization, key, proof)
            if caller is None:
                caller = await access.identify(authorization, key, proof)
            # Before anything of the body is read: who asks too often costs nothing more.
            access.admit(caller, 0)
            if CLASSIFY not in caller.scopes:
                raise Problem(
                    403, "This key may not classify; it has no such scope.", kind="not-allowed"
                )
            _check_kind(headers)
        except Problem as problem:
            if not scope.get(WHOLE):
                # Its body is unread, so nobody may use this connection for another request.
                problem.headers.update(CLOSE)
            raise
        limits = self._service.settings.limits
        length = headers.get(b"content-length")
        body = await read_body(
            scope, receive, length, limits.body_bytes, limits.seconds, self._arriving
        )
        language = _language(_text(headers.get(b"accept-language")), self._forced)
        return Request(number, caller, language, scope["query_string"], body)

    async def _classify(self, request: Request) -> bytes:
        asked = _decode(_classify_request, request.body)
        serving = self._service.model()
        level = check_level(serving, asked.level)
        threshold = asked.threshold
        if threshold is None and level == serving.level:
            # What was proved holds for the codes of that level alone.
            threshold = serving.threshold
        predictions = await self._service.classify(
            serving,
            request.caller,
            _items(asked),
            Asked(asked.top, threshold, request.language, request.id, now()),
            level,
        )
        return _encode(ClassifyAnswer(request.id, predictions))

    async def _predict(self, request: Request) -> bytes:
        options = _options(request.query)
        forms = _decode(_insee_request, request.body)
        serving = self._service.model()
        predictions = await self._service.classify(
            serving,
            request.caller,
            items_of(forms, serving.classifier.text.side),
            Asked(options.nb_echos_max, serving.threshold, request.language, request.id, now()),
            serving.level,
        )
        return _encode([answer_of(one, options.prob_min) for one in predictions])


def _items(asked: ClassifyRequest) -> list[TextItem]:
    if (asked.text is None) == (asked.texts is None):
        raise Problem(
            422, "Give either text (one activity) or texts (a list of them).", kind="wrong-body"
        )
    if asked.text is not None:
        return [TextItem(asked.text, asked.language, asked.side)]
    return [
        TextItem(one, asked.language, asked.side) if isinstance(one, str) else one
        for one in asked.texts or []
    ]


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Problem(422, f"The body does not fit: {error}.", kind="wrong-body") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"The body is not JSON: {error}.", kind="not-json") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.", kind="not-json") from None


def _options(query: bytes) -> InseeOptions:
    try:
        given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        return msgspec.convert(given, InseeOptions, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise Problem(422, f"The query does not fit: {error}.", kind="wrong-query") from None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _check_kind(headers: Mapping[bytes, bytes]) -> None:
    """Raise Problem (415) where the headers say that the body is something else than JSON."""
    kind = headers.get(b"content-type", _JSON)
    if kind != _JSON and kind.partition(b";")[0].strip().lower() != _JSON:
        raise Problem(
            415,
            f"The body is said to be {kind[:80].decode('latin-1')!r}; send JSON and say"
            " 'Content-Type: application/json'.",
            kind="not-json",
        )
    if b"content-encoding" in headers:
        raise Problem(415, "The body is said to be compressed; send it plain.", kind="not-json")


def _takes_post(scope: Scope) -> Problem:
    return Problem(
        405,
        f"{scope['path']} takes POST, not {scope['method']}.",
        headers={"Allow": "POST", **CLOSE},
    )


def _crowded() -> Problem:
    return Problem(
        503,
        "Too many requests are being answered. Send this again in a second.",
        kind="overloaded",
        headers={"Retry-After": "1", **CLOSE},
    )


def _unexpected(number: str) -> Problem:
    return Problem(500, f"Something went wrong here; tell your administrator request {number}.")


async def _refuse(send: Send, problem: Problem, number: str) -> None:
    extra = [(k.lower().encode(), v.encode("latin-1")) for k, v in problem.headers.items()]
    body = problem.body(number)
    await _send(send, problem.status, MEDIA_TYPE.encode(), body, number, extra)


async def _send(
    send: Send,
    status: int,
    kind: bytes,
    body: bytes,
    number: str,
    extra: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", number.encode()),
        _NOT_KEPT,
        *(extra or ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

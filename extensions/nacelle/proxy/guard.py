"""What stands between MLflow and every request: the door's proof, the space, the allowed routes."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from nacelle.credentials.identity import (
    PROOF_HEADER,
    REQUEST_ID_HEADER,
    Person,
    ProofRefused,
    Reader,
    read_any_proof,
)
from nacelle.logs import request_id
from nacelle.proxy.routes import ARTIFACT_PATH, is_allowed, may_read

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

AUDIENCE = "mlflow"
SPACE_HEADER = "X-MLFLOW-WORKSPACE"

log = logging.getLogger(__name__)
_caller: ContextVar[Person | Reader] = ContextVar("nacelle_caller")


def caller() -> Person | Reader:
    """The person or service behind the request being answered. LookupError outside of a request."""
    return _caller.get()


class Refused(Exception):
    """A request that MLflow never sees; the message says why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Guard:
    """ASGI application in front of MLflow's own: lets through what the caller may ask."""

    def __init__(self, app: App, prefix: str, secret: str) -> None:
        self._app = app
        self._prefix = prefix
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if scope["path"] == f"{self._prefix}/health":
            await self._app(scope, receive, send)
            return
        request_id.set(headers.get(REQUEST_ID_HEADER.lower()))
        try:
            somebody, allowed = self._let_in(scope, headers)
        except Refused as refusal:
            log.warning(
                "refused",
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": refusal.status,
                    "reason": str(refusal),
                },
            )
            await _answer(send, refusal)
            return
        token = _caller.set(somebody)
        try:
            await self._app(allowed, receive, _sandboxed(send) if _gives_files(scope) else send)
        finally:
            _caller.reset(token)

    def _let_in(self, scope: Scope, headers: dict[str, str]) -> tuple[Person | Reader, Scope]:
        try:
            somebody = read_any_proof(headers.get(PROOF_HEADER.lower(), ""), AUDIENCE, self._secret)
        except ProofRefused:
            raise Refused(
                401,
                "UNAUTHENTICATED",
                f"MLflow is served at {self._prefix}/ behind the hub's login",
            ) from None
        path = self._path(scope)
        if not is_allowed(scope["method"], path):
            raise Refused(
                403,
                "PERMISSION_DENIED",
                f"{scope['method']} {path} is not offered on this platform;"
                " experiments, runs, models, traces and data sets are",
            )
        if isinstance(somebody, Reader) and not may_read(scope["method"], path):
            raise Refused(
                403,
                "PERMISSION_DENIED",
                f"{somebody.name} may read the models of {somebody.space} and do nothing else;"
                f" {scope['method']} {path} is not part of it",
            )
        return somebody, self._in_space(scope, path, chosen_space(somebody, headers))

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        if not path.startswith(f"{self._prefix}/"):
            raise Refused(404, "ENDPOINT_NOT_FOUND", f"MLflow is served at {self._prefix}/")
        if _climbs(path):
            raise Refused(
                400, "INVALID_PARAMETER_VALUE", "A path may not hold '..', '//' or a backslash"
            )
        return path.removeprefix(self._prefix)

    def _in_space(self, scope: Scope, path: str, space: str) -> Scope:
        name = SPACE_HEADER.lower().encode()
        dropped = (name, PROOF_HEADER.lower().encode())
        headers = [item for item in scope["headers"] if item[0] not in dropped]
        changed: dict[str, Any] = {
            "headers": [*headers, (SPACE_HEADER.lower().encode(), space.encode())]
        }
        if ARTIFACT_PATH.fullmatch(path) and scope["method"] in ("GET", "PUT"):
            # Under a prefix MLflow reads a whole upload into memory; its routes without prefix
            # stream.
            changed |= {"path": path, "raw_path": path.encode()}
        return {**scope, **changed}


def chosen_space(somebody: Person | Reader, headers: dict[str, str]) -> str:
    """The space a request is about: the one it names if they may use it, else their own."""
    space = headers.get(SPACE_HEADER.lower(), "").strip()
    if not space:
        return somebody.own_space
    if space not in somebody.spaces:
        raise Refused(
            403,
            "PERMISSION_DENIED",
            f"{space!r} is not a space of yours; yours are {', '.join(somebody.spaces)}",
        )
    return space


def _climbs(path: str) -> bool:
    for _ in range(5):
        if ".." in path.split("/") or "//" in path or "\\" in path or "\0" in path:
            return True
        decoded = unquote(path)
        if decoded == path:
            return False
        path = decoded
    # Nobody encodes a name this often with good intentions.
    return True


def _gives_files(scope: Scope) -> bool:
    return "artifact" in scope["path"]


def _sandboxed(send: Send) -> Send:
    """Keep a file that somebody logged from running as a page of the platform."""

    async def sandboxed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"content-security-policy", b"sandbox")]
            message = {**message, "headers": headers}
        await send(message)

    return sandboxed


async def _answer(send: Send, refusal: Refused) -> None:
    body = json.dumps({"error_code": refusal.code, "message": str(refusal)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

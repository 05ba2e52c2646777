"""Requests that the store sends to itself, past its own door: health, upkeep, the public bucket."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from swift.common.swob import Request

from nacelle.storage.embedded.conf import ACCOUNT

# Set on requests that come from this process; no client can put a key in the environ.
INNER = "nacelle.inner"


def ask(
    app: Any,
    method: str,
    container: str | None = None,
    key: str | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Send a Swift request through `app` without keys; gives a swob Response."""
    parts = [part for part in (ACCOUNT, container, key) if part is not None]
    path = "/v1/" + "/".join(quote(part) for part in parts)
    if query:
        path += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    environ = {
        "REQUEST_METHOD": method,
        "swift.authorize_override": True,
        "swift.source": "NCL",
        INNER: True,
    }
    allowed = {"X-Backend-Allow-Reserved-Names": "true", **(headers or {})}
    response = Request.blank(path, environ=environ, headers=allowed).get_response(app)
    return response

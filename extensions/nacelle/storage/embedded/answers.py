"""Answers that the store gives itself: S3 and STS error documents, as AWS writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    413: "Content Too Large",
    503: "Service Unavailable",
}


def request_id(env: Environ) -> str:
    """The id that Swift gave this request; it stands in every log line about it."""
    return str(env.get("swift.trans_id", "-"))


def reply(
    env: Environ,
    start_response: StartResponse,
    status: int,
    body: str,
    content_type: str = "application/xml",
    headers: tuple[tuple[str, str], ...] = (),
) -> list[bytes]:
    """Send one short answer."""
    data = body.encode("utf-8")
    identity = ("x-amz-request-id", request_id(env))
    start_response(
        f"{status} {_REASONS[status]}",
        [("Content-Type", content_type), ("Content-Length", str(len(data))), identity, *headers],
    )
    return [] if env["REQUEST_METHOD"] == "HEAD" else [data]


def s3_error(
    env: Environ, start_response: StartResponse, status: int, code: str, message: str
) -> list[bytes]:
    """Refuse an S3 request with the code that clients look at and a sentence for people."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{escape(request_id(env))}</RequestId></Error>"
    )
    return reply(env, start_response, status, body)


def sts_error(
    env: Environ, start_response: StartResponse, status: int, code: str, message: str
) -> list[bytes]:
    """Refuse an STS request."""
    side = "Sender" if status < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>{side}</Type>'
        f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{escape(request_id(env))}</RequestId></ErrorResponse>"
    )
    return reply(env, start_response, status, body, "text/xml")

"""Refusals as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a refusal (RFC 9457): what is wrong, and what to do about it."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    instance: str = ""


class Problem(Exception):
    """A refusal meant for the caller. `kind` names it for programs, e.g. 'text-too-long'."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """The problem as JSON."""
        details = ProblemDetails(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            type=f"urn:nacelle:problem:{self.kind}" if self.kind else "about:blank",
            instance=f"urn:nacelle:request:{request_id}",
        )
        return msgspec.json.encode(details)

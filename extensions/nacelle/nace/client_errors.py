"""What the classifier's clients raise, and what they give in place of an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.serving.problems import ProblemDetails

if TYPE_CHECKING:
    import httpx

_KIND = "urn:nacelle:problem:"
_REQUEST_ID = "x-request-id"
_SHOWN = 300
_details = msgspec.json.Decoder(ProblemDetails)


class ClientError(NaceError):
    """The service refused a request; the message is a sentence with what to do.

    `status` is the HTTP status (None where no answer came), `kind` names the refusal for programs
    ('unknown-caller', 'quota-used', ...), `request_id` is what an administrator asks for, and
    `retry_after` says in how many seconds the service would answer, where it knows.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        kind: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        number = f" (request {request_id})" if request_id else ""
        super().__init__(detail + number)
        self.detail = detail
        self.status = status
        self.kind = kind
        self.request_id = request_id
        self.retry_after = retry_after


class ServiceAway(ClientError):
    """The service cannot answer now, however often it was asked; later it may."""


class Refusal(msgspec.Struct, frozen=True):
    """Stands where the answer to one text would, when the service refuses that text alone."""

    detail: str
    kind: str
    status: int
    request_id: str = ""


def error_of(response: httpx.Response) -> ClientError:
    """What a refusal says; of other servers on the way (a proxy), their status."""
    status = response.status_code
    number = response.headers.get(_REQUEST_ID, "")
    wait = _seconds(response.headers.get("retry-after"))
    kind = ServiceAway if status in (429, 502, 503, 504) else ClientError
    try:
        found = _details.decode(response.content)
    except msgspec.MsgspecError:
        said = f"{response.request.url.copy_with(query=None)} answered {status}"
        also = response.headers.get("location", response.reason_phrase)[:_SHOWN]
        detail = f"{said} ({also}). Look whether this is the address of the classifier."
        return kind(detail, status=status, request_id=number, retry_after=wait)
    return kind(
        found.detail,
        status=status,
        kind=found.type.removeprefix(_KIND) if found.type.startswith(_KIND) else "",
        request_id=number,
        retry_after=wait,
    )


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((date - datetime.now(UTC)).total_seconds(), 0.0)

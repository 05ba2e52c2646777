"""Refusals as RFC 9457 problem details, in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from nacelle.jobs.refusal import Refused
from nacelle.language import InBoth, Language, Said

MEDIA_TYPE = "application/problem+json"


class FieldProblem(NamedTuple):
    """What is wrong with one field of a request; fields within others are joined by dots."""

    field: str
    said: Said


class Problem(Exception):
    """A refusal meant for the caller. `kind` names it for programs, e.g. 'keys-found'.

    `more` are further members of the problem's body.
    """

    def __init__(
        self,
        status: int,
        said: Said,
        *,
        kind: str = "",
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(said.en)
        self.status = status
        self.said = said
        self.kind = kind
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @classmethod
    def of_fields(cls, errors: Sequence[FieldProblem], status: int = 422) -> Problem:
        """The refusal of a request for some of its fields; its sentence is all of theirs."""
        said = Said(
            " ".join(one.said.en for one in errors), " ".join(one.said.fr for one in errors)
        )
        return cls(status, said, kind="wrong-fields", errors=errors)

    @classmethod
    def of(cls, refused: Refused, status: int = 422) -> Problem:
        """The refusal of one field."""
        return cls.of_fields([FieldProblem(refused.field, refused.said)], status)

    def body(self, language: Language, request_id: str) -> bytes:
        """The problem as JSON."""
        details: dict[str, Any] = {
            "type": f"urn:nacelle:{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self.said.in_language(language)),
            "said": both(self.said),
            "request_id": request_id,
        }
        if self.errors:
            details["errors"] = [{"field": one.field, **both(one.said)} for one in self.errors]
        return json.dumps(details | self.more, ensure_ascii=False).encode()


def both(said: InBoth) -> dict[str, str]:
    """A sentence in both languages, as JSON holds it."""
    return {"en": said.en, "fr": said.fr}


def missing(what_en: str, what_fr: str) -> Problem:
    """There is no such thing, or the caller may not know of it: the same answer for both."""
    return Problem(
        404,
        Said(
            f"There is no such {what_en}, or it is not yours to see.",
            f"{what_fr} n'existe pas, ou ne vous est pas visible.",
        ),
        kind="missing",
    )


def forbidden(en: str, fr: str) -> Problem:
    """The caller sees it, and may not do this to it."""
    return Problem(403, Said(en, fr), kind="not-allowed")


def of_pydantic(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """What pydantic found wrong, with our own sentences where it was we who refused."""
    problems = []
    for one in errors:
        cause = (one.get("ctx") or {}).get("error")
        if isinstance(cause, Refused):
            problems.append(FieldProblem(cause.field, cause.said))
            continue
        field = ".".join(str(part) for part in one["loc"] if part != "body")
        message = str(one["msg"]).removeprefix("Value error, ")
        problems.append(FieldProblem(field, Said(f"{field}: {message}.", f"{field} : {message}.")))
    return problems

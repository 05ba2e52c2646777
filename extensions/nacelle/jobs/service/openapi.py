"""What the OpenAPI description says of refusals."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from nacelle.jobs.service.problems import MEDIA_TYPE

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "said", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "said": {"$ref": "#/components/schemas/Sentence"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "en", "fr"],
                "properties": {name: {"type": "string"} for name in ("field", "en", "fr")},
            },
        },
    },
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of these statuses, for a route's `responses`."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def with_problems(description: dict[str, Any]) -> dict[str, Any]:
    """A description in which `Problem` is defined."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    # The framework's own shape of 422 is not ours.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return description

"""The OpenAPI description: the framework's own, with the routes that stand below it."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nacelle.nace.serving.insee import TEXT, InseeCode, InseeOptions, InseeRequest
from nacelle.nace.serving.problems import MEDIA_TYPE, ProblemDetails
from nacelle.nace.serving.wire import ClassifyAnswer, ClassifyRequest

_REF = "#/components/schemas/{name}"
_MEANINGS = {
    400: "Not JSON",
    401: "Unknown caller",
    403: "Not allowed",
    404: "Not there",
    405: "No such method here",
    408: "The body came too slowly",
    409: "In conflict with what is there",
    413: "Too much at once",
    415: "Not said to be JSON",
    422: "Not as described",
    429: "Too many requests, or the day's quota is used",
    503: "Not now: overloaded, no model yet, or records cannot be kept",
}
_RETRIES = (429, 503)
_OF_BODIES = (408, 413)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Descriptions of refusals (RFC 9457), as FastAPI takes them in `responses`."""
    return {status: _refusal(status) for status in statuses}


def describe(app: FastAPI, prefix: str) -> dict[str, Any]:
    """The whole description of the application whose routes begin with `prefix`."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas, components = msgspec.json.schema_components(
        [ClassifyRequest, ClassifyAnswer, InseeRequest, InseeOptions, InseeCode, ProblemDetails],
        ref_template=_REF,
    )
    _describe_refusals(found["paths"])
    parts = found.setdefault("components", {})
    known = parts.setdefault("schemas", {})
    known.update(components)
    known["Problem"] = known.pop("ProblemDetails")
    known["ClassifyRequest"]["oneOf"] = [
        {"required": ["text"], "properties": {"text": {"type": "string"}}},
        {"required": ["texts"], "properties": {"texts": {"type": "array"}}},
    ]
    # The framework's own form of refusals, which no route here gives.
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    options = known.pop("InseeOptions")["properties"]
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or hub token."},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "basic": {"type": "http", "scheme": "basic", "description": "The password is the API key."},
    }
    found["security"] = [{"bearer": []}, {"key": []}, {"basic": []}]
    for probe in ("healthz", "readyz"):
        found["paths"][f"{prefix}/{probe}"]["get"]["security"] = []
    found["paths"][f"{prefix}/v1/classify"] = {"post": _classify(schemas[0], schemas[1])}
    found["paths"][f"{prefix}/predict/"] = {"post": _predict(schemas[2], schemas[4], options)}
    return found


def methods_at(described: dict[str, Any], path: str) -> list[str]:
    """The methods that the description has at a path, e.g. ['GET', 'POST']; none: no such path."""
    parts = path.split("/")
    return sorted(
        method.upper()
        for template, methods in described["paths"].items()
        if _fits(template.split("/"), parts)
        for method in methods
    )


def _fits(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        one == part or one.startswith("{") for one, part in zip(template, parts, strict=True)
    )


def _describe_refusals(paths: dict[str, Any]) -> None:
    """Add to the framework's routes what is refused before they are reached."""
    for path, methods in paths.items():
        for method, operation in methods.items():
            answers = operation["responses"]
            told = {400, 422} & {int(status) for status in answers}
            # A body is read, within limits, whatever the method is.
            told |= {*_OF_BODIES, *((400,) if method == "post" else ())}
            if not path.endswith("/healthz"):
                told.add(503)
            answers |= {str(status): _refusal(status) for status in sorted(told)}


def _classify(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["classify"],
        "operationId": "classify",
        "summary": "Code one text or a batch",
        "description": "Answers are forecasts, in the order of the texts. `automatic` says whether"
        " the confidence index `index` (p1 - p2) reaches `threshold`; where it does not, the text"
        " is for an agent. Titles are in the language of Accept-Language (English or French).",
        "parameters": [_LANGUAGE],
        "requestBody": _body(
            request,
            {
                "one": {"value": {"text": "Growing of grapes", "top": 3}},
                "batch": {"value": {"texts": ["coiffeur", {"text": "Bäckerei", "language": "de"}]}},
                "division": {"value": {"text": "Retail sale of bread", "level": 2}},
            },
        ),
        "responses": _responses(answer),
    }


def _predict(
    request: dict[str, Any], code: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    answer = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "1": code,
                "IC": {"type": "number", "description": "Confidence index p1 - p2."},
                "MLversion": {"type": "string", "description": "Version of the model."},
            },
            "required": ["IC", "MLversion"],
            "additionalProperties": code,
        },
    }
    query = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description"),
            "schema": schema,
        }
        for name, schema in options.items()
    ]
    return {
        "tags": ["classify"],
        "operationId": "predict",
        "summary": "Code forms as Insee's clients send them",
        "description": "Codes stand under their rank, best first. A rejected text has none.",
        "parameters": [*query, _LANGUAGE],
        "requestBody": _body(
            request,
            {
                "one": {"value": {"forms": [{TEXT: "coiffeur"}]}},
                "two": {"value": {"forms": [{TEXT: "culture de blé", "nature": None}, {}]}},
            },
        ),
        "responses": _responses(answer),
    }


_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "Language of the titles.",
    "schema": {"type": "string"},
    "example": "fr",
}


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if examples:
        content["examples"] = examples
    return {"required": True, "content": {"application/json": content}}


def _responses(answer: dict[str, Any]) -> dict[str, Any]:
    told = {"X-Request-Id": {"schema": {"type": "string"}, "description": "Id of this request."}}
    done = {
        "description": "The answers",
        "headers": told,
        "content": {"application/json": {"schema": answer}},
    }
    refused = (400, 401, 403, 408, 413, 415, 422, 429, 503)
    return {"200": done, **{str(status): _refusal(status) for status in refused}}


def _refusal(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    if status in _RETRIES:
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        described["headers"] = {"Retry-After": seconds}
    return described

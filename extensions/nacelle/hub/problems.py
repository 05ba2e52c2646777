"""Say what is wrong in a file that holds nested models: field, value, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel


def explain(model: type[BaseModel], problem: Any) -> str:
    """One pydantic problem as a sentence; an unknown key names the nearest known one."""
    place = [part for part in problem["loc"] if part != "[key]"]
    location = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        return f"{location} is not a field; {advice}"
    if problem["type"] == "missing":
        return f"{location} is missing; write it"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_pattern_mismatch":
        message = "use lower-case letters, digits and hyphens"
    where = f"{location}: " if location else ""
    found = problem["input"]
    shown = "" if isinstance(found, dict | list | BaseModel) else f" (found {found!r})"
    return f"{where}{message[0].lower()}{message[1:]}{shown}"


def _fields_at(model: type[BaseModel], place: Sequence[Any]) -> list[str]:
    """Names of the fields of the model at `place`; keys of mappings are stepped over."""
    current = model
    for part in place:
        field = current.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        current = inner or current
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)

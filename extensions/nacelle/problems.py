"""Say what is wrong in a file that holds nested models: field, value, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def explain(model: type[BaseModel], problem: Any) -> str:
    """One pydantic problem as a sentence; an unknown name comes with the nearest known one."""
    place = [part for part in problem["loc"] if part != "[key]"]
    location = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        return f"{location} is not a known name; {advice}"
    if problem["type"] == "missing":
        return f"{location} is missing; write it"
    message = problem["msg"].removeprefix("Value error, ")
    where = f"{location}: " if location else ""
    found = problem["input"]
    shown = "" if isinstance(found, dict | list | BaseModel) else f" (found {found!r})"
    return f"{where}{message[0].lower()}{message[1:]}{shown}"


def _fields_at(model: type[BaseModel], place: Sequence[Any]) -> list[str]:
    """Names of the fields of the model that stands at `place` within `model`."""
    found: Any = model
    for part in place:
        found = _inside(found, part)
    return list(found.model_fields) if _is_model(found) else []


def _inside(kind: Any, part: Any) -> Any:
    """What a model has as its field `part`, or what any element of a collection is."""
    if _is_model(kind):
        field = kind.model_fields.get(part)
        return _bare(field.annotation) if field else None
    inner = get_args(kind)
    if not inner:
        return None
    return _bare(inner[-1] if get_origin(kind) is dict else inner[0])


def _bare(annotation: Any) -> Any:
    """The type without Annotated and without `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return next(_bare(one) for one in get_args(annotation) if one is not NoneType)
    return annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)

"""`${...}` in the values of a pipeline: parameters, outputs of steps, items of a matrix, the run.

    ${parameters.year}  ${steps.prepare.outputs.table}  ${matrix.country}  ${run.folder}

A value that is nothing else becomes what it names, a number or a list too; within a text it is
written out. `$${` stays as `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

_PLACE = re.compile(r"\$\$\{|\$\{(?P<inner>[^{}]*)(?P<end>\}|)")
_NAME = r"[^\W\d][\w-]*"
_KINDS = re.compile(
    rf"(?P<kind>parameters|matrix|run)\.(?P<name>{_NAME})"
    rf"|steps\.(?P<step>{_NAME})\.outputs\.(?P<output>{_NAME})"
)
# `folder` is shared by all steps of a run; `target` is where its results are kept in the store.
OF_THE_RUN = ("folder", "target", "id")

Kind = Literal["parameters", "matrix", "run", "steps"]


class Reference(NamedTuple):
    """What a text refers to. `name` is the step's for an output. `at` counts signs from 0."""

    kind: Kind
    name: str
    output: str
    at: int


class Unknown(NamedTuple):
    """A reference that cannot be read."""

    text: str
    at: int


def find(text: str) -> list[Reference | Unknown]:
    """All references of a text, in order."""
    return [_read(match) for match in _PLACE.finditer(text) if match["inner"] is not None]


def replace(text: str, value_of: Callable[[Reference], Any], written: Callable[[str], str]) -> Any:
    """What a text stands for; `written` is applied to its own words."""
    whole = _PLACE.fullmatch(text)
    if whole and whole["inner"] is not None:
        return value_of(_known(whole))
    parts, end = [], 0
    for match in _PLACE.finditer(text):
        parts.append(written(text[end : match.start()]))
        parts.append("${" if match["inner"] is None else _word(value_of(_known(match))))
        end = match.end()
    return "".join(parts) + written(text[end:])


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(_word, value)) if isinstance(value, list) else str(value)


def _known(match: re.Match[str]) -> Reference:
    found = _read(match)
    if isinstance(found, Unknown):
        raise ValueError(f"{found.text} was not checked")
    return found


def _read(match: re.Match[str]) -> Reference | Unknown:
    found = _KINDS.fullmatch(match["inner"].strip())
    if found is None or not match["end"]:
        return Unknown(match[0], match.start())
    if found["step"]:
        return Reference("steps", found["step"], found["output"], match.start())
    kinds: dict[str, Kind] = {"parameters": "parameters", "matrix": "matrix", "run": "run"}
    return Reference(kinds[found["kind"]], found["name"], "", match.start())

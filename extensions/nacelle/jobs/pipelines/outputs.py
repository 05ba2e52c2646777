"""Outputs of a step: which its notebook says that it gives, and which it gave."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from nacelle.jobs.assignments import LONGEST_CELL
from nacelle.jobs.notebook import NotebookFile
from nacelle.jobs.pipelines.giving import LONGEST_LIST, LONGEST_TEXT, TYPE
from nacelle.jobs.values import Scalar

Output = Scalar | list[Scalar]
_PRINTED = re.compile(r"^nacelle\.output ([A-Za-z_]\w*) = (.+)$", re.MULTILINE)
# Lines that only IPython reads.
_MAGIC = re.compile(r"^(\s*)([%!?].*)$", re.MULTILINE)


def declared(notebook: NotebookFile) -> frozenset[str] | None:
    """Names that the notebook gives, by its source; None where that cannot be told."""
    if notebook.language != "python":
        return None
    names: set[str] = set()
    for cell in notebook.cells:
        if cell["cell_type"] != "code":
            continue
        for name in _names(cell["source"]):
            if name is None:
                return None
            names.add(name)
    return frozenset(names)


def _names(source: str) -> Iterator[str | None]:
    if "output" not in source:
        return
    if len(source) > LONGEST_CELL:
        # Trees of huge cells take gigabytes.
        yield None
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(_MAGIC.sub(r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield None
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_output(node.func):
            given = node.args or [one.value for one in node.keywords if one.arg == "name"]
            first = given[0] if given else None
            known = isinstance(first, ast.Constant) and isinstance(first.value, str)
            yield first.value if known else None  # type: ignore[union-attr]
        elif isinstance(node, ast.ImportFrom) and _hides_output(node):
            yield None


def _hides_output(node: ast.ImportFrom) -> bool:
    """Whether it is imported under another name, or with all the others: calls cannot be told."""
    names = [(one.name, one.asname) for one in node.names]
    hidden = any(name == "*" or (name == "output" and other) for name, other in names)
    return node.module == "nacelle" and hidden


def _is_output(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "output" and isinstance(function.value, ast.Name)
    return isinstance(function, ast.Name) and function.id == "output"


def given(notebook: Mapping[str, Any], language: str) -> dict[str, Output]:
    """What an output notebook holds; the last value of a name counts, others are left out."""
    found: dict[str, Output] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            for name, value in _of(output, language):
                if _is_plain(value):
                    found[name] = value
    return found


def _of(output: Mapping[str, Any], language: str) -> Iterator[tuple[str, Any]]:
    data = output.get("data", {}).get(TYPE)
    if isinstance(data, Mapping) and isinstance(data.get("name"), str):
        yield data["name"], data.get("value")
    if output["output_type"] == "stream" and language != "python":
        text = output["text"]
        for match in _PRINTED.finditer("".join(text) if isinstance(text, list) else text):
            try:
                yield match[1], json.loads(match[2])
            except ValueError:
                continue


def _is_plain(value: Any) -> bool:
    """Whoever made the notebook: only what `nacelle.output` lets through."""
    if isinstance(value, list):
        scalars = (isinstance(one, str | int | float) and _is_plain(one) for one in value)
        return len(value) <= LONGEST_LIST and all(scalars)
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return isinstance(value, int | float) and math.isfinite(value)

"""What differs between the output notebooks of two runs, cell by cell.

Cells are paired by their source. Only what they put out is compared: not how long it took, nor the
numbers of executions. Pictures and pages are compared by their bytes and shown by a digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import zip_longest
from typing import Any, Literal

from nacelle.jobs.parts import Frozen
from nacelle.jobs.refusal import Refused

# What papermill puts in; it differs whenever the parameters do, and those are told apart.
_NOT_THE_NOTEBOOKS = {"injected-parameters", "papermill-error-cell-tag"}
# Texts beyond these are compared whole and shown cut: line by line takes long.
_MOST_LINES = 2_000
# Pairing takes longer than in proportion.
_MOST_CELLS = 2_000
_LONGEST_TEXT = 200_000
_SHOWN_DIGEST = 16


class ParameterPair(Frozen):
    """A parameter that is not the same in both, as JSON; None where it was not given."""

    name: str
    first: str | None
    second: str | None


class CellPair(Frozen):
    """A cell of both notebooks, or of one; `first` and `second` are what it put out, as text.

    Numbers count from 1 in the notebooks as they were promoted. `difference` is a unified diff
    of the two texts.
    """

    state: Literal["same", "differs", "only-first", "only-second"]
    number_first: int | None
    number_second: int | None
    source: str
    first: str
    second: str
    difference: str = ""


class Comparison(Frozen):
    """All parameters that differ, and all cells of code in the order of the notebooks."""

    parameters: tuple[ParameterPair, ...]
    cells: tuple[CellPair, ...]


@dataclass(frozen=True)
class _Cell:
    number: int
    source: str
    output: str


def compare(first: bytes, second: bytes) -> Comparison:
    """Compare two output notebooks. Raises Refused when one of them cannot be read."""
    one, other = _read(first), _read(second)
    return Comparison(
        parameters=tuple(_parameters(one, other)),
        cells=tuple(_paired(list(_cells(one)), list(_cells(other)))),
    )


def _read(content: bytes) -> Mapping[str, Any]:
    try:
        notebook = json.loads(content.decode("utf-8"))
        cells = len(list(_cells(notebook)))
        _given(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused(
            "notebook",
            "One of the runs left no notebook that can be read. Compare two runs that have one.",
            "L'une des exécutions n'a pas laissé de carnet lisible. Comparez deux exécutions qui"
            " en ont un.",
        ) from None
    if cells > _MOST_CELLS:
        raise Refused(
            "notebook",
            f"One of the outputs has {cells} cells of code; {_MOST_CELLS} can be compared.",
            f"L'un des résultats a {cells} cellules de code ; {_MOST_CELLS} peuvent être"
            " comparées.",
        )
    return dict(notebook)


def _parameters(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[ParameterPair]:
    first, second = _given(one), _given(other)
    for name in {**first, **second}:
        if first.get(name) != second.get(name):
            yield ParameterPair(name=name, first=first.get(name), second=second.get(name))


def _given(notebook: Mapping[str, Any]) -> dict[str, str]:
    given = notebook["metadata"].get("papermill", {}).get("parameters", {})
    return {name: json.dumps(value, ensure_ascii=False) for name, value in given.items()}


def _cells(notebook: Mapping[str, Any]) -> Iterator[_Cell]:
    number = 0
    for cell in notebook["cells"]:
        if _NOT_THE_NOTEBOOKS & set(cell["metadata"].get("tags", ())):
            continue
        number += 1
        if cell["cell_type"] == "code":
            output = "\n".join(_lines(cell.get("outputs", [])))
            yield _Cell(number, _text(cell["source"]), output)


def _lines(outputs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    printed = ""
    for output in outputs:
        # One text, however many pieces it came in.
        if output["output_type"] == "stream":
            printed += _text(output["text"])
            continue
        if printed:
            yield printed.rstrip("\n")
            printed = ""
        if output["output_type"] == "error":
            yield f"{output['ename']}: {output['evalue']}"
        yield from _shown(output.get("data", {}))
    if printed:
        yield printed.rstrip("\n")


def _shown(data: Mapping[str, Any]) -> Iterator[str]:
    if "text/plain" in data:
        yield _text(data["text/plain"])
    for kind in sorted(set(data) - {"text/plain"}):
        value = data[kind]
        whole = _text(value) if isinstance(value, str | list) else json.dumps(value, sort_keys=True)
        digest = hashlib.sha256(whole.encode("utf-8", errors="replace")).hexdigest()
        yield f"[{kind} {digest[:_SHOWN_DIGEST]}]"


def _paired(one: list[_Cell], other: list[_Cell]) -> Iterator[CellPair]:
    matcher = SequenceMatcher(
        a=[cell.source for cell in one], b=[cell.source for cell in other], autojunk=False
    )
    for kind, start, end, start_other, end_other in matcher.get_opcodes():
        left, right = one[start:end], other[start_other:end_other]
        if kind == "equal":
            yield from (_pair(cell, twin) for cell, twin in zip(left, right, strict=True))
        else:
            # Another source is another cell, even at the same place.
            yield from (_alone(cell, "only-first") for cell in left)
            yield from (_alone(cell, "only-second") for cell in right)


def _pair(cell: _Cell, twin: _Cell) -> CellPair:
    same = cell.output == twin.output
    return CellPair(
        state="same" if same else "differs",
        number_first=cell.number,
        number_second=twin.number,
        source=cell.source,
        first=_cut(cell.output),
        second=_cut(twin.output),
        difference="" if same else _difference(cell.output, twin.output),
    )


def _alone(cell: _Cell, state: Literal["only-first", "only-second"]) -> CellPair:
    of_first = state == "only-first"
    return CellPair(
        state=state,
        number_first=cell.number if of_first else None,
        number_second=None if of_first else cell.number,
        source=cell.source,
        first=_cut(cell.output) if of_first else "",
        second="" if of_first else _cut(cell.output),
    )


def _difference(first: str, second: str) -> str:
    one, other = first.splitlines(), second.splitlines()
    # What both begin with says nothing, and a long text is cut after it.
    begin = next(
        (place for place, (a, b) in enumerate(zip_longest(one, other)) if a != b), len(one)
    )
    start = max(0, begin - 3)
    shown = slice(start, start + _MOST_LINES)
    return "\n".join(unified_diff(one[shown], other[shown], lineterm="", n=3))


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "\n…"

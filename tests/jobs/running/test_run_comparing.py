"""What differs between the outputs of two runs."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nacelle.jobs.refusal import Refused
from nacelle.jobs.running.comparing import ParameterPair, compare


def made(*cells: Any, **parameters: Any) -> bytes:
    kept = {"papermill": {"parameters": parameters}}
    return str(nbformat.writes(new_notebook(cells=list(cells), metadata=kept))).encode()


def cell(source: str, *outputs: Any, tags: list[str] | None = None, count: int = 1) -> Any:
    return new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata={"tags": tags or []}
    )


def stream(text: str) -> Any:
    return new_output("stream", name="stdout", text=text)


def shown(**data: str) -> Any:
    return new_output(
        "display_data", data={kind.replace("_", "/", 1): value for kind, value in data.items()}
    )


def test_the_same_twice() -> None:
    first = made(new_markdown_cell("# x"), cell("f()", stream("1\n"), stream("2\n")), month="a")
    # In other pieces, at another time: the same.
    second = made(new_markdown_cell("# x"), cell("f()", stream("1\n2\n"), count=7), month="a")
    found = compare(first, second)
    assert found.parameters == ()
    (pair,) = found.cells
    assert (pair.state, pair.number_first, pair.number_second) == ("same", 2, 2)
    assert (pair.source, pair.first, pair.second, pair.difference) == ("f()", "1\n2", "1\n2", "")


def test_parameters_that_differ_are_told_and_not_their_cells() -> None:
    injected = ["injected-parameters"]
    first = made(cell("a = 1", tags=injected), cell("g()"), a=1, b="x", c=[1])
    second = made(cell("a = 2", tags=injected), cell("g()"), a=2, b="x", d="é")
    found = compare(first, second)
    assert found.parameters == (
        ParameterPair(name="a", first="1", second="2"),
        ParameterPair(name="c", first="[1]", second=None),
        ParameterPair(name="d", first=None, second='"é"'),
    )
    (pair,) = found.cells
    assert (pair.state, pair.number_first) == ("same", 1)


def test_a_difference_is_shown_line_by_line() -> None:
    lines = [f"row {number}" for number in range(5_000)]
    changed = [*lines[:4_500], "other", *lines[4_501:]]
    found = compare(
        made(cell("f()", stream("\n".join(lines)))), made(cell("f()", stream("\n".join(changed))))
    )
    (pair,) = found.cells
    assert pair.state == "differs"
    shown_lines = pair.difference.splitlines()
    assert "-row 4500" in shown_lines and "+other" in shown_lines
    assert len(shown_lines) < 20


def test_cells_of_one_only() -> None:
    first = made(cell("a()"), cell("b()", stream("b")), cell("c()"))
    second = made(cell("a()"), cell("c()"), cell("d()", stream("d")))
    states = [
        (pair.state, pair.number_first, pair.number_second, pair.first, pair.second)
        for pair in compare(first, second).cells
    ]
    assert states == [
        ("same", 1, 1, "", ""),
        ("only-first", 2, None, "b", ""),
        ("same", 3, 2, "", ""),
        ("only-second", None, 3, "", "d"),
    ]


def test_pictures_are_compared_by_their_bytes() -> None:
    figure = {"text_plain": "<Figure>"}
    first = made(cell("plot()", shown(**figure, image_png="aGVsbG8=")))
    second = made(cell("plot()", shown(**figure, image_png="d29ybGQ=")))
    (pair,) = compare(first, second).cells
    assert pair.state == "differs"
    assert pair.first.startswith("<Figure>\n[image/png ") and "aGVsbG8" not in pair.first
    assert compare(first, first).cells[0].state == "same"


def test_an_error_in_one() -> None:
    error = new_output("error", ename="KeyError", evalue="'a'", traceback=["at 0x7f00"])
    (pair,) = compare(made(cell("f()", stream("x"))), made(cell("f()", stream("x"), error))).cells
    assert pair.second == "x\nKeyError: 'a'"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"cells": [1], "metadata": {}}', b"\xff", json.dumps({"cells": []}).encode()],
)
def test_what_is_no_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="left no notebook"):
        compare(made(cell("1")), content)

"""Reading a notebook's bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from nacelle.jobs.notebook import parameters_cell, read_notebook
from nacelle.jobs.refusal import Refused
from tests.jobs.samples import content, notebook


def test_what_is_read() -> None:
    raw = content(new_markdown_cell("# Title"), "1 + 1")
    read = read_notebook(raw)
    assert read.sha256 == hashlib.sha256(raw).hexdigest()
    assert [cell["cell_type"] for cell in read.cells] == ["markdown", "code"]
    assert (read.language, read.kernel) == ("python", "k")


def test_the_first_tagged_cell_counts() -> None:
    tagged = [new_code_cell(f"x = {n}", metadata={"tags": ["parameters"]}) for n in (1, 2)]
    assert parameters_cell(notebook("a", *tagged)) == 1
    assert parameters_cell(notebook("a")) is None


def test_a_notebook_of_another_format_is_told() -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    with pytest.raises(Refused, match="another format"):
        read_notebook(json.dumps(old).encode())


def test_sources_are_one_text_however_they_are_kept() -> None:
    lines = as_json(cells=[CELL | {"source": ["x = 1\n", "y = 2"]}])
    assert read_notebook(lines).cells[0]["source"] == "x = 1\ny = 2"


def test_nothing_of_a_mistaken_notebook_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        read_notebook(as_json(cells=[CELL | {"outputs": [{"text": "hunter2"}], "more": 1}]))
    assert caplog.text == ""


def test_one_that_is_too_large() -> None:
    with pytest.raises(Refused, match=r"has 52\.4 MB; 10 MB are allowed"):
        read_notebook(b" " * 50 * 1024 * 1024)


CELL = {"cell_type": "code", "source": "x", "metadata": {}, "outputs": []}


def as_json(**changes: Any) -> bytes:
    plain = json.loads(content("x = 1"))
    return json.dumps(plain | changes).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"cells": 1, "nbformat": 4}',
        as_json(cells=[{"cell_type": "code"}]),
        as_json(cells=[1]),
        as_json(cells="x"),
        as_json(cells=[{"cell_type": "code", "source": {"a": 1}, "metadata": {}}]),
        as_json(cells=[CELL | {"outputs": [1]}]),
        as_json(cells=[CELL | {"outputs": [{"data": 1}]}]),
        as_json(cells=[CELL | {"metadata": {"tags": 1}}]),
        as_json(cells=[CELL | {"source": "\ud800"}]),
        as_json(metadata=[]),
    ],
    ids=range(16),
)
def test_what_is_no_notebook(raw: bytes) -> None:
    with pytest.raises(Refused, match="no notebook that can be read") as caught:
        read_notebook(raw)
    assert caught.value.field == "notebook"


def test_one_with_nothing_to_run() -> None:
    for cells in ([], [new_markdown_cell("a")], ["  \n"]):
        with pytest.raises(Refused, match="no code to run"):
            notebook(*cells)

"""`nacelle.output`: what a notebook may give, and how it is read back."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_output

import nacelle
from nacelle.jobs.pipelines.giving import TYPE
from nacelle.jobs.pipelines.outputs import given


def produced(*outputs: Any) -> dict[str, Any]:
    return {"cells": [new_code_cell("x", outputs=list(outputs))]}


def shown(name: str, value: Any) -> Any:
    return new_output("display_data", data={TYPE: {"name": name, "value": value}})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("s3://b/t", "s3://b/t"),
        (3, 3),
        (2.5, 2.5),
        (True, True),
        (["a", 1, False], ["a", 1, False]),
        (("a",), ["a"]),
        ([], []),
        (Path("/a/b"), "/a/b"),
        (date(2026, 1, 31), "2026-01-31"),
        (np.int64(3), 3),
        (np.array([1.5, 2]), [1.5, 2.0]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        ([np.float64(1), np.bool_(True)], [1.0, True]),
    ],
)
def test_what_can_be_given(capsys: pytest.CaptureFixture[str], value: Any, plain: Any) -> None:
    nacelle.output("x", value)
    name, _, written = capsys.readouterr().out.partition(" = ")
    assert (name, json.loads(written)) == ("x", plain)


@pytest.mark.parametrize("value", [None, {"a": 1}, [[1]], float("nan"), object(), b"x"])
def test_what_cannot_is_told(value: Any) -> None:
    with pytest.raises(TypeError, match="an output is a text, a number, True or False"):
        nacelle.output("x", value)


def test_large_data_go_to_a_file() -> None:
    for value in ("x" * 10_001, list(range(1_001)), pd.Series(range(2_000))):
        with pytest.raises(ValueError, match="to a file and give its address"):
            nacelle.output("x", value)
    with pytest.raises(ValueError, match="an output's name is letters"):
        nacelle.output("a b", 1)


def test_the_last_value_of_a_name_counts() -> None:
    notebook = produced(shown("a", 1), shown("b", ["x"]), shown("a", 2))
    assert given(notebook, "python") == {"a": 2, "b": ["x"]}


@pytest.mark.parametrize(
    "data", [[], {"name": 1, "value": 1}, {"name": "a"}, {"name": "a", "value": {"b": 1}}, "a"]
)
def test_whoever_made_it_only_plain_values_are_read(data: Any) -> None:
    assert given(produced(new_output("display_data", data={TYPE: data})), "python") == {}
    assert given(produced(shown("a", [float("inf")]), shown("b", float("nan"))), "python") == {}
    assert given(produced(shown("a", [[1]]), shown("a", "x" * 10_001)), "python") == {}


def test_other_languages_print_a_line() -> None:
    text = 'before\nnacelle.output table = "s3://b/t"\nnacelle.output n = [1, 2]\n'
    text += "nacelle.output x = {\n"
    notebook = produced(new_output("stream", name="stdout", text=text))
    assert given(notebook, "r") == {"table": "s3://b/t", "n": [1, 2]}
    # In Python a line is a line.
    assert given(notebook, "python") == {}

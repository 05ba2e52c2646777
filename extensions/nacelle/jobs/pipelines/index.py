"""The output notebook of a pipeline's run: a table of its steps, and what each gave."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nacelle.jobs.pipelines.pipeline import Pipeline
from nacelle.jobs.pipelines.records import ItemRecord
from nacelle.jobs.running.measures import duration

_HEAD = "| step | state | took | what it gave |\n|---|---|---|---|"
_STATES = {
    "waiting": "waiting",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "**failed**",
    "left-out": "left out",
}


def index(pipeline: Pipeline, values: dict[str, Any], items: Sequence[ItemRecord]) -> str:
    """The notebook's JSON. Links lead to `steps/<name>/` beside it.

    What each step gave is a cell of its own too, so that two runs can be compared.
    """
    rows = "\n".join(_row(one) for one in items)
    cells = [new_markdown_cell(f"# {_plain(pipeline.name)}\n\n{_HEAD}\n{rows}", id="steps")]
    cells += [
        new_markdown_cell(f"**{_plain(one.shown)}**: {_plain(one.exit.said.en)}", id=f"end-{place}")
        for place, one in enumerate(items)
        if one.exit
    ]
    cells += [_cell(place, one) for place, one in enumerate(items)]
    metadata = {"papermill": {"parameters": values}, "language_info": {"name": "python"}}
    return str(nbformat.writes(new_notebook(cells=cells, metadata=metadata)))


def _row(item: ItemRecord) -> str:
    name = _plain(item.shown)
    if item.state in ("succeeded", "failed"):
        links = (
            f"[page](steps/{item.name}/notebook.html), [notebook](steps/{item.name}/notebook.ipynb)"
        )
        name = f"{name} ({links})"
    took = ""
    if item.started and item.ended:
        took = duration((item.ended - item.started).total_seconds())
    state = _STATES[item.state] + (", in an earlier run" if item.reused else "")
    given = ", ".join(f"{name} = {_short(value)}" for name, value in item.outputs.items())
    return f"| {name} | {state} | {took} | {given} |"


def _cell(place: int, item: ItemRecord) -> Any:
    given = "\n".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in item.outputs.items()
    )
    outputs = [new_output("stream", name="stdout", text=f"{given}\n")] if given else []
    return new_code_cell(f"# {item.shown}", outputs=outputs, id=f"step-{place}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _plain(text if len(text) <= 80 else f"{text[:79]}…")


def _plain(text: str) -> str:
    """A text that is shown as it is, in a cell of a table too."""
    shown = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|$~#" else sign for sign in shown)

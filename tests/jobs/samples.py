"""Jobs, runs and notebooks to test with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nacelle.jobs.job import Environment, Job, Notebook, Run
from nacelle.jobs.notebook import NotebookFile, read_notebook

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
ID = "0" * 32
DIGEST = "a" * 64


def job(**changes: Any) -> Job:
    plain: dict[str, Any] = {
        "id": ID,
        "name": "Monthly figures",
        "owner": "ada",
        "notebook": Notebook(sha256=DIGEST, path="work/figures.ipynb"),
        "environment": Environment(profile="python", kernel="python3"),
        "created": NOON,
        "changed": NOON,
    }
    return Job(**plain | changes)


def run(**changes: Any) -> Run:
    plain: dict[str, Any] = {
        "id": "1" * 32,
        "job": ID,
        "version": DIGEST,
        "cause": "schedule",
        "scheduled": NOON,
    }
    return Run(**plain | changes)


def notebook(*cells: Any, language: str = "python") -> NotebookFile:
    """A notebook of cells, each a source or a cell, as it is read back from its bytes."""
    return read_notebook(content(*cells, language=language))


def content(*cells: Any, language: str = "python") -> bytes:
    made = new_notebook(
        cells=[new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells],
        metadata={"kernelspec": {"name": "k", "display_name": "k", "language": language}},
    )
    return str(nbformat.writes(made)).encode()


def with_parameters(source: str, language: str = "python") -> NotebookFile:
    tagged = new_code_cell(source, metadata={"tags": ["parameters"]})
    return notebook("1 + 1", tagged, language=language)


def printed(text: str) -> Any:
    """A cell that printed a text."""
    return new_code_cell("show()", outputs=[new_output("stream", name="stdout", text=text)])


def shown(**data: Any) -> Any:
    """A cell with a result of several types, e.g. text_html='<b>'."""
    types = {kind.replace("_", "/", 1).replace("_", "-"): value for kind, value in data.items()}
    return new_code_cell("show()", outputs=[new_output("display_data", data=types)])

"""The notebook as it runs: papermill's metadata, and the parameters put in as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from papermill import __version__ as papermill_version
from papermill.parameterize import parameterize_notebook
from papermill.utils import find_first_tagged_cell_index

from nacelle.jobs.quoting import use_safe_quoting


@dataclass(frozen=True)
class Numbering:
    """Numbers of cells as the input notebook has them; papermill puts one more in."""

    cells: int
    inserted: int | None

    def number(self, index: int) -> int:
        """The cell at `index` (from 0) of what runs, counted from 1 in the input notebook.

        The inserted cell counts as the one before it, which it speaks for.
        """
        after = self.inserted is not None and index >= self.inserted
        return max(1, index if after else index + 1)


def prepare(
    content: bytes, values: Mapping[str, Any], kernel: str, language: str, shown: Mapping[str, str]
) -> tuple[Any, Numbering]:
    """The notebook as it will run, with papermill's metadata; `shown` is kept among them.

    `language` is the kernel's: what it will read decides how values are written, not what the
    notebook says of itself.
    """
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    notebook = nbformat.v4.upgrade(notebook) or notebook
    notebook.metadata.papermill = {
        "default_parameters": {},
        "parameters": {},
        "environment_variables": {},
        "version": papermill_version,
        **shown,
    }
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = {}
    cells = len(notebook.cells)
    if values:
        use_safe_quoting()
        notebook = parameterize_notebook(
            notebook, dict(values), kernel_name=kernel, language=language
        )
        notebook.cells[_inserted(notebook)].metadata["papermill"] = {}
    inserted = _inserted(notebook) if len(notebook.cells) > cells else None
    return notebook, Numbering(cells, inserted)


def _inserted(notebook: Any) -> int:
    return int(find_first_tagged_cell_index(notebook, "injected-parameters"))

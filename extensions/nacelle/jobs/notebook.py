"""Reading a notebook's bytes: what a job needs to know of it, nothing of it is run.

nbformat is not asked: it writes what is wrong with a notebook into the log, with the text of its
cells and outputs, keys and all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from nacelle.jobs.refusal import Refused

MOST_BYTES = 10 * 1024 * 1024
_LANGUAGES = {"python": "python", "ipython": "python", "r": "r", "julia": "julia"}


class NotebookFile(NamedTuple):
    """A notebook that was read: its cells (nbformat 4), their language, the name of its kernel."""

    sha256: str
    cells: list[Mapping[str, Any]]
    language: str
    kernel: str


def read_notebook(content: bytes, most_bytes: int = MOST_BYTES) -> NotebookFile:
    """Read the bytes of an .ipynb file. Raises Refused: too large, no notebook, nothing to run."""
    if len(content) > most_bytes:
        raise _refused(
            f"The notebook has {len(content) / 1e6:.1f} MB; {most_bytes / 1e6:.0f} MB are allowed."
            " Clear its outputs and promote it again.",
            f"Le carnet fait {len(content) / 1e6:.1f} Mo ; {most_bytes / 1e6:.0f} Mo sont permis."
            " Effacez ses sorties et promouvez-le à nouveau.",
        )
    try:
        raw = json.loads(content.decode("utf-8"))
        version = raw["nbformat"]
        cells = [_checked(cell) for cell in raw["cells"]] if version == 4 else []
        spec = raw["metadata"].get("kernelspec", {})
        info = raw["metadata"].get("language_info", {})
        language = info.get("name") or spec.get("language") or ""
        kernel = spec.get("name", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # A mistaken file can be wrong in any of these ways; nothing of it goes into a message.
        raise _refused(
            "This file is no notebook that can be read. Open and save it in Jupyter, then try"
            " again.",
            "Ce fichier n'est pas un carnet lisible. Ouvrez-le et enregistrez-le dans Jupyter, puis"
            " réessayez.",
        ) from None
    if version != 4:
        raise _refused(
            "This notebook is of another format than Jupyter's today (4). Open and save it in"
            " Jupyter, then try again.",
            "Ce carnet est d'un autre format que celui de Jupyter aujourd'hui (4). Ouvrez-le et"
            " enregistrez-le dans Jupyter, puis réessayez.",
        )
    if not any(cell["cell_type"] == "code" and cell["source"].strip() for cell in cells):
        raise _refused(
            "The notebook has no code to run. Add a code cell.",
            "Le carnet n'a pas de code à exécuter. Ajoutez une cellule de code.",
        )
    digest = hashlib.sha256(content).hexdigest()
    return NotebookFile(digest, cells, _LANGUAGES.get(str(language).lower(), ""), str(kernel))


def parameters_cell(notebook: NotebookFile) -> int | None:
    """Place (from 0) of the first cell tagged `parameters`, as papermill finds it; None: none."""
    for place, cell in enumerate(notebook.cells):
        if "parameters" in cell["metadata"].get("tags", ()):
            return place
    return None


def _checked(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """A cell of the shape that readers rely on, its source in one text; any error for another."""
    source = cell["source"]
    if isinstance(source, list):
        source = "".join(source)
    # Half a pair of code units can be escaped in JSON and written nowhere.
    source.encode("utf-8")
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    tags = cell["metadata"].get("tags", [])
    whole = isinstance(cell["cell_type"], str) and isinstance(tags, list)
    if not whole or not all(isinstance(one, Mapping) for one in data):
        raise TypeError("a cell of another shape")
    return {**cell, "source": source}


def _refused(en: str, fr: str) -> Refused:
    return Refused("notebook", en, fr)

"""The output notebook as one HTML page that asks nobody for anything."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from nacelle.jobs.running.files import write_text

# Lab's own template without what it would fetch from elsewhere: scripts for formulas and widgets.
_TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
# Without its scripts a widget shows nothing; its text does.
_SHOWN_FIRST = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
)


def make_page(notebook: Path, page: Path, seconds: float) -> bool:
    """Write `page` of `notebook`; whether it was done within `seconds`."""
    done = threading.Event()

    def work() -> None:
        try:
            write_text(page, convert(notebook.read_text(encoding="utf-8")))
            done.set()
        except Exception:
            logging.getLogger(__name__).exception("no page of the notebook")

    worker = threading.Thread(target=work, name="page", daemon=True)
    worker.start()
    worker.join(seconds)
    return done.is_set()


def convert(text: str) -> str:
    """The HTML of a notebook's JSON."""
    # Late: a run that is short of time does without.
    import nbformat
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    settings = Config({"NbConvertBase": {"display_data_priority": list(_SHOWN_FIRST)}})
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=settings, raw_template=_TEMPLATE
    )
    made, _ = exporter.from_notebook_node(nbformat.reads(text, as_version=4))
    return str(made)


def load() -> None:
    """Load the converter while there is nothing else to do."""
    import nbconvert.exporters  # noqa: F401

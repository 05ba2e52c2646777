"""A sweep of one notebook as a pipeline's file: one step, once for each combination."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nacelle.jobs import parameters
from nacelle.jobs.notebook import NotebookFile
from nacelle.jobs.parameters import Form, FormField, read_form


def write_sweep(
    notebook: NotebookFile, file: str, name: str, matrix: Mapping[str, Sequence[str]]
) -> str:
    """The YAML for the notebook `file`; `matrix` has the values to try, as they were typed.

    The lists, and what else the notebook asks for, become parameters of the pipeline. Raises
    ParametersRefused for a name that the notebook does not have, or a value that does not fit.
    """
    form = read_form(notebook)
    tried = {key: [_typed(form, key, text) for text in texts] for key, texts in matrix.items()}
    others = [one for one in form.fields if one.name not in tried and _is_asked(one)]
    lines = [f"name: {json.dumps(name, ensure_ascii=False)}", "parameters:"]
    lines += [f"  {key}: {_plain(values)}" for key, values in tried.items()]
    lines += [f"  {one.name}: {{default: {_plain(one.default)}{_help(one)}}}" for one in others]
    lines += ["steps:", "  - name: each", f"    notebook: {json.dumps(file, ensure_ascii=False)}"]
    lines += ["    matrix:", *(f"      {key}: ${{parameters.{key}}}" for key in tried)]
    lines += ["    parameters:", *(f"      {key}: ${{matrix.{key}}}" for key in tried)]
    lines += [f"      {one.name}: ${{parameters.{one.name}}}" for one in others]
    return "\n".join(lines) + "\n"


def _typed(form: Form, name: str, text: str) -> Any:
    value = parameters.check({name: text}, form)[name].value
    return list(value) if isinstance(value, tuple) else value


def _is_asked(field: FormField) -> bool:
    """Whether its default can be written down; what is computed stays the notebook's own."""
    return field.type != "computed" and field.default is not None and field.default != ()


def _help(field: FormField) -> str:
    return f", help: {_plain(field.help)}" if field.help else ""


def _plain(value: Any) -> str:
    """JSON, which YAML reads as it is."""
    return json.dumps(value, ensure_ascii=False)

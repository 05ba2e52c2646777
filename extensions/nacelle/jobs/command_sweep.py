"""`nacelle jobs sweep`: a notebook and the values to try, as a pipeline's file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from nacelle.jobs.command_base import BAD_INPUT, NO, pairs
from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.parameters import ParametersRefused
from nacelle.jobs.pipelines.one_notebook import write_sweep
from nacelle.jobs.refusal import Refused


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "--matrix",
    multiple=True,
    required=True,
    metavar="NAME=VALUE,VALUE",
    help="Values to try; several: every combination.",
)
@click.option("--to", "file", type=click.Path(path_type=Path), help="A new file; else printed.")
def sweep(notebook: Path, matrix: tuple[str, ...], file: Path | None) -> None:
    """Write a pipeline that runs NOTEBOOK once for each combination of values."""
    tried = {name: text.split(",") for name, text in pairs(matrix, "--matrix").items()}
    try:
        found = read_notebook(notebook.read_bytes())
        text = write_sweep(found, notebook.name, f"{notebook.stem} sweep", tried)
    except OSError as error:
        _end(f"{notebook} cannot be read ({error.strerror}).", BAD_INPUT)
    except Refused as error:
        _end(str(error), BAD_INPUT)
    except ParametersRefused as error:
        _end("\n".join(said.en for said in error.problems.values()), BAD_INPUT)
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
    except OSError as error:
        _end(f"{file} cannot be written ({error.strerror}).", NO)
    click.echo(f"{file}: nacelle jobs create {file}")


def _end(said: str, code: int) -> NoReturn:
    click.echo(said, err=True)
    sys.exit(code)

"""`nacelle jobs check`: a pipeline's file, looked at where it lies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from nacelle.jobs.command_base import BAD_INPUT, print_json
from nacelle.jobs.findings import where
from nacelle.jobs.pipelines.bundle import read_bundle
from nacelle.jobs.pipelines.collecting import check as check_file
from nacelle.jobs.pipelines.examining import examine_pipeline
from nacelle.jobs.pipelines.pipeline import Pipeline
from nacelle.jobs.refusal import Refused


@click.command()
@click.argument("pipeline", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(pipeline: Path, as_json: bool) -> None:
    """Check PIPELINE, a YAML file, and its notebooks; nothing is sent or run."""
    try:
        understood, content = check_file(pipeline)
        found = examine_pipeline(read_bundle(content))
    except OSError as error:
        _refuse(f"{pipeline} cannot be read ({error.strerror}).")
    except Refused as error:
        _refuse(str(error))
    if as_json:
        print_json(_plain(understood.pipeline) | {"bytes": len(content)})
    else:
        _show(understood.pipeline)
    if found.findings:
        _refuse("\n".join(where(one).en for one in found.findings))


def _show(pipeline: Pipeline) -> None:
    asks = ", ".join(field.name for field in pipeline.fields) or "nothing"
    click.echo(f"{pipeline.name}: {len(pipeline.steps)} steps; asks for {asks}")
    for step in pipeline.steps:
        needs = ", ".join(name for _, name in step.before())
        matrix = f", once for each {' and '.join(step.matrix)}" if step.matrix else ""
        click.echo(f"  {step.name}: {step.notebook}{f', after {needs}' if needs else ''}{matrix}")


def _plain(pipeline: Pipeline) -> dict[str, object]:
    return {
        "name": pipeline.name,
        "parameters": [field.model_dump(mode="json") for field in pipeline.fields],
        "steps": [
            {
                "name": step.name,
                "notebook": step.notebook,
                "needs": [name for _, name in step.before()],
                "matrix": list(step.matrix or ()),
            }
            for step in pipeline.steps
        ],
    }


def _refuse(said: str) -> NoReturn:
    click.echo(said, err=True)
    sys.exit(BAD_INPUT)

"""`nacelle nace threshold`: from which confidence index on a model may code automatically."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nacelle.nace.command_base import (
    NO,
    as_json,
    check_file,
    code_column,
    for_people,
    print_json,
    progress,
    text_column,
)

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.labelled import Labelled
    from nacelle.nace.threshold_file import ThresholdFile

_between = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("model")
@click.argument("gold")
@click.option("--accuracy", type=_between, default=0.90, show_default=True, help="To be proved.")
@click.option("--risk", type=_between, default=0.05, show_default=True, help="Of a false proof.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the threshold, as JSON.")
@click.option(
    "--register",
    metavar="ADDRESS",
    help="Keep it with MODEL's version in MLflow (models:/nace/3), whose service then uses it.",
)
@text_column
@code_column
@as_json
@for_people("Nothing was written.")
def threshold(
    model: str,
    gold: str,
    accuracy: float,
    risk: float,
    output: Path | None,
    register: str | None,
    text_column: str,
    code_column: str,
    as_json: bool,
) -> None:
    """Prove on the gold standard GOLD from which confidence index MODEL may code automatically.

    GOLD has the columns text and code: a random sample of the texts to be coded, labelled without
    sight of the model's answers. The exit code is 1 where no threshold can be proved.
    """
    from nacelle.nace.command_answers import answerer, read_gold
    from nacelle.nace.load_model import load_classifier
    from nacelle.nace.register_threshold import check_registered, register_threshold
    from nacelle.nace.threshold import threshold_of
    from nacelle.nace.threshold_file import ThresholdFile

    check_file(output)
    classifier = load_classifier(model)
    if register:
        check_registered(register, classifier.version)
    rows = read_gold([classifier], gold, text_column, code_column)
    with progress("threshold") as tell:
        answers = answerer(classifier, rows, tell, model)(rows.texts)
    found = ThresholdFile(
        model=classifier.version,
        nomenclature=classifier.nomenclature.identity,
        gold=f"{gold}, SHA-256 {rows.digest()}",
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        result=threshold_of(
            answers,
            rows.codes,
            accuracy,
            risk,
            left_out=rows.report.read - rows.report.kept,
        ),
    )
    written = output if found.result.proved else None
    if written:
        written.parent.mkdir(parents=True, exist_ok=True)
        found.save(written)
    if not as_json:
        click.echo(_words(found, classifier, rows, model, output))
    registered = register_threshold(found, register) if register and found.result.proved else None
    if as_json:
        print_json(_content(found, rows, written, registered))
    elif registered:
        click.echo(f"Kept with {registered}: a service that answers with it uses it now.")
    sys.exit(0 if found.result.proved else NO)


def _content(
    found: ThresholdFile, rows: Labelled, written: Path | None, registered: str | None
) -> dict[str, Any]:
    return {
        "model": found.model,
        "nomenclature": found.nomenclature,
        "gold": found.gold,
        "time": found.time,
        **found.result.to_dict(),
        "data": rows.report.to_dict(),
        "output": str(written) if written else None,
        "registered": registered,
    }


def _words(
    found: ThresholdFile, classifier: Classifier, rows: Labelled, model: str, output: Path | None
) -> str:
    parts = [str(rows.report), f"{classifier.name} {classifier.version}: {found.result.words}"]
    if found.result.proved and output:
        parts.append(f"Next: nacelle nace predict {model} FILE --threshold-file {output}")
    elif found.result.proved:
        parts.append("Add --output threshold.json to keep it for this version of the model.")
    elif output:
        parts.append(f"{output} was not written.")
    return "\n".join(parts)

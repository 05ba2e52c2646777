"""`nacelle nace evaluate`: how good a model is on labelled texts that it has not seen."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nacelle.nace.command_base import (
    Progress,
    aligned,
    as_json,
    check_file,
    code_column,
    for_people,
    print_json,
    progress,
    say,
    text_column,
)
from nacelle.nace.errors import NaceError

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.compare import Comparison
    from nacelle.nace.evaluation import Evaluation, Part
    from nacelle.nace.labelled import Labelled
    from nacelle.nace.prediction import Answers

_SHOWN = 10


@dataclass(frozen=True)
class _Judged:
    """A model, where it is, its answers and their figures."""

    location: str
    classifier: Classifier
    answers: Answers
    evaluation: Evaluation

    @property
    def name(self) -> str:
        return f"{self.classifier.name} {self.classifier.version}"


@click.command()
@click.argument("model")
@click.argument("file")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report, as HTML.")
@click.option("--against", metavar="MODEL", help="Compare with a second model on the same texts.")
@click.option(
    "--robustness/--no-robustness",
    default=None,
    help="Judge misspelt copies too, which takes longer; for a report it is done by default.",
)
@text_column
@code_column
@as_json
@for_people("Nothing was written.")
def evaluate(
    model: str,
    file: str,
    report: Path | None,
    against: str | None,
    robustness: bool | None,
    text_column: str,
    code_column: str,
    as_json: bool,
) -> None:
    """Judge MODEL, a folder or an address of MLflow, on the labelled texts of FILE.

    FILE is Parquet or CSV with the columns text and code; language, source and the model's side
    variables beside them are used. Inside a run of MLflow (MLFLOW_RUN_ID) the figures are logged.
    """
    from nacelle.nace.command_answers import read_gold
    from nacelle.nace.load_model import load_classifier

    check_file(report)
    locations = (model, against) if against else (model,)
    classifiers = [load_classifier(one) for one in locations]
    _check_comparable(classifiers)
    rows = read_gold(classifiers, file, text_column, code_column)
    misspelt = report is not None if robustness is None else robustness
    with progress("evaluate") as tell:
        judged = [
            # A second model is only compared, on the texts as they are.
            _judge(location, one, rows, misspelt and one is classifiers[0], tell)
            for location, one in zip(locations, classifiers, strict=True)
        ]
    comparison = _compared(judged, rows) if against else None
    if report:
        _write(report, judged, rows, file, comparison)
    if as_json:
        print_json(_content(judged, rows, comparison))
    else:
        click.echo(_words(judged[0], rows, comparison, report))
    # The run that `mlflow run` made, or a job, is about this evaluation.
    if os.environ.get("MLFLOW_RUN_ID"):
        _log(judged[0], report, comparison)


def _log(judged: _Judged, report: Path | None, comparison: Comparison | None) -> None:
    from nacelle.nace.report import log_to_mlflow
    from nacelle.nace.tracking import open_run, tracking

    with tracking("log the evaluation") as mlflow, open_run(mlflow):
        log_to_mlflow(judged.evaluation, report, comparison)


def _check_comparable(classifiers: list[Classifier]) -> None:
    first, *others = classifiers
    for other in others:
        first.nomenclature.require_same(other.nomenclature, "The second model")
        if first.classes != other.classes:
            raise NaceError("The two models answer codes of different levels; compare like ones.")


def _judge(
    location: str, classifier: Classifier, rows: Labelled, misspelt: bool, tell: Progress
) -> _Judged:
    from nacelle.nace.command_answers import answerer
    from nacelle.nace.evaluate import evaluate, with_robustness

    nomenclature = classifier.nomenclature
    answers = answerer(classifier, rows, tell, location)(rows.texts)
    found = evaluate(
        answers, rows.codes, nomenclature, languages=rows.languages, sources=rows.sources
    )
    if misspelt:
        again = answerer(classifier, rows, tell, f"{location}, misspelt texts")
        found = with_robustness(found, rows.texts, rows.codes, again, nomenclature)
    return _Judged(location, classifier, answers, found)


def _compared(judged: list[_Judged], rows: Labelled) -> Comparison:
    from nacelle.nace.compare import compare

    first, second = judged
    same = first.name == second.name
    names = (first.location, second.location) if same else (first.name, second.name)
    return compare(first.answers, second.answers, rows.codes, names=names)


def _write(
    path: Path, judged: list[_Judged], rows: Labelled, file: str, comparison: Comparison | None
) -> None:
    from nacelle.nace.report import write_report

    first, *others = judged
    command = ["nacelle", "nace", "evaluate", first.location, file, "--report", str(path)]
    for other in others:
        command += ["--against", other.location]
    card = first.classifier.card
    write_report(
        path,
        first.evaluation,
        model=first.name,
        data=file,
        command=shlex.join(command),
        facts={
            "Trained": str(card.get("date", "")),
            "Rows not used": f"{rows.report.read - rows.report.kept:,} of {rows.report.read:,}",
            **({"Attention": " ".join(rows.report.warnings)} if rows.report.warnings else {}),
        },
        comparison=comparison,
        other=others[0].evaluation if others else None,
    )
    say(f"The report is in {path}.")


def _content(
    judged: list[_Judged], rows: Labelled, comparison: Comparison | None
) -> dict[str, Any]:
    first, *others = judged
    classifier = first.classifier
    content = first.evaluation.to_dict()
    content["model"] = {"name": classifier.name, "version": classifier.version}
    content["data"] = {"digest": rows.digest(), **rows.report.to_dict()}
    if comparison:
        content["comparison"] = comparison.to_dict()
        content["against"] = others[0].evaluation.to_dict()
    return content


def _words(
    judged: _Judged, rows: Labelled, comparison: Comparison | None, report: Path | None
) -> str:
    from nacelle.nace.advice import advice

    found = judged.evaluation
    parts = [str(rows.report), "", f"{judged.name} on {found.rows:,} texts:", _figures(found)]
    for what, parts_of in (("language", found.by_language), ("source", found.by_source)):
        if len(parts_of) > 1:
            parts += ["", f"By {what}, at level {found.depth}:", _by(parts_of)]
    if found.robustness:
        parts += ["", "With misspelt characters:", _misspelt(found)]
    if comparison:
        parts += ["", comparison.words]
    parts += ["", "Next:", *(f"- {one}" for one in advice(found))]
    if not report:
        parts.append("- Add --report FILE.html for plots, confusions and the weakest codes.")
    return "\n".join(parts)


def _figures(found: Evaluation) -> str:
    from nacelle.nace.words import interval, share, whole

    lines = [
        (f"right at level {level}", share(value), interval(found.accuracy_interval[level]))
        for level, value in found.accuracy.items()
    ]
    lines += [
        ("right code among the first five", share(found.top5), interval(found.top5_interval)),
        ("macro-F1", share(found.macro_f1), interval(found.macro_f1_interval)),
    ]
    lines += [
        (
            f"coded automatically at {whole(float(target))} accuracy",
            share(value),
            interval(found.auto_rate_interval[target]),
        )
        for target, value in found.auto_rate.items()
    ]
    lines.append(("calibration error", share(found.ece), interval(found.ece_interval)))
    lines.append(("rejected", share(found.rejected / found.rows), ""))
    return aligned(lines)


def _by(parts: dict[str, Part]) -> str:
    """The largest of the parts; the report has all."""
    from nacelle.nace.words import interval, share

    return aligned(
        [
            (name, f"{part.rows:,} texts", share(part.accuracy), interval(part.accuracy_interval))
            for name, part in islice(parts.items(), _SHOWN)
        ]
    )


def _misspelt(found: Evaluation) -> str:
    from nacelle.nace.words import share, whole

    level = str(found.depth)
    return aligned(
        [
            (
                f"{whole(float(rate))} of characters",
                f"right at level {level}: {share(part.accuracy[level])}",
                f"coded automatically: {share(part.coded)}",
            )
            for rate, part in found.robustness.items()
        ]
    )

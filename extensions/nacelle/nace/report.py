"""An evaluation as one HTML file that reads without the internet, and in MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacelle.nace import charts, words
from nacelle.nace.advice import advice
from nacelle.nace.compare import Comparison
from nacelle.nace.evaluation import Evaluation, Sections

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES = Path(__file__).with_name("templates")
# A table of more sections than this is no map any more.
_SECTIONS = 30


def render_report(
    evaluation: Evaluation,
    *,
    model: str,
    data: str = "",
    command: str = "",
    facts: Mapping[str, str] | None = None,
    comparison: Comparison | None = None,
    other: Evaluation | None = None,
    made: datetime | None = None,
) -> str:
    """The report as HTML: plots, tables, words and next steps; nothing is fetched to read it.

    `model` and `data` name what was evaluated and on what, `command` is the one that repeats it,
    `facts` are lines of the model card. `comparison` and `other` (the evaluation of the second
    model on the same texts) add a section and a second curve. `made` is now where it is not given.
    """
    template = _environment().get_template("report.html")
    frame = charts.typos_frame(evaluation)
    found: str = template.render(
        evaluation=evaluation,
        other=other,
        comparison=comparison,
        model=model,
        data=data,
        command=command,
        facts=dict(facts or {}),
        made=(made or datetime.now(UTC)).astimezone(UTC),
        advice=advice(evaluation),
        deepest=str(evaluation.depth),
        coding=charts.coding_frame([evaluation, *([other] if other else [])]),
        reliability=charts.Frame(),
        typos=(frame, *charts.typos_lines(evaluation, frame)),
        map=section_map(evaluation.sections),
    )
    return found


def write_report(path: Path, evaluation: Evaluation, **parts: Any) -> Path:
    """Write `render_report(evaluation, **parts)` to `path`, whose folder is made; returns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(evaluation, **parts), encoding="utf-8")
    return path


def log_to_mlflow(
    evaluation: Evaluation, report: Path | None = None, comparison: Comparison | None = None
) -> None:
    """Log figures and report in the active MLflow run (one is started where there is none).

    Metrics are `flat_metrics`; `evaluation.json` (and `comparison.json`) hold everything, the
    report lies beside them.
    """
    import mlflow

    mlflow.log_metrics(flat_metrics(evaluation))
    mlflow.log_dict(evaluation.to_dict(), "evaluation.json")
    if comparison:
        mlflow.log_metrics(
            {
                "comparison_difference": comparison.difference,
                "comparison_p_value": comparison.p_value,
            }
        )
        mlflow.log_dict(comparison.to_dict(), "comparison.json")
    if report:
        mlflow.log_artifact(str(report))


def flat_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The main figures by names that MLflow takes.

    `rows`, `accuracy_1`… by level, `top5`, `macro_f1`, `ece`, `auto_rate_0.90`, `auto_rate_0.95`,
    and where robustness was asked for `typos_0.05_accuracy` (deepest level) and
    `typos_0.05_auto_rate_0.90` for each rate.
    """
    found = {
        "rows": float(evaluation.rows),
        **{f"accuracy_{level}": value for level, value in evaluation.accuracy.items()},
        "top5": evaluation.top5,
        "macro_f1": evaluation.macro_f1,
        "ece": evaluation.ece,
        **{f"auto_rate_{target}": value for target, value in evaluation.auto_rate.items()},
    }
    for rate, figures in evaluation.robustness.items():
        found[f"typos_{rate}_accuracy"] = figures.accuracy[str(evaluation.depth)]
        found[f"typos_{rate}_auto_rate_0.90"] = figures.auto_rate["0.90"]
    return found


def section_map(sections: Sections) -> dict[str, Any]:
    """The confusion between sections, ready to be drawn: the largest 30, in the order of codes.

    `rows` has an element a section: its code, title, texts, share right, the section it is most
    often taken for, and `cells`, one a column: answered section (empty if rejected), texts and
    share of the row.
    """
    totals = [sum(line) for line in sections.counts]
    size = sorted(range(len(totals)), key=lambda i: (-totals[i], sections.codes[i]))
    shown = sorted(size[:_SECTIONS])
    rejected = any(line[-1] for line in sections.counts)
    columns = [*shown, len(sections.codes)] if rejected else shown
    names = [*sections.codes, ""]
    rows: list[dict[str, Any]] = []
    for i in shown:
        line, total = sections.counts[i], max(totals[i], 1)
        wrong = [j for j in range(len(sections.codes)) if j != i and line[j]]
        most = max(wrong, key=lambda j: line[j], default=None)
        cells = [
            {"code": names[j], "rows": line[j], "share": line[j] / total, "right": i == j}
            for j in columns
        ]
        rows.append(
            {
                "code": names[i],
                "title": sections.titles[i],
                "rows": totals[i],
                "right": line[i] / total,
                "most": names[most] if most is not None else "",
                "most_rows": line[most] if most is not None else 0,
                "cells": cells,
            }
        )
    off = [cell["share"] for row in rows for cell in row["cells"] if not cell["right"]]
    return {
        "rows": rows,
        "columns": [names[j] for j in columns],
        "left_out": len(totals) - len(shown),
        "largest": max(off, default=0.0) or 1.0,
    }


def _environment() -> Environment:
    """Templates of this package, with the words for numbers as filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("share", "whole", "interval", "points", "signed_points", "count"):
        made.filters[name] = getattr(words, name)
    made.filters["code"] = _with_code
    return made


def _with_code(sentence: str) -> Markup:
    """A sentence in which `what stands so` is shown as code; everything is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(sentence))))

"""The model card: how a model came to be, for programs (JSON) and for people (Markdown)."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacelle.nace.model_folder import CARD

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.evaluation import Evaluation
    from nacelle.nace.fits import TrainSettings
    from nacelle.nace.labelled import Labelled
    from nacelle.nace.nomenclature import Nomenclature

_LIBRARIES = ("fasttext-community", "numpy", "scipy", "pystemmer")


def about_training(
    rows: Labelled,
    nomenclature: Nomenclature,
    settings: TrainSettings,
    counts: Mapping[str, int],
    judged: Evaluation | None,
) -> dict[str, Any]:
    """JSON-able facts of a training; `judged` are the figures on the rows kept apart, if any."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "nomenclature": nomenclature.identity,
        "data": rows.digest(),
        "rows": dict(counts),
        "dropped": rows.report.to_dict(),
        "languages": _counts(rows.languages),
        "sources": _counts(rows.sources),
        "settings": settings.to_dict(),
        "code": code_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "figures": _headline(judged) if judged else None,
    }


def code_version() -> str:
    """The commit of the checkout that this package runs from, else the package's version.

    It ends in `-dirty` where files of the package are not as they were committed.
    """
    folder = Path(__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit or not (folder.parents[2] / ".git").exists():
        return version("nacelle")
    return commit + ("-dirty" if _git(folder, "status", "--porcelain", ".") else "")


def _git(folder: Path, *asked: str) -> str:
    """What git answers; '' where it does not."""
    try:
        found = subprocess.run(
            ["git", *asked], cwd=folder, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def _counts(values: list[str]) -> dict[str, int]:
    return dict(Counter(value or "unknown" for value in values).most_common())


def _headline(judged: Evaluation) -> dict[str, Any]:
    everything = judged.to_dict()
    wanted = ("rows", "accuracy", "accuracy_interval", "top5", "macro_f1", "auto_rate", "ece")
    return {name: everything[name] for name in wanted}


def write_card(folder: Path, classifier: Classifier) -> None:
    """Write the card for people beside the model's files."""
    (folder / CARD).write_text(card_text(classifier), encoding="utf-8")


def card_text(classifier: Classifier) -> str:
    """The card in Markdown: what it is for, what it learnt from, how good it is, where it errs."""
    card, nomenclature = classifier.card, classifier.nomenclature
    parts = [
        f"# {classifier.name} {classifier.version}",
        f"Codes short descriptions of activities in {nomenclature.label}, level"
        f" {nomenclature.level(classifier.classes[0])}: {len(classifier.classes)} codes. Rules come"
        " first (rule file, code typed as text, look-up); what they do not answer goes to a"
        " fastText model and a network beside it, whose calibrated answers are one.",
        "## What it learnt from",
        _learnt(card),
        "## How good it is",
        _figures(card.get("figures")),
        "## Use with care",
        "It forecasts; it does not know. Its figures hold for texts like those it learnt from: set"
        " the threshold of automatic coding on a fresh gold sample of your own texts"
        " (`nacelle nace threshold`), again for each version of the model. A code means something"
        f" only together with {nomenclature.label}.",
        "## Files",
        "`fasttext.bin` is an ordinary fastText classifier (softmax) over stemmed texts, readable"
        " by any fastText; alone it is a little less often right than both views together."
        " `network.npz` is the other view, `rules.json` the look-up and the rule file,"
        " `nomenclature.json` the codes and titles, `model.json` names all with their digests.",
    ]
    return "\n\n".join(parts) + "\n"


def _learnt(card: Mapping[str, Any]) -> str:
    rows = card.get("rows", {})
    lines = [f"- {what}: {count:,} rows" for what, count in rows.items()]
    lines += [f"- data (SHA-256): `{card.get('data', '')}`", f"- date: {card.get('date', '')}"]
    lines += [f"- code: `{card.get('code', '')}`"]
    languages = ", ".join(f"{name} {count:,}" for name, count in card.get("languages", {}).items())
    return "\n".join([*lines, f"- languages: {languages}"])


def _figures(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return (
            "Not measured: there were too few rows to keep some apart. Its probabilities are not"
            " calibrated either; evaluate it on labelled texts before use."
        )
    lines = [
        f"Measured on {figures['rows']:,} texts of the same sources, none of whose words in any"
        " order it had learnt, each half calibrated on the other; the model itself then learnt and"
        " was calibrated on them all.",
        "",
        "| | |\n|---|---|",
    ]
    for level, share in figures["accuracy"].items():
        low, high = figures["accuracy_interval"][level]
        lines.append(f"| right at level {level} | {share:.1%} ({low:.1%} to {high:.1%}) |")
    lines.append(f"| right code among the first five | {figures['top5']:.1%} |")
    for target, share in figures["auto_rate"].items():
        lines.append(f"| coded automatically at {float(target):.0%} accuracy | {share:.1%} |")
    lines.append(f"| calibration error | {figures['ece']:.1%} |")
    lines.append(f"| macro-F1 | {figures['macro_f1']:.3f} |")
    return "\n".join(lines)

"""What the figures of an evaluation suggest to do next, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from nacelle.nace.evaluation import Evaluation
from nacelle.nace.words import points, share

_NARROW = 30


def advice(evaluation: Evaluation) -> list[str]:
    """Next steps, the most useful first; each is a sentence or two."""
    return [*_automatic(evaluation), *_probabilities(evaluation), *_weak_spots(evaluation)]


def _automatic(evaluation: Evaluation) -> Iterator[str]:
    threshold, rate = evaluation.auto_threshold["0.90"], evaluation.auto_rate["0.90"]
    if threshold is None:
        yield (
            "No share of the texts reaches 90 % accuracy: let the model propose five codes to a "
            f"person (the right one is among them for {share(evaluation.top5)} of texts) instead "
            "of coding automatically."
        )
        return
    yield (
        "To code automatically, prove a threshold on a fresh gold standard: `nacelle nace "
        f"threshold MODEL GOLD --accuracy 0.90 --risk 0.05`. The {share(rate)} from a confidence "
        f"index of {threshold:.2f} were found on these very texts, so they promise nothing for "
        "others."
    )


def _probabilities(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.ece > 0.05:
        answered = sum(one.rows for one in evaluation.reliability)
        gap = sum(one.rows * (one.probability - one.accuracy) for one in evaluation.reliability)
        side = "high" if gap / answered > 0 else "low"
        yield (
            f"Do not read the probabilities as they are: they lie {points(evaluation.ece)} from "
            f"the truth on average, mostly too {side}. Calibrate the model on texts like these."
        )


def _weak_spots(evaluation: Evaluation) -> Iterator[str]:
    low = evaluation.accuracy_interval[str(evaluation.depth)][0]
    for what, parts in (("language", evaluation.by_language), ("source", evaluation.by_source)):
        worse = [
            (part.accuracy, name, part)
            for name, part in parts.items()
            if part.rows >= _NARROW and part.accuracy_interval[1] < low
        ]
        if worse:
            accuracy, name, part = min(worse)
            yield (
                f"Add labelled rows of the {what} “{name}”: {share(accuracy)} of its {part.rows:,} "
                "texts get the right code, clearly fewer than of all."
            )
    if evaluation.confusions:
        first = evaluation.confusions[0]
        yield (
            f"Look first at {first.truth} taken for {first.answer} ({first.rows} of {first.of} "
            "texts): a rule, or labels that agree, may settle many texts at once."
        )
    typed = evaluation.robustness.get("0.05")
    if typed:
        lost = evaluation.accuracy[str(evaluation.depth)] - typed.accuracy[str(evaluation.depth)]
        if lost > 0.05:
            yield (
                f"Typing errors cost {points(lost)} when 1 character in 20 is wrong: train with "
                "more misspelt copies if your texts are typed in haste."
            )

"""Labelled texts and a model's answers to them, for the commands that judge a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nacelle.nace.command_base import Progress

if TYPE_CHECKING:
    from nacelle.nace.classifier import Classifier
    from nacelle.nace.labelled import Labelled
    from nacelle.nace.prediction import Answers

_CHUNK = 8192


def read_gold(
    classifiers: Sequence[Classifier], file: str, text_column: str, code_column: str
) -> Labelled:
    """All texts of a file with the right codes, at the level that the models answer.

    Texts that cannot be read stay, since a model that is asked them fails; rows whose right code is
    unknown are left out and counted. Raises NaceError where no row is left.
    """
    from nacelle.nace.labelled import read_labelled

    first = classifiers[0]
    nomenclature = first.nomenclature
    side = dict.fromkeys(name for one in classifiers for name in one.text.side)
    return read_labelled(
        file,
        nomenclature,
        text=text_column,
        code=code_column,
        side=tuple(side),
        level=max(nomenclature.level(code) for code in first.classes),
        keep_unreadable=True,
    )


def answerer(
    classifier: Classifier, rows: Labelled, tell: Progress, what: str
) -> Callable[[Sequence[str]], Answers]:
    """What answers texts in the order of `rows`, with their languages and side variables."""
    from nacelle.nace.prediction import Answers

    def answer(texts: Sequence[str]) -> Answers:
        parts = []
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, start + _CHUNK)
            side = {name: values[part] for name, values in rows.side.items()}
            parts.append(classifier.answer(texts[part], languages=rows.languages[part], side=side))
            tell(min(start + _CHUNK, len(texts)) / len(texts), what)
        return Answers.joined(classifier.classes, parts)

    return answer

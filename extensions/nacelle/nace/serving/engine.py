"""The model that serves, and the answers to texts of several requests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path

from nacelle.nace.classifier import Classifier
from nacelle.nace.prediction import Answers, Asked, Prediction
from nacelle.nace.serving.champion import Current, model_folder
from nacelle.nace.serving.problems import Problem
from nacelle.nace.serving.wire import TextItem


@dataclass(frozen=True)
class Serving:
    """One model with what was proved for it. Replaced as a whole, never changed."""

    classifier: Classifier
    current: Current

    @property
    def threshold(self) -> float | None:
        """The confidence index proved for automatic coding, if one was."""
        return self.current.threshold.threshold if self.current.threshold else None

    @property
    def level(self) -> int:
        """The level of the codes that the model gives."""
        return self.classifier.nomenclature.level(self.classifier.classes[0])

    @classmethod
    def load(cls, models: Path, current: Current) -> Serving:
        """Read the model from disk. Raises NaceError where it is damaged."""
        return cls(Classifier.load(model_folder(models, current)), current)


@dataclass(eq=False)
class Job:
    """The texts of one request, on their way to answers by one model."""

    serving: Serving
    items: Sequence[TextItem]
    asked: Asked
    level: int
    caller: str
    deadline: float
    future: asyncio.Future[list[Prediction]]
    found: list[Prediction] = field(default_factory=list)
    # How much work its texts are, in characters; what is left; what of it a queue has counted.
    sizes: list[int] = field(init=False)
    characters: int = field(init=False)
    counted: int = 0

    def __post_init__(self) -> None:
        self.sizes = [weigh(item.text) for item in self.items]
        self.characters = sum(self.sizes)

    @property
    def left(self) -> int:
        return len(self.items) - len(self.found)

    def take(self, most: int, characters: int) -> Part:
        """The next texts: at most so many with so many characters, but one at least."""
        start = len(self.found)
        sums = accumulate(self.sizes[start : start + most])
        fitting = [size for size in sums if size <= characters] or self.sizes[start : start + 1]
        return Part(self, self.items[start : start + len(fitting)], fitting[-1])

    def answered(self, part: Part, predictions: Sequence[Prediction]) -> None:
        """Take the answers of the part that was taken last."""
        self.found += predictions
        self.characters -= part.characters


@dataclass(frozen=True)
class Part:
    """Some texts of a job, and how many characters of work they are."""

    job: Job
    items: Sequence[TextItem]
    characters: int


def weigh(text: str) -> int:
    """About the characters of a text once it is normalized (NFKD), without normalizing it."""
    if text.isascii():
        return len(text)
    # No other sign grows far beyond its bytes.
    return len(text.encode(errors="surrogatepass")) + 15 * text.count("\ufdfa")


def check_items(serving: Serving, items: Sequence[TextItem], longest: int) -> None:
    """Raise Problem where a text cannot be asked of this model: too long, unknown variables."""
    declared = serving.classifier.text.side
    for number, item in enumerate(items, 1):
        if len(item.text) > longest:
            raise Problem(
                413,
                f"Text {number} has {len(item.text):,} characters, {longest:,} are allowed."
                " Send the description of the activity alone.",
                kind="text-too-long",
            )
        unknown = [name for name in item.side if name not in declared]
        if unknown:
            known = ", ".join(declared) or "none"
            raise Problem(
                422,
                f"Text {number}: the model knows no side variable {unknown[0][:40]!r};"
                f" it declares {known}.",
                kind="unknown-variable",
            )


def check_level(serving: Serving, level: int | None) -> int:
    """The level to answer at. Raises Problem for one below the model's own."""
    if level is None or level == serving.level:
        return serving.level
    if level > serving.level:
        raise Problem(
            422,
            f"level is {level}; this model answers at the levels 1 to {serving.level}.",
            kind="unknown-level",
        )
    return level


def answer_parts(serving: Serving, parts: Sequence[Part]) -> list[list[Prediction]]:
    """Classify the texts of all parts in one go: the predictions of each part."""
    items = [item for part in parts for item in part.items]
    classifier = serving.classifier
    answers = classifier.answer(
        [item.text for item in items],
        languages=[item.language for item in items],
        side={name: [item.side.get(name, "") for item in items] for name in classifier.text.side},
    )
    most = max(part.job.asked.k for part in parts)
    levels = {part.job.level for part in parts}
    ranked = {level: _at_level(serving, answers, level).ranked(most) for level in levels}
    numbered = iter(enumerate(items))
    return [
        [
            classifier.describe(ranked[part.job.level], row, item.text, part.job.asked)
            for row, item in islice(numbered, len(part.items))
        ]
        for part in parts
    ]


def _at_level(serving: Serving, answers: Answers, level: int) -> Answers:
    return answers if level == serving.level else serving.classifier.at_level(answers, level)

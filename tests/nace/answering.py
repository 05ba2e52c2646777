"""Made-up answers of a model whose accuracy and confidence are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.prediction import Answers, Stage


def answers_of(classes: Sequence[str], rows: Sequence[dict[str, float] | None]) -> Answers:
    """A row a dictionary of probabilities by code; None for a rejected text."""
    place = {code: position for position, code in enumerate(classes)}
    probabilities = np.zeros((len(rows), len(classes)), dtype=np.float32)
    for row, given in zip(probabilities, rows, strict=True):
        for code, probability in (given or {}).items():
            row[place[code]] = probability
    stages: tuple[Stage, ...] = tuple("rejected" if row is None else "model" for row in rows)
    return Answers(tuple(classes), probabilities, stages)


def random_answers(
    nomenclature: Nomenclature, rows: int, seed: int, skill: float = 0.6, rejected: float = 0.02
) -> tuple[Answers, list[str]]:
    """Noisy answers and the right codes; `skill` is the share of rows where the truth is known."""
    random = np.random.default_rng(seed)
    classes = nomenclature.leaves()
    truth = random.integers(0, len(classes), rows)
    probabilities = random.dirichlet(np.full(len(classes), 0.05), rows)
    told = random.random(rows) < skill
    weight = random.beta(2, 1, rows) * told
    probabilities *= (1 - weight)[:, None]
    probabilities[np.arange(rows), truth] += weight
    out = random.random(rows) < rejected
    probabilities[out] = 0
    stages: tuple[Stage, ...] = tuple("rejected" if one else "model" for one in out)
    answers = Answers(classes, probabilities.astype(np.float32), stages)
    return answers, [classes[position] for position in truth]


def with_stage(answers: Answers, stage: Stage, rows: int) -> Answers:
    """The first rows answered by another stage."""
    return dataclasses.replace(answers, stages=(stage,) * rows + answers.stages[rows:])

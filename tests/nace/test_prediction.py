"""The order of answers."""

from __future__ import annotations

import numpy as np
import pytest

from nacelle.nace.prediction import Answers, Stage


def answers(rows: list[list[float]]) -> Answers:
    stage: Stage = "model"
    classes = tuple(chr(ord("a") + position) for position in range(len(rows[0])))
    return Answers(classes, np.array(rows, np.float32), (stage,) * len(rows))


@pytest.mark.parametrize("k", [1, 2, 3, 9, 40])
def test_equal_probabilities_stand_in_the_order_of_classes(k: int) -> None:
    random = np.random.default_rng(k)
    rows = random.integers(0, 3, (200, 9)) / 8
    found = answers(rows.tolist())
    positions, values = found.top(k)
    assert [found.classes[one] for one in positions[:, 0]] == found.best
    for row, place, value in zip(rows, positions, values, strict=True):
        assert len(set(place)) == len(place) == min(k, 9)
        assert value.tolist() == sorted(row, reverse=True)[:k]
        assert row[place].tolist() == value.tolist()
        pairs = list(zip(-value, place, strict=True))
        assert pairs == sorted(pairs)


def test_the_first_of_classes_all_alike_leads() -> None:
    found = answers([[0.1] * 10])
    assert found.top(2)[0].tolist()[0][0] == 0
    assert found.best == ["a"]

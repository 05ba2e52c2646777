"""The guarantee: exact bounds, a sequence fixed before labels are seen, and simulated promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from nacelle.nace.errors import NaceError
from nacelle.nace.threshold import (
    GRID,
    ThresholdResult,
    choose_threshold,
    lower_bound,
    rows_needed,
    threshold_of,
)
from nacelle.nace.threshold_file import ThresholdFile, load_threshold
from tests.nace.answering import random_answers
from tests.nace.data import nomenclature

Truth = Callable[[np.ndarray], np.ndarray]


def gold(accuracy: Truth, rows: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Confidence indices, uniform on [0, 1], and whether each text is right."""
    index = random.random(rows)
    return index, random.random(rows) < accuracy(index)


def rising(index: np.ndarray) -> np.ndarray:
    """Accuracy above t is 0.8 + 0.2 t: it reaches 0.9 at 0.5."""
    return 0.6 + 0.4 * index


def flat(index: np.ndarray) -> np.ndarray:
    """Just below the target everywhere: any proof is false."""
    return np.full_like(index, 0.899)


def stairs(index: np.ndarray) -> np.ndarray:
    """Sure texts, a good middle, and the rest a little too poor."""
    return np.where(index > 0.8, 0.98, np.where(index > 0.5, 0.9, 0.82))


@pytest.mark.parametrize("accuracy", [rising, flat, stairs])
def test_the_promise_is_broken_no_more_often_than_delta(accuracy: Truth) -> None:
    random, delta, runs, broken = np.random.default_rng(0), 0.2, 250, 0
    fine = np.linspace(0, 1, 10_001)
    for _ in range(runs):
        found = choose_threshold(*gold(accuracy, 600, random), 0.9, delta)
        if found.threshold is not None:
            broken += accuracy(fine[fine >= found.threshold]).mean() < 0.9 - 1e-9
    # Three standard errors of a share of 0.2 in 250 runs are 0.076.
    assert broken / runs <= delta + 0.076
    if accuracy is flat:
        assert broken > 0


def test_more_gold_texts_prove_a_lower_threshold() -> None:
    random = np.random.default_rng(1)
    small = choose_threshold(*gold(rising, 2_000, random), 0.9, 0.05)
    large = choose_threshold(*gold(rising, 60_000, random), 0.9, 0.05)
    assert small.threshold is not None
    assert large.threshold is not None
    assert small.threshold > large.threshold
    assert 0.5 <= large.threshold <= 0.55
    assert large.coded == pytest.approx(1 - large.threshold, abs=0.01)


def test_the_lower_bound_is_clopper_and_pearson_s() -> None:
    for right, rows in ((45, 50), (50, 50), (1, 7), (0, 9)):
        known = binomtest(right, rows, alternative="greater").proportion_ci(0.95, method="exact")
        assert lower_bound(right, rows, 0.05) == pytest.approx(known.low)


def test_a_step_is_proved_where_the_binomial_tail_is_at_most_delta() -> None:
    found = choose_threshold(*gold(rising, 2000, np.random.default_rng(2)), 0.9, 0.1)
    assert len(found.steps) > 5
    for step in found.steps:
        assert step.proved == (binom.sf(step.right - 1, step.rows, 0.9) <= 0.1)


def test_the_sequence_goes_down_to_the_first_failure() -> None:
    found = choose_threshold(*gold(rising, 3000, np.random.default_rng(3)), 0.9, 0.05)
    tested = [step.threshold for step in found.steps]
    start = GRID.index(tested[0])
    assert tested == list(GRID[start : start + len(tested)])
    assert [step.proved for step in found.steps] == [True] * (len(tested) - 1) + [False]
    assert found.threshold == tested[-2]
    assert found.lower == found.steps[-2].lower


def test_where_the_sequence_starts_does_not_depend_on_labels() -> None:
    index = np.random.default_rng(4).random(800)
    good, bad = np.ones(800, dtype=bool), np.zeros(800, dtype=bool)
    starts = [
        choose_threshold(index, labels, 0.9, 0.05).steps[0].threshold for labels in (good, bad)
    ]
    assert starts[0] == starts[1]


def test_all_right_proves_everything() -> None:
    index = np.linspace(0, 1, 500)
    found = choose_threshold(index, np.ones(500, dtype=bool), 0.95, 0.05, rejected=500)
    assert (found.threshold, found.coded, found.missing) == (0.0, 0.5, 0)
    assert "at least 95 % are right, proved with 95 % confidence on 1,000 gold" in found.words


def test_too_few_labels_are_counted() -> None:
    random = np.random.default_rng(5)
    index, right = gold(lambda i: np.full_like(i, 0.93), 150, random)
    found = choose_threshold(index, right, 0.9, 0.05)
    assert not found.proved
    assert found.missing is not None
    assert found.missing > 0
    assert f"About {found.missing:,} more gold labels" in found.words


def test_surer_texts_that_were_too_few_ask_for_enough_of_them() -> None:
    index = np.repeat([0.95, 0.5], [100, 500])
    right = np.concatenate([np.arange(100) < 98, np.arange(500) < 425])
    found = choose_threshold(index, right, 0.9, 0.05)
    assert [step.threshold for step in found.steps] == [0.5]
    assert found.best_threshold == 0.51
    assert found.missing is not None
    more = found.missing // 600 + 2
    assert choose_threshold(np.tile(index, more), np.tile(right, more), 0.9, 0.05).threshold == 0.51


def test_the_labels_asked_for_suffice_four_times_in_five() -> None:
    random = np.random.default_rng(6)
    needed = rows_needed(0.95, 0.9, 0.05)
    assert needed is not None
    right = random.binomial(needed, 0.95, size=4000)
    proved = (lower_bound(right, np.full(4000, needed), 0.05) >= 0.9).mean()
    assert proved >= 0.78
    right = random.binomial(needed // 2, 0.95, size=4000)
    assert (lower_bound(right, np.full(4000, needed // 2), 0.05) >= 0.9).mean() < 0.7


def test_rows_needed_without_a_fault_are_those_of_the_textbook() -> None:
    # 0.9 ** 29 is the first power of 0.9 below 0.05.
    assert rows_needed(1.0, 0.9, 0.05) == 29
    assert rows_needed(0.9, 0.9, 0.05) is None
    close, closer = rows_needed(0.91, 0.9, 0.05), rows_needed(0.9001, 0.9, 0.05)
    assert close is not None
    assert closer is not None
    assert 5_000 < close < 6_000
    assert closer == pytest.approx(close * 10_000, rel=0.05)


def test_a_handful_of_labels_asks_for_more() -> None:
    found = choose_threshold([0.9, 0.8], [True, True], 0.9, 0.05)
    assert found.steps == []
    assert found.missing is not None
    assert found.missing > 100
    assert "too few to prove 90 % accuracy" in found.words


def test_no_number_of_labels_helps_a_poor_model() -> None:
    found = choose_threshold(
        *gold(lambda i: np.full_like(i, 0.7), 1000, np.random.default_rng(7)), 0.9, 0.05
    )
    assert (found.threshold, found.missing, found.coded) == (None, None, 0)
    assert "More labels would not help" in found.words


@pytest.mark.parametrize(
    ("index", "right", "target", "delta", "message"),
    [
        ([0.5], [True], 90, 0.05, "target: 90 is not between 0 and 1; 0.9 means 90 %"),
        ([0.5], [True], 0.9, 0, "delta: 0 is not between 0 and 1"),
        ([0.5], [], 0.9, 0.05, "1 confidence indices for 0 gold texts"),
        ([], [], 0.9, 0.05, "no gold text with an answer"),
        ([0.5, float("nan")], [True, True], 0.9, 0.05, "gold text 2: the confidence index nan"),
        ([1.5], [True], 0.9, 0.05, "gold text 1: the confidence index 1.5"),
    ],
)
def test_what_cannot_be_is_refused(
    index: list[float], right: list[bool], target: float, delta: float, message: str
) -> None:
    with pytest.raises(NaceError, match=message):
        choose_threshold(index, right, target, delta)


def test_rejected_answers_count_as_texts_and_are_never_coded() -> None:
    answers, truth = random_answers(nomenclature("nace_rev2"), 1000, seed=8, rejected=0.3)
    found = threshold_of(answers, truth, 0.5, 0.05)
    assert found.rows == 1000
    assert found.rejected == answers.stages.count("rejected") > 250
    assert found.coded <= 1 - found.rejected / 1000
    with pytest.raises(NaceError, match="1000 answers for 1 gold codes"):
        threshold_of(answers, truth[:1], 0.5, 0.05)


def kept(result: ThresholdResult) -> ThresholdFile:
    return ThresholdFile("sha256:1", "NACE Rev. 2 [1]", "gold-2026", "2026-11-21T10:00:00Z", result)


def test_a_threshold_is_kept_for_one_model(tmp_path: Path) -> None:
    path = tmp_path / "threshold.json"
    proved = choose_threshold(np.linspace(0, 1, 500), np.ones(500, dtype=bool), 0.9, 0.05)
    kept(proved).save(path)
    assert load_threshold(path, model="sha256:1") == kept(proved)
    assert load_threshold(path, model="sha256:1").threshold == 0
    with pytest.raises(NaceError, match="proved for the model sha256:1, not for sha256:2"):
        load_threshold(path, model="sha256:2")


def test_nothing_proved_is_nothing_kept(tmp_path: Path) -> None:
    unproved = kept(choose_threshold([0.9], [True], 0.9, 0.05))
    with pytest.raises(NaceError, match="too few"):
        unproved.save(tmp_path / "threshold.json")
    with pytest.raises(NaceError, match="too few"):
        _ = unproved.threshold


def test_files_that_are_no_thresholds(tmp_path: Path) -> None:
    with pytest.raises(NaceError, match=r"cannot be read .* `nacelle nace threshold`"):
        load_threshold(tmp_path / "none.json", model="x")
    for content in (b"{}", b"\xff\xfe", b"[1, 2"):
        path = tmp_path / "odd.json"
        path.write_bytes(content)
        with pytest.raises(NaceError, match="is not a threshold file"):
            load_threshold(path, model="x")


def test_gold_texts_that_were_left_out_are_said() -> None:
    """Those without a usable code are not a random part of a sample."""
    given = ([0.95] * 300, [True] * 300, 0.9, 0.05)
    assert "left out" not in choose_threshold(*given).words
    found = choose_threshold(*given, left_out=151)
    assert found.proved and found.to_dict()["left_out"] == 151
    assert "151 rows of the gold standard have no usable code" in found.words
    few = choose_threshold([0.9] * 5, [True] * 5, 0.9, 0.05, left_out=2)
    assert "2 rows of the gold standard" in few.words

"""An evaluation: keys that others rely on, parts that add up, intervals that cover."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.evaluate import evaluate, with_robustness
from nacelle.nace.evaluation import Evaluation
from nacelle.nace.prediction import Answers
from tests.nace.answering import answers_of, random_answers, with_stage
from tests.nace.data import nomenclature

NACE = nomenclature("nace_rev2")
ROWS = 1500
ANSWERS, TRUTH = random_answers(NACE, ROWS, seed=0)
LANGUAGES = ["en"] * 900 + ["fr"] * 500 + [""] * 100


@pytest.fixture(scope="module")
def found() -> Evaluation:
    answers = with_stage(ANSWERS, "look-up", 100)
    return evaluate(answers, TRUTH, NACE, languages=LANGUAGES, sources=["register"] * ROWS)


def test_the_keys_of_the_json(found: Evaluation) -> None:
    data = json.loads(json.dumps(found.to_dict()))
    assert data["rows"] == ROWS
    assert list(data["accuracy"]) == ["1", "2", "3", "4"]
    assert list(data["auto_rate"]) == ["0.90", "0.95"]
    for name in ("top5", "macro_f1", "ece"):
        assert 0 <= data[name] <= 1
        low, high = data[f"{name}_interval"]
        assert 0 <= low <= data[name] <= high <= 1
    assert data["nomenclature"] == NACE.identity
    assert Evaluation.from_dict(data) == found


def test_accuracy_falls_with_the_level_and_is_a_plain_share(found: Evaluation) -> None:
    shares = list(found.accuracy.values())
    assert shares == sorted(shares, reverse=True)
    right = sum(a == b for a, b in zip(ANSWERS.best, TRUTH, strict=True))
    assert found.accuracy["4"] == pytest.approx(right / ROWS)
    sections = [NACE.at_level(code, 1) for code in TRUTH]
    answered = [NACE.at_level(code, 1) if code else "" for code in ANSWERS.best]
    same = sum(a == b for a, b in zip(answered, sections, strict=True))
    assert found.accuracy["1"] == pytest.approx(same / ROWS)
    assert found.classes == len(set(TRUTH))


def test_intervals_hold_the_estimate_and_repeat_with_the_seed(found: Evaluation) -> None:
    for level, (low, high) in found.accuracy_interval.items():
        assert low < found.accuracy[level] < high
    for target, (low, high) in found.auto_rate_interval.items():
        assert low <= found.auto_rate[target] <= high
    again = evaluate(ANSWERS, TRUTH, NACE, seed=0)
    assert again.accuracy_interval == found.accuracy_interval
    assert evaluate(ANSWERS, TRUTH, NACE, seed=1).top5_interval != found.top5_interval


def test_the_interval_covers_the_accuracy_of_the_model() -> None:
    covered = 0
    for seed in range(40):
        answers, truth = random_answers(NACE, 200, seed=100 + seed, rejected=0)
        low, high = evaluate(answers, truth, NACE, resamples=100).accuracy_interval["4"]
        covered += low <= 0.6 * 0.985 <= high
    # 38 are expected of 40.
    assert covered >= 34


def test_parts_add_up(found: Evaluation) -> None:
    assert list(found.by_language) == ["en", "fr", "unknown"]
    for parts in (found.by_language, found.by_source, found.stages):
        assert sum(one.rows for one in parts.values()) == ROWS
        mean = sum(one.rows * one.accuracy for one in parts.values()) / ROWS
        assert mean == pytest.approx(found.accuracy["4"])
        coded = sum(one.rows * one.coded for one in parts.values()) / ROWS
        assert coded == pytest.approx(found.auto_rate["0.90"])
    assert found.accuracy_of_coded is not None
    assert found.accuracy_of_coded >= 0.9
    assert set(found.stages) == {"look-up", "model", "rejected"}
    assert found.stages["rejected"].rows <= found.rejected


def test_the_curve_passes_through_the_automatic_rates(found: Evaluation) -> None:
    curve = found.coding_curve
    assert 2 <= len(curve.share) <= 200
    assert curve.share == sorted(curve.share)
    assert curve.threshold == sorted(curve.threshold, reverse=True)
    assert curve.share[-1] == pytest.approx(1 - found.rejected / ROWS)
    points = list(zip(curve.low, curve.accuracy, curve.high, strict=True))
    assert all(low <= middle <= high for low, middle, high in points)
    for target, rate in found.auto_rate.items():
        beyond = [a for s, a in zip(curve.share, curve.accuracy, strict=True) if s > rate]
        assert all(accuracy < float(target) for accuracy in beyond)


def test_bins_add_up_to_the_calibration_error(found: Evaluation) -> None:
    answered = ROWS - found.rejected
    assert sum(one.rows for one in found.reliability) == answered
    gaps = sum(one.rows * abs(one.accuracy - one.probability) for one in found.reliability)
    assert gaps / answered == pytest.approx(found.ece)


def test_confusions_and_sections_count_every_row(found: Evaluation) -> None:
    sections = found.sections
    assert sum(map(sum, sections.counts)) == ROWS
    assert sum(line[-1] for line in sections.counts) == found.rejected
    diagonal = sum(sections.counts[i][i] for i in range(len(sections.codes)))
    assert diagonal / ROWS == pytest.approx(found.accuracy["1"])
    assert sections.titles[0] == NACE.title("A")
    wrong = Counter(
        (code, answer)
        for code, answer in zip(TRUTH, ANSWERS.best, strict=True)
        if answer not in ("", code)
    )
    first = found.confusions[0]
    assert first.rows == wrong[first.truth, first.answer] == max(wrong.values())
    assert first.of == TRUTH.count(first.truth)
    assert first.answer_title == NACE.title(first.answer)


def test_one_unlucky_row_does_not_make_a_class_the_weakest() -> None:
    rows = [{"0112": 1.0}] + [{"0122": 1.0}] * 9 + [{"0121": 1.0}]
    answers = answers_of(NACE.leaves(), rows)
    found = evaluate(answers, ["0111"] + ["0121"] * 10, NACE, resamples=0)
    assert [(one.code, one.rows, one.most_often) for one in found.weak_classes] == [
        ("0121", 10, "0122"),
        ("0111", 1, "0112"),
    ]


def test_titles_in_another_language() -> None:
    found = evaluate(ANSWERS, TRUTH, NACE, language="fr", resamples=0)
    assert found.sections.titles[0] == NACE.title("A", "fr")
    assert found.accuracy_interval["4"] == (0, 1)


def test_everything_rejected_is_figures_too() -> None:
    answers = answers_of(NACE.leaves(), [None, None])
    found = evaluate(answers, ["0111", "0112"], NACE)
    assert found.rejected == 2
    assert found.accuracy == dict.fromkeys("1234", 0)
    assert found.auto_rate == {"0.90": 0, "0.95": 0}
    assert found.auto_threshold == {"0.90": None, "0.95": None}
    assert (found.ece, found.macro_f1, found.top5) == (0, 0, 0)
    assert found.coding_curve.share == []


@pytest.mark.parametrize("rows", [1, 2])
def test_a_handful_of_rows(rows: int) -> None:
    answers = answers_of(NACE.leaves(), [{"0111": 0.9, "0112": 0.1}] * rows)
    found = evaluate(answers, ["0111"] * rows, NACE)
    assert found.auto_rate == {"0.90": 1, "0.95": 1}
    assert found.coding_curve.share == [1]


def test_five_levels() -> None:
    naf = nomenclature("naf_2025")
    answers, truth = random_answers(naf, 100, seed=1)
    assert list(evaluate(answers, truth, naf, resamples=0).accuracy) == list("12345")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NaceError, match="no rows to evaluate"):
        evaluate(answers_of(NACE.leaves(), []), [], NACE)
    with pytest.raises(NaceError, match="1500 answers for 2 right codes"):
        evaluate(ANSWERS, TRUTH[:2], NACE)
    with pytest.raises(NaceError, match="2 languages for 1500 rows"):
        evaluate(ANSWERS, TRUTH, NACE, languages=["en", "fr"], resamples=0)


def test_robustness_answers_the_misspelt_texts(found: Evaluation) -> None:
    texts = [NACE.title(code) for code in TRUTH]
    known = dict(zip(texts, TRUTH, strict=True))

    def answer(asked: Sequence[str]) -> Answers:
        rows = [{known[one]: 1.0} if one in known else None for one in asked]
        return answers_of(NACE.leaves(), rows)

    clean = evaluate(answer(texts), [known[text] for text in texts], NACE, resamples=0)
    assert clean.robustness == {}
    moved = with_robustness(clean, texts, [known[text] for text in texts], answer, NACE, seed=3)
    assert list(moved.robustness) == ["0.02", "0.05", "0.10"]
    shares = [one.accuracy["4"] for one in moved.robustness.values()]
    assert 1 == clean.accuracy["4"] > shares[0] > shares[1] > shares[2] > 0
    worst = moved.robustness["0.10"]
    assert worst.auto_rate["0.90"] == worst.coded == pytest.approx(shares[2])
    assert worst.accuracy_of_coded == 1
    assert Evaluation.from_dict(moved.to_dict()) == moved
    low, high = worst.accuracy_interval["4"]
    assert low < shares[2] < high


def test_confidence_ties_of_look_ups_stay_together() -> None:
    rows = [{"0111": 1.0}] * 10 + [{"0111": 0.6, "0112": 0.4}] * 10
    answers = answers_of(NACE.leaves(), rows)
    truth = ["0111"] * 9 + ["0112"] + ["0111"] * 9 + ["0112"]
    found = evaluate(answers, truth, NACE, resamples=0)
    assert found.auto_rate == {"0.90": 1, "0.95": 0}
    assert found.auto_threshold["0.90"] == pytest.approx(float(np.float32(0.6) - np.float32(0.4)))

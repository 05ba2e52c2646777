"""The benchmark of the classifier, without its trainings: splits, peers, jobs, figures."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import nace
from benchmarks.nace_baselines import Texts, fasttext_default, look_up, svc
from benchmarks.nace_data import NACE, NAF, OTHER_DOMAIN, split, split_domain
from benchmarks.nace_jobs import Jobs
from nacelle.nace.command_train import train
from nacelle.nace.folds import word_keys
from nacelle.nace.labelled import Labelled, read_labelled
from nacelle.nace.official import official_rows


def parts(folder: Path) -> tuple[Labelled, Labelled]:
    nomenclature = NAF.load() if folder.name == "naf" else NACE.load()
    learn, test = (
        read_labelled(folder / f"{part}.parquet", nomenclature) for part in ("train", "test")
    )
    return learn, test


def keys(rows: Labelled) -> set[str]:
    return set(word_keys(rows.texts, rows.languages))


def test_nobody_has_learnt_the_words_of_a_test_text(tmp_path: Path) -> None:
    count = split(NAF, tmp_path / "naf")
    learn, test = parts(tmp_path / "naf")
    assert len(test) == count > 200
    official = official_rows(NAF.load())
    known = set(word_keys([row.text for row in official], [row.language for row in official]))
    assert not keys(test) & (keys(learn) | known)


def test_another_domain_is_learnt_from_the_other_sources_alone(tmp_path: Path) -> None:
    count = split_domain(NACE, tmp_path / "other")
    learn, test = parts(tmp_path / "other")
    assert set(test.sources) == {OTHER_DOMAIN} and OTHER_DOMAIN not in learn.sources
    assert len(test) == count > 2000
    assert not keys(test) & keys(learn)


def test_peers_answer_what_they_have_learnt(tmp_path: Path) -> None:
    trades = {"1071": "bake bread", "9602": "cut hair", "4932": "drive taxi"}
    texts = [f"{trade} {word}" for trade in trades.values() for word in "abcdefgh"]
    learn = Texts(texts, texts, [code for code in trades for _ in range(8)])
    asked = ["bread bake a", "hair", "taxi"]
    test = Texts(asked, asked, ["1071", "9602", "4932"])
    assert look_up(learn, test, tmp_path).best == ["1071", "", ""]
    assert svc(learn, test, tmp_path).best == test.codes
    answers = fasttext_default(learn, test, tmp_path)
    assert answers.probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_the_default_command_can_be_typed(tmp_path: Path) -> None:
    words = nace._train(NACE, tmp_path)
    assert words[1:3] == ["nace", "train"]
    context = train.make_context("train", words[3:])
    assert context.params["output"] == tmp_path / "model"
    assert context.params["notes"] == str(NACE.notes)


def test_programs_run_beside_each_other() -> None:
    said: list[str] = []
    commands = {("main", str(n)): [sys.executable, "-c", f"print({n})"] for n in range(4)}
    assert Jobs(said.append).beside(commands) == {key: int(key[1]) for key in commands}
    assert len(said) == 4


def test_one_that_fails_ends_the_others() -> None:
    began = time.monotonic()
    commands = {
        ("main", "fails"): [sys.executable, "-c", "raise SystemExit('no such luck')"],
        ("main", "long"): [sys.executable, "-c", "import time; time.sleep(60)"],
    }
    with pytest.raises(RuntimeError, match="no such luck"):
        Jobs(lambda line: None).beside(commands)
    assert time.monotonic() - began < 30


def test_figures_name_the_best_peer_and_the_goal() -> None:
    def scores(accuracy: float) -> dict[str, float]:
        return {"accuracy": accuracy, "top5": 0.9, "auto": 0.5, "ece": 0.02}

    main = {"ours": scores(0.76), nace.TUNED: scores(0.70), "look-up": scores(0.1)}
    naf = {"ours": scores(0.3), nace.TUNED: scores(0.2), "training": {"seconds": 3}}
    rates = {"classifier": 13_000.0, "fasttext": 10_000.0, "text": 50_000.0}
    rows = {"main": 2000, "naf": 300, "other": 3000}
    found = nace.Found(main, naf, main, rows, size=27.0, minutes=6.0, rates=rates)
    figures = {figure.name: figure for figure in nace._figures(found)}
    assert all(name.startswith("nace.") for name in figures)
    level4 = figures["nace.level4"]
    assert level4.value == pytest.approx(6.0) and level4.met
    assert level4.against == "fastText tuned 70.0 % (ours 76.0 %)" and "look-up 10.0" in level4.note
    assert figures["nace.ece"].value == pytest.approx(0.5)
    assert figures["nace.size"].met and figures["nace.training"].met
    assert figures["nace.predict"].met and figures["nace.preprocess"].value == pytest.approx(2.5)
    assert not figures["nace.top5"].met

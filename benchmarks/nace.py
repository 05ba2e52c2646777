"""The classifier beside its peers, all trained and scored on the same real texts in this run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, Goal, Report
from benchmarks.nace_baselines import BASELINES, TUNED_FILE
from benchmarks.nace_data import NACE, NAF, OTHER_DOMAIN, Task, split, split_domain
from benchmarks.nace_jobs import Jobs
from benchmarks.running import scratch
from tests.support.installation import NACELLE

TUNED = "fastText tuned"
OURS = "ours"
# Goals are what issue 3 aims at less what its strongest single peer reached on other texts.
LEVEL_4, TOP_5, AUTOMATIC, OTHER, NAF_LEVEL_5 = 5.5, 2.9, 17.9, 4.4, 11.6
ECE_LIMIT, SIZE_LIMIT, MINUTES_LIMIT = 0.04, 60.0, 15.0
PREDICT_LIMIT, TEXT_LIMIT = 6_000.0, 20_000.0
OF_FASTTEXT = 0.5

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Found:
    """What was measured: scores by model, on the main split, of NAF 2025, of another domain."""

    main: dict[str, Scores]
    naf: dict[str, Scores]
    other: dict[str, Scores]
    rows: dict[str, int]
    size: float
    minutes: float
    rates: dict[str, float]


def run(report: Report) -> Iterable[Figure]:
    """Train all, the classifier by its default command, and compare."""
    if not NACE.data.exists():
        raise RuntimeError(f"{NACE.data} is not there: the benchmark needs the shared data")
    with scratch() as folder:
        return list(_figures(_measure(folder, report)))


def _measure(folder: Path, report: Report) -> Found:
    main, naf, other = (folder / name for name in ("main", "naf", "other"))
    rows = {"main": split(NACE, main), "naf": split(NAF, naf), "other": split_domain(NACE, other)}
    jobs = Jobs(report)
    report(", ".join(f"{count:,} test rows of {name}" for name, count in rows.items()))
    began = time.monotonic()
    jobs.json(_train(NACE, main))
    minutes = (time.monotonic() - began) / 60
    report(f"the default command took {minutes:.1f} minutes")
    found = jobs.beside(_peers(main, naf, other))
    scores = {
        part: {name: found[part, name] for each, name in found if each == part}
        for part in ("main", "naf", "other")
    }
    scores["main"][OURS] = _evaluated(jobs, main)
    scores["naf"][OURS] = _evaluated(jobs, naf)
    size = sum(file.stat().st_size for file in (main / "model").rglob("*")) / 1e6
    programs = {
        "classifier": _module("nace_speed", "classifier", str(main / "model")),
        "fasttext": _module("nace_speed", "fasttext", str(main / TUNED_FILE)),
        "text": _module("nace_speed", "text"),
    }
    core = max(os.sched_getaffinity(0))
    rates = {what: jobs.json(command, core)["rate"] for what, command in programs.items()}
    report(", ".join(f"{what} {rate:,.0f} rows/s" for what, rate in rates.items()))
    return Found(scores["main"], scores["naf"], scores["other"], rows, size, minutes, rates)


def _peers(main: Path, naf: Path, other: Path) -> dict[tuple[str, str], list[str]]:
    """What may run side by side, the longest first: nothing of it is timed."""
    domain = [str(other), str(NACE.nomenclature), str(NACE.notes)]
    return {
        ("other", OURS): _module("nace_domain", *domain),
        ("main", TUNED): _baseline(NACE, main, TUNED),
        ("other", TUNED): _baseline(NACE, other, TUNED),
        **{("main", name): _baseline(NACE, main, name) for name in reversed(BASELINES)},
        ("naf", "training"): _train(NAF, naf, "--workers", "1"),
        ("naf", TUNED): _baseline(NAF, naf, TUNED),
    }


def _module(name: str, *words: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *words]


def _baseline(task: Task, folder: Path, name: str) -> list[str]:
    return _module("nace_baselines", str(folder), str(task.nomenclature), name)


def _train(task: Task, folder: Path, *more: str) -> list[str]:
    """The default command of the guide."""
    files = ["--data", str(folder / "train.parquet"), *task.options()]
    output = ["--output", str(folder / "model")]
    return [str(NACELLE), "nace", "train", *files, *output, "--json", *more]


def _evaluated(jobs: Jobs, folder: Path) -> Scores:
    """The figures of the command, by the names that baselines give theirs."""
    files = [str(folder / "model"), str(folder / "test.parquet")]
    found = jobs.json([str(NACELLE), "nace", "evaluate", *files, "--json"])
    deepest = max(found["accuracy"], key=int)
    return {
        "accuracy": found["accuracy"][deepest],
        "top5": found["top5"],
        "auto": found["auto_rate"]["0.90"],
        "ece": found["ece"],
    }


def _figures(found: Found) -> Iterator[Figure]:
    rows = f"{found.rows['main']:,} texts whose words, in any order, nobody has learnt"
    yield _points("nace.level4", "accuracy", found.main, LEVEL_4, rows)
    yield _points("nace.top5", "top5", found.main, TOP_5)
    yield _points("nace.automatic", "auto", found.main, AUTOMATIC, "share coded, 90 % of it right")
    ece = found.main[OURS]["ece"]
    yield _limit("nace.ece", ece / ECE_LIMIT, f"limit 4 % (ours {ece:.1%})", 3 / 4)
    size = f"limit {SIZE_LIMIT:g} MB (ours {found.size:.1f} MB)"
    yield _limit("nace.size", found.size / SIZE_LIMIT, size, 30 / 60)
    minutes = f"limit {MINUTES_LIMIT:g} minutes (ours {found.minutes:.1f})"
    yield _limit("nace.training", found.minutes / MINUTES_LIMIT, minutes, 8 / 15)
    yield from _rates(found.rates)
    yield _points(
        "nace.naf2025", "accuracy", found.naf, NAF_LEVEL_5,
        f"level 5, {found.rows['naf']:,} texts apart; learnt from few rows in French",
    )  # fmt: skip
    yield _points(
        "nace.other-domain", "accuracy", found.other, OTHER,
        f"{found.rows['other']:,} texts of {OTHER_DOMAIN}, learnt from the other sources",
    )  # fmt: skip


def _points(
    name: str, key: str, scores: Mapping[str, Scores], goal: float, note: str = ""
) -> Figure:
    """Percentage points over the best of the peers."""
    shares = {who: 100 * found[key] for who, found in scores.items() if key in found}
    ours = shares.pop(OURS)
    best = max(shares, key=lambda who: shares[who])
    others = [f"{who} {share:.1f}" for who, share in shares.items() if who != best]
    return Figure(
        name,
        ours - shares[best],
        "points over best",
        f"{best} {shares[best]:.1f} % (ours {ours:.1f} %)",
        Goal(">=", goal),
        "; ".join(filter(None, (note, ", ".join(others)))),
    )


def _limit(name: str, value: float, against: str, goal: float) -> Figure:
    return Figure(name, value, "of limit", against, Goal("<=", round(goal, 3)))


def _rates(rates: Mapping[str, float]) -> Iterator[Figure]:
    ours, alone, text = rates["classifier"], rates["fasttext"], rates["text"]
    yield Figure(
        "nace.predict", ours / PREDICT_LIMIT, "of limit",
        f"limit {PREDICT_LIMIT:,.0f} rows/s (ours {ours:,.0f})", Goal(">=", 2),
        "one core, five codes a text, preprocessing included",
    )  # fmt: skip
    yield Figure(
        "nace.predict-rate", ours / alone, "of peer's rate",
        f"{TUNED} {alone:,.0f} rows/s (ours {ours:,.0f})", Goal(">=", OF_FASTTEXT),
        "the same texts, preprocessing and core",
    )  # fmt: skip
    yield Figure(
        "nace.preprocess", text / TEXT_LIMIT, "of limit",
        f"limit {TEXT_LIMIT:,.0f} rows/s (ours {text:,.0f})", Goal(">=", 2), "one core",
    )  # fmt: skip

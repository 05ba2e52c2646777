"""The report: whole without the internet, true to the figures, fit for phones and the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, sync_playwright

from nacelle.nace.advice import advice
from nacelle.nace.charts import Frame, apart, ticks
from nacelle.nace.compare import Comparison, compare
from nacelle.nace.evaluate import evaluate, with_robustness
from nacelle.nace.evaluation import Evaluation, Sections
from nacelle.nace.prediction import Answers
from nacelle.nace.report import (
    flat_metrics,
    log_to_mlflow,
    render_report,
    section_map,
    write_report,
)
from nacelle.nace.words import share
from tests.nace.answering import answers_of, random_answers, with_stage
from tests.nace.data import nomenclature
from tests.nace.mlflows import fresh_mlflow
from tests.support.browser import launch

NACE = nomenclature("nace_rev2")
ROWS = 1200
MADE = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def pair() -> tuple[Evaluation, Evaluation, Comparison]:
    first, truth = random_answers(NACE, ROWS, seed=0, skill=0.75)
    second, _ = random_answers(NACE, ROWS, seed=0, skill=0.7)
    first = with_stage(first, "look-up", 90)
    found = evaluate(
        first,
        truth,
        NACE,
        languages=["en"] * 700 + ["fr"] * 500,
        sources=["<b>index</b>"] * ROWS,
    )
    worse = {rate: random_answers(NACE, ROWS, seed=0, skill=0.75 - rate)[0] for rate in (0.02, 0.1)}
    waiting: Iterator[Answers] = iter(worse.values())
    found = with_robustness(
        found, ["text"] * ROWS, truth, lambda _: next(waiting), NACE, rates=tuple(worse)
    )
    comparison = compare(first, second, truth, names=("new", "old"))
    return found, evaluate(second, truth, NACE), comparison


@pytest.fixture(scope="module")
def page(pair: tuple[Evaluation, Evaluation, Comparison]) -> BeautifulSoup:
    found, other, comparison = pair
    html = render_report(
        found,
        model="nace 3",
        data="gold.parquet",
        command="nacelle nace evaluate nace gold.parquet",
        facts={"Trained on": "<script>alert(1)</script>"},
        comparison=comparison,
        other=other,
        made=MADE,
    )
    return BeautifulSoup(html, "html.parser")


def test_nothing_is_fetched(page: BeautifulSoup) -> None:
    named = [tag.get(key) for tag in page.find_all() for key in ("src", "href", "srcset")]
    assert all(one is None or one.startswith(("#", "data:")) for one in named)
    assert not page.find_all("link", rel="stylesheet")
    assert "url(" not in page.style.string
    assert "@import" not in page.style.string


def test_the_headline_shows_figures_with_their_intervals(
    page: BeautifulSoup, pair: tuple[Evaluation, Evaluation, Comparison]
) -> None:
    found = pair[0]
    cards = [card.get_text(" ", strip=True) for card in page.select(".figures > div")]
    assert len(cards) == 6
    low, high = found.accuracy_interval["4"]
    assert share(found.accuracy["4"]) in cards[0]
    assert f"{low * 100:.1f} to {high * 100:.1f}" in cards[0]
    assert share(found.auto_rate["0.90"]) in cards[2]
    assert f"index of {found.auto_threshold['0.90']:.2f}" in cards[2]


def test_every_part_is_there_and_linked(page: BeautifulSoup) -> None:
    links = [link["href"].removeprefix("#") for link in page.select("nav a")]
    assert {"coding", "reliability", "parts", "typos", "sections", "classes", "comparison"} <= {
        *links
    }
    for name in links:
        assert page.find(id=name).name == "h2"
    assert page.find("pre").string == "nacelle nace evaluate nace gold.parquet"


def test_names_from_data_are_never_markup(page: BeautifulSoup) -> None:
    assert not page.find_all("b", string="index")
    assert page.find("th", string="<b>index</b>")
    assert page.find("dd", string="<script>alert(1)</script>")
    assert len(page.find_all("script")) == 1


def test_drawings_say_what_they_show_and_tables_what_they_hold(
    page: BeautifulSoup, pair: tuple[Evaluation, Evaluation, Comparison]
) -> None:
    drawings = page.select("figure svg")
    assert len(drawings) == 3
    assert all(drawing["role"] == "img" for drawing in drawings)
    assert f"{share(pair[0].auto_rate['0.95'])} can be coded at" in drawings[0]["aria-label"]
    assert all(table.caption for table in page.find_all("table"))


def test_the_curve_is_drawn_through_its_points(
    page: BeautifulSoup, pair: tuple[Evaluation, Evaluation, Comparison]
) -> None:
    curve = pair[0].coding_curve
    path = page.select("figure svg")[0].find_all("path", class_="curve")[-1]["d"]
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", path) if point]
    assert len(points) == len(curve.share)
    rightmost = Frame().x(curve.share[-1])
    assert points[-1][0] == pytest.approx(rightmost)


def test_the_map_of_sections_shows_the_shares(
    page: BeautifulSoup, pair: tuple[Evaluation, Evaluation, Comparison]
) -> None:
    sections = pair[0].sections
    lines = page.select("table.map tbody tr")
    assert [line.th.b.string for line in lines] == sections.codes
    first = lines[0].find_all("td")
    assert first[0].string == f"{sections.counts[0][0] / sum(sections.counts[0]) * 100:.0f}"
    assert "rejected" in first[-1]["title"]


def test_the_comparison_is_told_in_words(
    page: BeautifulSoup, pair: tuple[Evaluation, Evaluation, Comparison]
) -> None:
    told = page.find(id="comparison").parent.get_text(" ", strip=True)
    assert pair[2].words in told
    assert "McNemar's test" in told
    assert share(pair[1].accuracy["4"]) in told


def test_the_time_is_said_with_its_zone(page: BeautifulSoup) -> None:
    assert page.time["datetime"] == "2026-11-21T10:30:00+00:00"
    assert page.time["title"] == "2026-11-21 10:30 UTC"


def test_the_smallest_evaluation_makes_a_report(tmp_path: Path) -> None:
    bare = evaluate(answers_of(NACE.leaves(), [None]), ["0111"], NACE, resamples=0)
    path = write_report(tmp_path / "new" / "report.html", bare, model="m")
    text = path.read_text(encoding="utf-8")
    assert "No share of the texts reaches 90" in text
    assert 'id="comparison"' not in text
    assert 'id="typos"' not in text


def test_many_sections_are_cut_to_the_largest() -> None:
    codes = [f"{n:02}" for n in range(40)]
    counts = [[n + 1 if i == n else 0 for i in range(40)] + [0] for n in range(40)]
    found = section_map(Sections(codes, codes, counts))
    assert [row["code"] for row in found["rows"]] == codes[10:]
    assert found["left_out"] == 10
    assert found["columns"] == codes[10:]


def test_advice_follows_the_figures() -> None:
    sure = evaluate(answers_of(NACE.leaves(), [{"0111": 1.0}] * 40), ["0112"] * 40, NACE)
    told = " ".join(advice(sure))
    assert "No share of the texts reaches 90" in told
    assert "mostly too high" in told
    assert "0112 taken for 0111 (40 of 40 texts)" in told
    good = evaluate(answers_of(NACE.leaves(), [{"0111": 1.0}] * 40), ["0111"] * 40, NACE)
    assert ["nacelle nace threshold" in one for one in advice(good)] == [True]


def test_a_weak_language_is_named() -> None:
    answers = answers_of(NACE.leaves(), [{"0111": 1.0}] * 400)
    truth, languages = ["0111"] * 300 + ["0112"] * 100, ["en"] * 300 + ["fr"] * 100
    told = " ".join(advice(evaluate(answers, truth, NACE, languages=languages)))
    assert "language “fr”: 0.0" in told


def test_axes_have_round_ticks() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0.5, 1) == [0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert ticks(0, 0.1) == [0, 0.02, 0.04, 0.06, 0.08, 0.1]


def test_names_of_lines_do_not_cover_each_other() -> None:
    assert apart([50, 48, 100]) == [64, 48, 100]


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty tracking store of the test's own."""
    with fresh_mlflow(tmp_path, monkeypatch):
        yield


@pytest.mark.usefixtures("tracking")
def test_metrics_and_files_reach_mlflow(
    pair: tuple[Evaluation, Evaluation, Comparison], tmp_path: Path
) -> None:
    found, _, comparison = pair
    report = write_report(tmp_path / "report.html", found, model="nace 3")
    experiment = mlflow.create_experiment("nace", artifact_location=(tmp_path / "a").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        log_to_mlflow(found, report, comparison)
    stored = mlflow.get_run(run.info.run_id).data.metrics
    assert stored["accuracy_4"] == pytest.approx(found.accuracy["4"])
    assert stored.keys() > flat_metrics(found).keys() > {"rows", "ece", "auto_rate_0.90", "top5"}
    assert stored["typos_0.10_accuracy"] < stored["accuracy_4"]
    kept = {one.path for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert kept == {"evaluation.json", "comparison.json", "report.html"}
    data = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/evaluation.json")
    assert Evaluation.from_dict(data) == found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen_and_calls_nobody(
    page: BeautifulSoup, browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(str(page), encoding="utf-8")
    screen = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    screen.on("console", lambda message: said.append(message.text))
    screen.on("request", lambda request: said.append(request.url))
    screen.goto(path.as_uri())
    assert said == [path.as_uri()]
    assert screen.evaluate("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll('section')].flatMap(section => {
        const edge = section.getBoundingClientRect().right;
        return [...section.querySelectorAll('table, svg, pre')]
            .filter(one => one.getBoundingClientRect().right > edge).map(one => one.outerHTML)
    })"""
    assert screen.evaluate(wide) == []
    ground = screen.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(247, 248, 251)", "dark": "rgb(16, 21, 31)"}[scheme]
    screen.close()

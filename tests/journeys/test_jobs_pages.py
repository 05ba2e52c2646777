"""The hub's pages of jobs in a browser: without Lab, with a keyboard, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from nacelle.jobs.client import JobsClient
from tests.journeys.jobs import jobs_of, write_notebook
from tests.support.browser import launch
from tests.support.installation import ROOT, Installation

SHOTS = ROOT / "tests" / "screenshots"
LOOKS = [(1280, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def carols(platform: Installation) -> Iterator[JobsClient]:
    with jobs_of(platform, "carol") as client:
        yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def logged_in(chromium: Browser, platform: Installation, name: str, locale: str = "en-GB") -> Page:
    page = chromium.new_context(base_url=platform.url, locale=locale).new_page()
    page.goto("/hub/login")
    page.locator("#username").fill(name)
    page.locator("#password").fill(platform.password(name))
    page.locator("#password").press("Enter")
    page.wait_for_url("**/hub/*")
    return page


def shoot(page: Page, name: str) -> None:
    """Pictures, wide and narrow, light and dark; nothing is wider than the window."""
    SHOTS.mkdir(exist_ok=True)
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.screenshot(path=str(SHOTS / f"jobs-{name}-{width}-{scheme}.png"), full_page=True)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide at {width} px"
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_failure_is_read_and_mended_on_the_pages(
    chromium: Browser, platform: Installation, carols: JobsClient, tmp_path: Path
) -> None:
    page = logged_in(chromium, platform, "carol")
    page.goto("/hub/jobs")
    expect(page.get_by_role("heading", name="You have no job yet")).to_be_visible()
    shoot(page, "none")
    file = write_notebook(
        tmp_path / "prices.ipynb",
        "print('<b>year</b>', year)",
        "assert year > 2020, 'too early'",
        parameters="year = 2019  # of the prices\n",
    )
    carols.create(file, name="Prices & <i>rents", schedule="0 6 1 * *", zone="Europe/Paris")
    page.goto("/hub/jobs")
    page.get_by_role("link", name="Prices & <i>rents").click()
    # The page follows the run by itself.
    expect(page.locator(".runs .state")).to_have_text("failed", timeout=120_000)
    shoot(page, "job")
    page.locator(".runs a[href*='/jobs/runs/']").click()
    said = page.locator(".note.bad")
    expect(said).to_contain_text("Cell 3 stopped with AssertionError: too early")
    expect(page.locator(".runlog")).to_contain_text("<b>year</b> 2019")
    shoot(page, "run")
    # Mended by another value, from the keyboard alone.
    page.get_by_text("Run it again with other parameters").press("Enter")
    year = page.get_by_label("year")
    year.fill("2021")
    year.press("Enter")
    expect(page.locator("[data-part=state] .state")).to_have_text("succeeded", timeout=120_000)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the output").click()
    output = opened.value
    expect(output.get_by_text("<b>year</b> 2021")).to_be_visible()
    # What ran in a notebook is a stranger to the platform.
    assert output.evaluate("window.origin") == "null"
    output.close()
    page.get_by_text("Compare with another run").press("Enter")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("row", name="year 2021")).to_be_visible()
    shoot(page, "compare")


def test_the_job_is_edited_and_deleted_in_french(
    chromium: Browser, platform: Installation, carols: JobsClient
) -> None:
    page = logged_in(chromium, platform, "carol", "fr-FR")
    page.goto("/hub/jobs/runs")
    expect(page.get_by_role("heading", name="Nouveau depuis votre dernier passage")).to_be_visible()
    shoot(page, "runs")
    page.goto("/hub/jobs")
    page.get_by_role("link", name="Prices & <i>rents").click()
    page.get_by_text("Modifier", exact=True).click()
    cron = page.get_by_label("Calendrier (cron")
    cron.fill("* * * * * *")
    page.get_by_role("button", name="Enregistrer la modification").click()
    expect(page.get_by_role("alert")).to_contain_text("secondes")
    page.get_by_label("Calendrier (cron").fill("30 7 * * 1-5")
    page.get_by_label("year").last.fill("2024")
    page.get_by_role("button", name="Enregistrer la modification").click()
    expect(page.get_by_role("status").first).to_contain_text("La modification est enregistrée.")
    expect(page.locator(".facts")).to_contain_text("à 07:30 du lundi au vendredi")
    assert carols.job("Prices & <i>rents").parameters["year"].value == 2024
    page.get_by_role("button", name="L'armer sans exécution").click()
    expect(page.locator(".facts .state")).to_have_text("armé")
    page.get_by_role("button", name="Suspendre").click()
    expect(page.locator(".facts .state")).to_have_text("suspendu")
    page.get_by_text("Supprimer", exact=True).click()
    page.get_by_role("button", name="Supprimer le travail").click()
    page.wait_for_url("**/hub/jobs")
    assert carols.jobs() == []


def test_an_administrator_sees_whose_it_is_and_reads_nothing(
    chromium: Browser, platform: Installation, carols: JobsClient, tmp_path: Path
) -> None:
    made = carols.create(write_notebook(tmp_path / "private.ipynb", "print('private')"))
    assert made.run is not None
    carols.wait(made.run.id, patience=240)
    page = logged_in(chromium, platform, "admin")
    page.goto("/hub/jobs?everybody=yes")
    expect(page.get_by_text("carol", exact=True)).to_be_visible()
    shoot(page, "everybody")
    page.goto(f"/hub/jobs/runs/{made.run.id}")
    expect(page.get_by_text("Its owner and the members of its project read")).to_be_visible()
    expect(page.locator(".runlog")).to_have_count(0)
    answer = page.goto(f"/hub/jobs/runs/{made.run.id}/log")
    assert answer is not None and answer.status == 403
    # Somebody else's page says no more than that there is nothing.
    stranger = logged_in(chromium, platform, "bob")
    answer = stranger.goto(f"/hub/jobs/{made.job.id}")
    assert answer is not None and answer.status == 404
    expect(stranger.get_by_role("alert")).to_contain_text("There is no such job")
    carols.delete(made.job.id)

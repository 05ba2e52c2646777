"""From Lab: promote, see it run, open its output, make it fail, read why, mend, run again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.jobs import write_notebook
from tests.support.browser import launch
from tests.support.installation import Installation
from tests.support.person import Person

PATIENCE = 120_000


@pytest.fixture
def page(platform: Installation, alice: Person) -> Iterator[Page]:
    """Lab of alice, whose server runs."""
    home = platform.layout.homes / "alice"
    write_notebook(
        home / "prices.ipynb",
        "assert year > 2020, 'no prices before 2021'\nprint('prices of', year)",
        parameters="year = 2026  # of the prices\n",
    )
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(
            base_url=platform.url,
            locale="en-GB",
            timezone_id="Europe/Paris",
            viewport={"width": 1400, "height": 1000},
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto("/hub/login")
        page.locator("#username").fill("alice")
        page.locator("#password").fill(platform.password("alice"))
        page.locator("#password").press("Enter")
        page.wait_for_url("**/hub/*")
        yield page
        browser.close()


def test_from_a_notebook_to_a_schedule_and_back(page: Page) -> None:
    page.goto("/user/alice/lab/workspaces/promote/tree/home/prices.ipynb?reset")
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible()
    page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Promote").click()
    form = page.locator(".nacelle-Form")
    form.get_by_label("How often").select_option("monthly")
    expect(form.locator(".nacelle-Meaning li")).to_have_count(5)
    form.get_by_label("Name").fill("Prices by Lab")
    form.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("The schedule is armed.")).to_be_visible(timeout=PATIENCE)

    page.locator(".nacelle-Page:visible").get_by_role("button", name="Show jobs and runs").click()
    side = page.get_by_role("region", name="Jobs and runs")
    side.get_by_role("tab", name="Runs").click()
    runs = side.get_by_role("list", name="Runs").locator("> li")
    run = runs.filter(has_text="Prices by Lab").first
    expect(run).to_contain_text("succeeded")
    run.get_by_role("button", name="Prices by Lab", exact=True).click()
    # The output is a file of the owner's bucket, and opens as one.
    run.get_by_role("button", name="Open output").click()
    output = page.locator(".jp-NotebookPanel:visible")
    expect(output).to_contain_text("prices of 2026")

    # Run with a year for which there is nothing: the reason comes to the person.
    run.get_by_role("button", name="With other values").click()
    other = page.locator(".nacelle-Form:visible")
    other.get_by_label("year", exact=True).fill("2019")
    other.get_by_role("button", name="Run", exact=True).click()
    toast = page.locator(".Toastify__toast").filter(has_text="no prices before 2021")
    expect(toast).to_be_visible(timeout=PATIENCE)
    failed = runs.filter(has_text="failed").first
    failed.get_by_role("button", name="Prices by Lab", exact=True).click()
    expect(failed).to_contain_text("Cell 2 stopped with AssertionError: no prices before 2021")

    # Mended by another value, and run again.
    failed.get_by_role("button", name="With other values").click()
    again = page.locator(".nacelle-Form:visible")
    again.get_by_label("year", exact=True).fill("2022")
    again.get_by_role("button", name="Run", exact=True).click()
    expect(runs.filter(has_text="Prices by Lab").first).to_contain_text(
        "succeeded", timeout=PATIENCE
    )

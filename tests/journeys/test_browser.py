"""A person with a browser: log in, choose, start, run a cell in Lab, see MLflow, stop, log out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import launch
from tests.support.installation import ROOT, Installation

SCREENSHOTS = ROOT / "tests" / "screenshots"


@pytest.fixture
def page(platform: Installation) -> Iterator[Page]:
    SCREENSHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(
            base_url=platform.url, locale="en-GB", viewport={"width": 1280, "height": 800}
        )
        context.set_default_timeout(60_000)
        yield context.new_page()
        browser.close()


def password_of(platform: Installation, name: str) -> str:
    lines = (platform.layout.secrets / "passwords.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)[name]


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=str(SCREENSHOTS / f"journey-{name}.png"))


def test_log_in_choose_start_run_a_cell_stop(page: Page, platform: Installation) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("carol")
    page.get_by_label("Password", exact=True).fill(password_of(platform, "carol"))
    page.get_by_role("button", name="Log in").click()
    page.goto("/hub/spawn")
    page.get_by_role("radio", name="Python", exact=True).check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/user/carol/lab**", timeout=120_000)

    # The file browser shows the home, and beside it the buckets.
    files = page.get_by_role("region", name="file browser").or_(page.locator(".jp-FileBrowser"))
    expect(files.first).to_contain_text("tutorials")
    expect(page.locator(".jp-LauncherCard").first).to_be_visible()
    shoot(page, "lab-home")
    page.locator(".jp-BreadCrumbs-home").first.click()
    for place in ("home", "user-carol", "projet-prix", "public"):
        expect(page.locator(".jp-DirListing-content")).to_contain_text(place)
    shoot(page, "lab-root")
    page.get_by_text("home", exact=True).first.dblclick()
    expect(page.locator(".jp-DirListing-content")).to_contain_text("tutorials")

    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.click()
    code = (
        "import nacelle, pandas as pd\n"
        "pd.DataFrame({'n': range(7)}).to_parquet('s3://user-carol/n.parquet')\n"
        "nacelle.connect().sql(\"select sum(n) from 's3://user-carol/n.parquet'\").fetchone()"
    )
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("21", timeout=90_000)
    shoot(page, "lab-cell")

    page.goto("/services/mlflow/")
    expect(page.locator("body")).to_contain_text("user-carol")
    shoot(page, "mlflow")

    page.goto("/hub/home")
    shoot(page, "home")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("No session is running")).to_be_visible()
    with platform.person("carol") as carol:
        assert not carol.call("GET", "users/carol").json()["servers"]


def test_the_launch_page_asks_who_you_are_and_then_starts(
    page: Page, platform: Installation, tmp_path: Path
) -> None:
    page.goto("/hub/spawn?opt-profile=python&opt-size=small")
    page.get_by_label("Name").fill("carol")
    page.get_by_label("Password", exact=True).fill(password_of(platform, "carol"))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/user/carol/lab**", timeout=120_000)
    with platform.person("carol") as carol:
        carol.stop_server()

"""A person with a browser: log in, choose, start, run a cell in Lab, see MLflow, stop, log out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import launch
from tests.support.installation import ROOT, Installation
from tests.support.waiting import wait_for

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


def log_in(page: Page, platform: Installation, address: str) -> None:
    """Open an address, and log in as carol where the hub asks."""
    page.goto(address)
    page.get_by_label("Name").fill("carol")
    page.get_by_label("Password", exact=True).fill(platform.password("carol"))
    page.get_by_role("button", name="Log in").click()


def new_notebook(page: Page) -> None:
    """From the launcher; the cursor is in its first cell when the kernel is ready."""
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    # Lab asks which kernel to take when a cell runs before.
    expect(page.locator("#jp-bottom-panel")).to_contain_text("Idle", timeout=60_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=str(SCREENSHOTS / f"journey-{name}.png"))


def test_log_in_choose_start_run_a_cell_stop(page: Page, platform: Installation) -> None:
    log_in(page, platform, "/")
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

    new_notebook(page)
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


def test_work_on_files_in_a_bucket(page: Page, platform: Installation, tmp_path: Path) -> None:
    with platform.person("carol") as carol:
        kernel = carol.start_server(profile="python").kernel()
        kernel.run(
            "import boto3; boto3.client('s3').put_object("
            "Bucket='user-carol', Key='nace/readme.txt', Body=b'x')"
        )
    log_in(page, platform, "/user/carol/lab/workspaces/bucket/tree/user-carol")
    listing = page.locator(".jp-DirListing-content")
    expect(page.locator(".jp-LauncherCard").first).to_be_visible()
    # Upload.
    upload = tmp_path / "villes.txt"
    upload.write_text("ville,n\nParis,1\n", encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.get_by_title("Upload Files").first.click()
    chooser.value.set_files(upload)
    expect(listing).to_contain_text("villes.txt")
    # Open as text, edit, save.
    page.goto("/user/carol/lab/workspaces/bucket/tree/user-carol/villes.txt?factory=Editor")
    editor = page.locator(".jp-FileEditor .cm-content").first
    expect(editor).to_contain_text("Paris")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("Lyon,2\n")
    page.keyboard.press("Control+s")
    server = platform.person("carol").server().http
    wait_for(
        lambda: "Lyon" in server.get("/api/contents/user-carol/villes.txt").json()["content"],
        30,
        "the saved text",
    )
    shoot(page, "bucket-edit")
    # Rename, then delete, from the keyboard.
    item = listing.get_by_text("villes.txt")
    item.click()
    page.keyboard.press("F2")
    page.keyboard.insert_text("cities.txt")
    page.keyboard.press("Enter")
    expect(listing).to_contain_text("cities.txt")
    listing.get_by_text("cities.txt").click()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Delete").click()
    expect(listing).not_to_contain_text("cities.txt")
    # A notebook that lives in the bucket.
    page.goto("/user/carol/lab/workspaces/bucket/tree/user-carol?reset")
    expect(listing).to_contain_text("nace")
    new_notebook(page)
    page.keyboard.insert_text("6 * 7")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("42", timeout=60_000)
    page.keyboard.press("Control+s")
    # Lab asks for a name at the first save.
    page.get_by_role("dialog").get_by_role("textbox").fill("kept.ipynb")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(listing).to_contain_text("kept.ipynb")
    wait_for(lambda: "42" in server.get("/files/user-carol/kept.ipynb").text, 30, "the save")
    shoot(page, "bucket-notebook")
    with platform.person("carol") as carol:
        carol.stop_server()


def test_the_launch_page_asks_who_you_are_and_then_starts(
    page: Page, platform: Installation, tmp_path: Path
) -> None:
    log_in(page, platform, "/hub/spawn?opt-profile=python&opt-size=small")
    page.wait_for_url("**/user/carol/lab**", timeout=120_000)
    with platform.person("carol") as carol:
        carol.stop_server()

"""The classifier's pages in a real browser: what they look like, and that a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hubrig import Platform
from nace_api import NaceApi
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import launch

SHOTS = Path(__file__).parents[1] / "screenshots"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[NaceApi]:
    with NaceApi(platform) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def opened(
    chromium: Chromium, platform: Platform, name: str, language: str = "en", scripts: bool = True
) -> Page:
    """A page of somebody who is logged in."""
    context = chromium.new_context(
        base_url=platform.url,
        locale="fr-FR" if language == "fr" else "en-GB",
        java_script_enabled=scripts,
    )
    page = context.new_page()
    page.goto("/hub/login")
    page.locator("#username").fill(name)
    page.locator("#password").fill(platform.password(name))
    page.locator("#password").press("Enter")
    page.wait_for_url("**/hub/spawn*")
    return page


def shoot(page: Page, name: str) -> None:
    """Pictures of the whole page in all looks; it must not be wider than the window."""
    SHOTS.mkdir(exist_ok=True)
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.screenshot(path=str(SHOTS / f"hub-{name}-{width}-{scheme}.png"), full_page=True)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide at {width} px"


def test_keys_by_keyboard_alone(chromium: Chromium, platform: Platform, api: NaceApi) -> None:
    page = opened(chromium, platform, "bob")
    problems: list[str] = []
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.goto("/hub/api-keys")
    shoot(page, "keys-empty")
    while page.evaluate("document.activeElement.id") != "name":
        page.keyboard.press("Tab")
    page.keyboard.type("business register")
    page.keyboard.press("Enter")
    expect(page.locator("#key")).to_contain_text("nacelle_")
    shoot(page, "keys-made")
    page.get_by_role("button", name="Revoke business register").press("Enter")
    expect(page.get_by_text("The key is revoked.")).to_be_visible()
    page.get_by_text("Revoked keys").click()
    shoot(page, "keys-revoked")
    assert not problems, problems
    page.context.close()


def test_the_keys_of_all(chromium: Chromium, platform: Platform, api: NaceApi) -> None:
    allowance = api.access.settings.keys
    page = opened(chromium, platform, "admin", "fr")
    page.goto("/hub/api-keys")
    page.locator("form summary").click()
    page.locator("#name").fill("répertoire des entreprises, production")
    page.locator("#daily_quota").fill("0")
    page.locator("#administer").check()
    page.locator("form.panel button[type=submit]").click()
    expect(page.locator("#key")).to_contain_text("nacelle_")
    made = next(key for key in api.access.keys.all() if key.name.startswith("répertoire des"))
    assert made.allowance.rate == allowance.rate and made.allowance.daily_quota == 0
    api.access.keys.make("stagiaire", "cours", made.allowance, 1)
    page.goto("/hub/api-keys")
    page.locator("form summary").click()
    shoot(page, "keys-all-fr")
    page.context.close()


def test_codes_without_javascript(chromium: Chromium, platform: Platform, api: NaceApi) -> None:
    page = opened(chromium, platform, "camille", scripts=False)
    page.goto("/hub/classify")
    page.locator("#text").fill("boulangerie")
    page.locator("#text").press("Tab")
    page.locator("form.panel button[type=submit]").press("Enter")
    expect(page.locator("#answer")).to_contain_text("a forecast, not a decision")
    expect(page.locator("#answer tbody tr")).to_have_count(2)
    page.context.close()


def test_the_look_of_an_answer(chromium: Chromium, platform: Platform, api: NaceApi) -> None:
    page = opened(chromium, platform, "camille")
    page.goto("/hub/classify")
    shoot(page, "classify")
    page.locator("#text").fill("Boulangerie artisanale : pain, viennoiseries")
    page.get_by_role("button", name="Ask for codes").click()
    expect(page.locator("#answer")).to_be_visible()
    shoot(page, "classify-answer")
    page.context.close()

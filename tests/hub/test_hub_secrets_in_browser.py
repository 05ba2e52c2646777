"""The page of secrets in a real browser: what it looks like, and that a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect, sync_playwright
from secretsrig import SecretsPlatform, running
from test_hub_nace_in_browser import opened, shoot

from tests.support.browser import launch

VALUE = "value-that-stands-nowhere-else"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretsPlatform]:
    with running(tmp_path_factory.mktemp("secrets")) as (platform, _):
        yield platform


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_look(chromium: Chromium, hub: SecretsPlatform, language: str) -> None:
    name = "alice" if language == "en" else "camille"
    page = opened(chromium, hub, name, language)
    page.goto("/hub/secrets")
    shoot(page, f"secrets-empty-{language}")
    for one in ("API_KEY", "POSTGRES_PASSWORD_OF_THE_SURVEY_DATABASE"):
        page.locator("#name").fill(one)
        page.locator("#value").fill(VALUE)
        page.locator("form:has(#value) button[type=submit]").click()
        expect(page.locator("[role=status].note")).to_be_visible()
    page.locator("#host").fill("https://git.example.org/")
    page.locator("#token").fill(VALUE)
    page.locator("form:has(#token) button[type=submit]").click()
    expect(page.locator("main table").nth(1)).to_contain_text("git.example.org")
    assert VALUE not in page.content()
    page.locator("details summary").click()
    shoot(page, f"secrets-{language}")
    page.locator("#name").fill("PATH")
    page.locator("#value").fill(VALUE)
    page.locator("form:has(#value) button[type=submit]").click()
    expect(page.locator("[role=alert]")).to_contain_text("PATH")
    expect(page.locator("#name")).to_have_value("PATH")
    expect(page.locator("#value")).to_have_value("")
    shoot(page, f"secrets-refused-{language}")
    page.context.close()


def test_a_keyboard_is_enough_and_values_are_covered(
    chromium: Chromium, hub: SecretsPlatform
) -> None:
    page = opened(chromium, hub, "bob")
    page.goto("/hub/secrets")
    page.locator("#name").focus()
    page.keyboard.type("BY_KEYS")
    page.keyboard.press("Tab")
    page.keyboard.type("first")
    value = page.locator("#value")
    covered = "getComputedStyle(document.getElementById('value')).webkitTextSecurity"
    assert page.evaluate(covered) == "disc"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(covered) == "none"
    expect(page.locator("[data-unmask]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    assert page.evaluate(covered) == "disc"
    expect(value).to_have_value("first")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main table")).to_contain_text("BY_KEYS")
    page.get_by_role("button", name="Remove BY_KEYS").press("Enter")
    expect(page.get_by_text("There is none yet. Keep one")).to_be_visible()
    page.context.close()


def test_without_javascript_all_but_showing_works(chromium: Chromium, hub: SecretsPlatform) -> None:
    page = opened(chromium, hub, "leaver", scripts=False)
    page.goto("/hub/secrets")
    page.locator("#name").fill("PLAIN")
    page.locator("#value").fill("line 1\nline 2")
    page.locator("form:has(#value) button[type=submit]").press("Enter")
    expect(page.locator("main table")).to_contain_text("PLAIN")
    assert hub.bao.read("leaver/environment/PLAIN") == {"value": "line 1\nline 2\n"}
    page.context.close()

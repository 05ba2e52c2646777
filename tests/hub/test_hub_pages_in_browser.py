"""The hub's pages in a real browser: what they look like, and that a keyboard is enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hubrig import Browser, Platform
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.support.browser import launch

SHOTS = Path(__file__).parents[1] / "screenshots"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


Opener = Callable[..., BrowserContext]


@pytest.fixture
def opened(chromium: Chromium, platform: Platform) -> Iterator[Opener]:
    contexts: list[BrowserContext] = []

    def open_context(
        width: int = 1280, scheme: str = "light", name: str | None = None, locale: str = "en-GB"
    ) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=locale,
            timezone_id="Europe/Paris",
            base_url=platform.url,
        )
        contexts.append(context)
        if name:
            page = context.new_page()
            log_in(page, name, platform.password(name))
            page.close()
        return context

    yield open_context
    for context in contexts:
        context.close()


def log_in(page: Page, name: str, password: str) -> None:
    page.goto("/hub/login")
    page.get_by_label("Name" if page.locator("html").get_attribute("lang") == "en" else "Nom").fill(
        name
    )
    page.locator("#password").fill(password)
    page.locator("#password").press("Enter")
    page.wait_for_url(re.compile(r"/hub/(spawn|home)"))


def shoot(page: Page, name: str, width: int, scheme: str) -> None:
    """A picture of the whole page; it must not be wider than the window."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"hub-{name}-{width}-{scheme}.png"), full_page=True)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"{name} is {overflow} px too wide at {width} px"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_without_session(opened: Opener, width: int, scheme: str) -> None:
    stranger = opened(width, scheme).new_page()
    problems: list[str] = []
    stranger.on(
        "console", lambda line: problems.append(line.text) if line.type == "error" else None
    )
    stranger.goto("/hub/login")
    shoot(stranger, "login", width, scheme)
    assert not problems
    stranger.get_by_label("Name").fill("camille")
    stranger.locator("#password").fill("wrong")
    stranger.locator("#password").press("Enter")
    expect(stranger.get_by_role("alert")).to_contain_text("do not go together")
    shoot(stranger, "login-refused", width, scheme)

    page = opened(width, scheme, "camille").new_page()
    problems = errors_of(page)
    for address, name in (
        ("/hub/home", "home-empty"),
        ("/hub/spawn", "spawn"),
        ("/hub/token", "tokens"),
        ("/hub/password", "password"),
    ):
        page.goto(address)
        if name == "spawn":
            page.locator("summary").click()
        shoot(page, name, width, scheme)
    assert not problems, problems
    for address, name in (
        ("/hub/spawn?opt-profile=pythn", "spawn-refused"),
        ("/hub/nowhere", "missing"),
        ("/user/camille/lab", "not-running"),
        ("/hub/admin", "forbidden"),
    ):
        page.goto(address)
        shoot(page, name, width, scheme)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_administration(opened: Opener, width: int, scheme: str) -> None:
    page = opened(width, scheme, "admin").new_page()
    problems = errors_of(page)
    page.goto("/hub/admin")
    expect(page.get_by_test_id("user-name-div-camille")).to_be_visible()
    shoot(page, "admin", width, scheme)
    assert not problems, problems


def test_session_pages(opened: Opener, platform: Platform) -> None:
    page = opened(name="camille").new_page()
    page.goto("/hub/spawn")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/hub/spawn-pending/**")
    expect(page.locator("#now")).to_contain_text("session")
    for look in LOOKS[0], LOOKS[3]:
        look_as(page, *look)
        shoot(page, "pending", *look)
    page.wait_for_url("**/user/camille/**", timeout=60_000)
    page.goto("/hub/home")
    expect(page.get_by_text("Running")).to_be_visible()
    assert "(Europe/Paris)" in (page.locator("time").first.get_attribute("title") or "")
    page.locator("summary").click()
    for look in LOOKS:
        look_as(page, *look)
        shoot(page, "home-running", *look)
    page.goto("/hub/token")
    for look in LOOKS:
        look_as(page, *look)
        shoot(page, "tokens-some", *look)
    page.goto("/hub/home")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("No session is running")).to_be_visible(timeout=30_000)


def look_as(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def errors_of(page: Page) -> list[str]:
    """What the page's console complains about, as it comes."""
    found: list[str] = []
    page.on("console", lambda line: found.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_keyboard_alone_starts_a_session(opened: Opener, platform: Platform) -> None:
    page = opened(name="admin").new_page()
    page.goto("/hub/spawn")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="Python", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="R", exact=True)).to_be_checked()
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("name", "profile-option-r--size")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_value("medium")
    while page.evaluate("document.activeElement.type") != "submit":
        page.keyboard.press("Tab")
    assert "profile=r" in page.locator("#launch-link").text_content()  # type: ignore[operator]
    page.keyboard.press("Enter")
    page.wait_for_url("**/user/admin/**", timeout=60_000)
    platform.browser("admin").stop_server("admin")
    page.goto("/hub/spawn")
    expect(page.get_by_role("radio", name="R", exact=True)).to_be_checked()
    expect(page.locator("[name='profile-option-r--size']")).to_have_value("medium")


def test_giving_up_a_start(opened: Opener, platform: Platform) -> None:
    page = opened(name="camille").new_page()
    page.goto("/hub/spawn")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Give up").click()
    page.wait_for_url("**/hub/home", timeout=30_000)
    expect(page.get_by_text("No session is running")).to_be_visible()


def test_a_start_that_fails_tells_why(opened: Opener, platform: Platform) -> None:
    page = opened(name="bob").new_page()
    config = platform.layout.homes / "bob" / ".jupyter" / "jupyter_config.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('import sys\nsys.exit("the disk is full of stars")\n')
    page.goto("/hub/spawn")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_contain_text("full of stars", timeout=30_000)
    expect(page.get_by_role("link", name="Choose again")).to_be_focused()
    shoot(page, "failed", 1280, "light")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("full of stars")
    shoot(page, "failed-again", 1280, "light")
    page.goto("/hub/home")
    expect(page.get_by_role("alert").last).to_contain_text("full of stars")
    config.unlink()


def test_token_page_makes_and_revokes(opened: Opener, platform: Platform) -> None:
    page = opened(name="camille").new_page()
    page.goto("/hub/token")
    page.get_by_label("What it is for").fill("nightly report")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Copy it now")).to_be_visible()
    token = page.locator("#token").text_content() or ""
    answer = Browser(platform.url).get("/hub/api/user", headers={"Authorization": f"token {token}"})
    assert answer.json()["name"] == "camille"
    page.goto("/hub/token")
    page.get_by_role("button", name="Revoke nightly report").click()
    expect(page.get_by_text("nightly report")).to_have_count(0)


def test_french(opened: Opener) -> None:
    page = opened(name="camille", locale="fr-FR").new_page()
    page.goto("/hub/spawn")
    expect(page.get_by_role("heading", level=1)).to_have_text("Choisir un environnement")
    shoot(page, "spawn-fr", 1280, "light")
    page.goto("/hub/spawn?opt-profile=julia")
    expect(page.get_by_role("alert")).to_contain_text("ne peut pas démarrer ici")
    page.goto("/hub/home")
    expect(page.get_by_text("Aucune session ne tourne")).to_be_visible()

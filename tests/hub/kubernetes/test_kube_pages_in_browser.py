"""What the hub's pages tell of a cluster, in a real browser, at the widths and colours of each.

Tier: emulator. The hub, its proxy, the browser and the sessions' servers are real; quota, scheduler
and node are played.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hubrig import Browser
from kube_live import SESSIONS, KubePlatform, kube_platform
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright
from test_hub_pages_in_browser import LOOKS, errors_of, log_in, look_as, shoot

from tests.support.browser import launch
from tests.support.kubernetes.kinds import QUOTAS
from tests.support.waiting import wait_for

pytestmark = pytest.mark.drill

NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes"
GROWS = "pod triggered scale-up: [{gpu-pool 1->2 (max: 2)}]"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlatform]:
    with kube_platform(tmp_path_factory.mktemp("kube-pages")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(
    chromium: Chromium, platform: KubePlatform, request: pytest.FixtureRequest
) -> Iterator[Page]:
    locale = getattr(request, "param", "en-GB")
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800},
        locale=locale,
        timezone_id="Europe/Paris",
        base_url=platform.url,
    )
    page = context.new_page()
    log_in(page, "alice", platform.password("alice"))
    yield page
    context.close()


@pytest.fixture
def alice(platform: KubePlatform) -> Iterator[Browser]:
    browser = platform.browser("alice")
    yield browser
    platform.play(platform.kubelet.unplaced.clear)
    if browser.call("GET", "users/alice").json()["servers"]:
        browser.stop_server("alice")


@pytest.fixture
def quota(platform: KubePlatform) -> Iterator[None]:
    hard = {"limits.memory": "10Gi", "limits.cpu": "6", "pods": "3"}
    platform.make_quota(hard)
    yield
    platform.drop_quota()


def photograph(page: Page, name: str) -> None:
    for look in LOOKS:
        look_as(page, *look)
        shoot(page, f"kube-{name}", *look)
    look_as(page, *LOOKS[0])


def test_the_spawn_page_tells_what_is_left(quota: None, page: Page) -> None:
    problems = errors_of(page)
    page.goto("/hub/spawn")
    expect(page.locator("#left")).to_have_text(
        "Left for new sessions: 3 places, 6 cores, 10 GB of memory."
    )
    python = page.locator(".choice").filter(
        has=page.get_by_role("radio", name="Python", exact=True)
    )
    large = python.locator("option[value=large]")
    expect(large).to_have_attribute("disabled", "")
    expect(large).to_contain_text("(not now)")
    expect(python.locator("#profile-python-size-why")).to_contain_text("memory: 32 GB needed")
    expect(page.get_by_role("radio", name="Python with a GPU")).to_be_disabled()
    expect(page.locator(".choice.absent .reason").first).to_contain_text("no machine with a GPU")
    photograph(page, "spawn")
    assert not problems, problems


def test_a_full_cluster_offers_to_look_again(
    platform: KubePlatform, page: Page, quota: None
) -> None:
    cluster = platform.cluster
    full = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    platform.served.call(cluster.write(QUOTAS, full))
    try:
        # What was seen a moment ago is shown for two seconds.
        wait_for(lambda: page.goto("/hub/spawn") and _cannot_start(page), 20, "the full quota")
        photograph(page, "full")
    finally:
        platform.served.call(cluster.remove(QUOTAS, "full"))

    def looks_again() -> bool:
        page.get_by_role("link", name="Look again").click()
        page.wait_for_load_state()
        return not _cannot_start(page)

    wait_for(looks_again, 20, "room")


def _cannot_start(page: Page) -> bool:
    return page.get_by_role("button", name="Start", exact=True).is_disabled()


@pytest.mark.parametrize(
    ("page", "waits", "found", "give_up"),
    [
        ("en-GB", "no GPU is free", "A machine is being started for you", "Give up"),
        ("fr-FR", "aucun GPU n'est libre", "Une machine démarre pour vous", "Abandonner"),
    ],
    indirect=["page"],
)
def test_a_start_that_hangs_is_told_and_given_up(
    platform: KubePlatform, page: Page, alice: Browser, waits: str, found: str, give_up: str
) -> None:
    platform.play(lambda: platform.kubelet.unplaced.update({"session-alice": NO_GPU}))
    problems = errors_of(page)
    page.goto("/hub/spawn")
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/hub/spawn-pending/**")
    # The button works from the first moment.
    expect(page.get_by_role("button", name=give_up)).to_be_enabled()
    expect(page.locator("#now")).to_contain_text(waits)
    pod = platform.pod("alice")
    assert pod
    grown = platform.kubelet._event(pod, "Normal", "TriggeredScaleUp", GROWS, "cluster-autoscaler")
    platform.served.call(grown)
    expect(page.locator("#now")).to_contain_text(found)
    expect(page.locator("#so-far")).to_be_visible()
    page.locator("summary").click()
    photograph(page, f"pending-{give_up.split()[0].lower()}")
    page.get_by_role("button", name=give_up).click()
    page.wait_for_url("**/hub/home")
    wait_for(lambda: not platform.pods() and not platform.tokens(), 30, "the pod's end")
    assert page.get_by_role("alert").count() == 0
    assert not problems, problems


def test_an_image_that_is_not_there_is_told_on_each_page(
    platform: KubePlatform, page: Page, alice: Browser
) -> None:
    image = "nacelle/lab:latest"
    platform.play(lambda: platform.kubelet.bad_images.update({image: "x: not found"}))
    try:
        page.goto("/hub/spawn")
        page.locator("button[type=submit]").click()
        expect(page.locator("main")).to_contain_text(f"The image {image} does not exist. Check")
        # The hub answers with the form when it is quick, else with the page of the failed start.
        page.goto("/hub/spawn-pending/alice")
        expect(page.get_by_role("alert")).to_contain_text(f"The image {image} does not exist")
        photograph(page, "failed")
        page.goto("/hub/home")
        expect(page.get_by_role("alert").last).to_contain_text(f"The image {image} does not exist")
        photograph(page, "home-failed")
    finally:
        platform.play(platform.kubelet.bad_images.clear)


def start(browser: Browser) -> None:
    asked = browser.call("POST", "users/alice/server", json={"profile": "python"})
    assert asked.status_code in (201, 202), asked.text
    wait_for(lambda: browser.server_ready("alice"), 60, "the session")


def test_home_tells_why_the_last_session_ended(
    platform: KubePlatform, page: Page, alice: Browser
) -> None:
    start(alice)
    platform.served.call(platform.kubelet.kill_for_memory("session-alice", SESSIONS))
    page.goto("/hub/home")
    ended = page.get_by_role("status").filter(has_text="Your last session ended by itself")
    expect(ended).to_contain_text("The session used more memory than its size gives (4 GB)")
    assert re.search(r"\(Europe/Paris\)", ended.locator("time").get_attribute("title") or "")
    photograph(page, "home-ended")
    page.goto("/user/alice/lab")
    expect(page.get_by_role("status")).to_contain_text("more memory than its size gives")
    photograph(page, "not-running-ended")
    # Another session, stopped by its person: nothing is left to tell.
    start(alice)
    alice.stop_server("alice")
    page.goto("/hub/home")
    expect(page.get_by_text("No session is running")).to_be_visible()
    assert page.get_by_role("status").filter(has_text="ended by itself").count() == 0

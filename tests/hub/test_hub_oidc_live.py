"""Login by a real OpenID Connect provider, as a browser does it. Numbers: nacelle.hub.oidc."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from bs4 import BeautifulSoup
from hubrig import Browser
from oidcrig import OfficePlatform

from tests.support.officelogin import log_in
from tests.support.waiting import free_base, wait_for


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficePlatform]:
    folder = tmp_path_factory.mktemp("office")
    with OfficePlatform(folder, free_base(), allowed_groups=["staff"]) as running:
        yield running


def alert(page: httpx.Response) -> str:
    found = BeautifulSoup(page.text, "html.parser").find_all(attrs={"role": "alert"})
    return " ".join(one.get_text(" ", strip=True) for one in found if not one.has_attr("hidden"))


def model(browser: Browser, name: str) -> dict[str, object]:
    found: dict[str, object] = browser.call("GET", f"users/{name}").json()
    return found


def with_token(office: OfficePlatform, token: str) -> httpx.Response:
    headers = {"Authorization": f"token {token}"}
    return httpx.get(f"{office.url}/hub/api/user", headers=headers)


def is_logged_in(browser: Browser) -> bool:
    return browser.get("/hub/home").url.path == "/hub/home"


def test_the_login_page_names_the_provider(office: OfficePlatform) -> None:
    page = office.browser().get("/hub/login").text
    assert f"Log in with localhost:{office.office.port}" in page
    assert 'type="password"' not in page and "passwords.txt" not in page
    assert "Se connecter avec" in office.browser(language="fr").get("/hub/login").text


def test_1_groups_of_the_provider_are_projects(office: OfficePlatform) -> None:
    person = office.office.add_person("anna", "staff", "projet-prix", "projet-emploi", "canteen")
    anna = office.browser("anna")
    found = model(anna, "anna")
    assert sorted(found["groups"]) == ["emploi", "prix"]  # type: ignore[call-overload]
    assert found["admin"] is False
    office.office.put(person, "staff", "projet-emploi")
    wait_for(lambda: model(anna, "anna")["groups"] == ["emploi"], 20, "the new groups")


def test_1_administrators_are_the_provider_s(office: OfficePlatform) -> None:
    boss = office.office.add_person("boss", "chiefs")
    chief = office.browser("boss")
    assert model(chief, "boss")["admin"] is True
    # The settings have an administrator of that name.
    office.office.add_person("admin", "staff")
    somebody = office.browser("admin")
    assert model(somebody, "admin")["admin"] is False
    assert somebody.call("GET", "users").status_code == 403
    office.office.put(boss, "staff")
    wait_for(lambda: chief.call("GET", "users").status_code == 403, 20, "the end of the office")


def test_2_a_name_is_its_first_account_s(office: OfficePlatform) -> None:
    office.office.add_person("bruno", "staff")
    office.browser("bruno")
    thief = office.office.add_person("mallory", "staff")
    office.office.change(thief, display_name="bruno")
    refused = log_in(office.browser(), "mallory")
    assert refused.status_code == 403
    assert "belongs to another account" in alert(refused)
    assert office.browser("bruno")
    for name in ("../bruno", "x" * 60):
        office.office.change(thief, display_name=name)
        refused = log_in(office.browser(), "mallory")
        assert refused.status_code == 403
        assert "cannot be used here" in alert(refused)


def test_3_tokens_of_the_provider_stay_with_the_hub(office: OfficePlatform) -> None:
    office.office.add_person("carla", "staff", "projet-prix")
    carla = office.browser("carla")
    started = carla.start_form({"profile": "python"})
    assert started.status_code == 302
    wait_for(lambda: carla.server_ready("carla"), 60, "carla's session")
    given = office.office.tokens()
    assert len(given) >= 2
    kept = office.database("SELECT encrypted_auth_state FROM users WHERE name = 'carla'")
    # A Fernet token of the first version.
    assert bytes(kept[0][0]).startswith(b"gAAAAA")
    places = {
        "the hub's folder": office.stored(),
        "the hub's log": office.hub_log.read_bytes(),
        "the session": repr(environments_of(office, "carla")).encode(),
        "the hub's answer": carla.call("GET", "users/carla").content,
        "the page": carla.get("/hub/home").content,
    }
    for name, place in places.items():
        assert not [token for token in given if token.encode() in place], name
    carla.stop_server("carla")


def environments_of(office: OfficePlatform, name: str) -> list[dict[str, str]]:
    """Of every process of a person's session."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("NACELLE_INSTANCE") == office.layout.instance:
            found.append(environment)
    assert any(one.get("PROJECT_USER") == name for one in found)
    return found


def test_4_requests_that_come_together_share_one_renewal(office: OfficePlatform) -> None:
    office.office.add_person("dora", "staff")
    dora = office.browser("dora")
    token = dora.token("dora")

    def asked() -> int:
        return office.office.asked.count("/oauth/token")

    for _ in range(3):
        before = asked()
        wait_for(lambda: with_token(office, token).is_success and asked() > before, 20, "a renewal")  # noqa: B023
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: with_token(office, token), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert is_logged_in(dora)


def test_4_a_provider_that_fails_keeps_nobody_from_work(office: OfficePlatform) -> None:
    office.office.add_person("emil", "staff")
    emil = office.browser("emil")
    office.office.stop()
    try:
        wait_for(lambda: "People go on as they were" in renewed(office, emil), 20, "a renewal")
        assert is_logged_in(emil)
        answers = "does not answer as it should"

        def refused() -> bool:
            """What is known of the provider holds for a few seconds."""
            page = office.browser().get("/hub/oauth_login", follow_redirects=False)
            return page.status_code == 503 and answers in alert(page)

        wait_for(refused, 30, "a page with words")
        french = office.browser(language="fr").get("/hub/oauth_login")
        assert french.status_code == 503 and "ne répond pas comme il devrait" in alert(french)
    finally:
        office.office.start()


def test_4_a_provider_that_fails_in_the_middle_gives_words(office: OfficePlatform) -> None:
    office.office.add_person("emma", "staff")
    browser = office.browser()
    away = []

    def fail_on_the_way_back(answer: httpx.Response) -> None:
        where = answer.headers.get("location", "")
        if where.startswith(f"{office.url}/hub/oauth_callback"):
            office.office.stop()
            away.append(where)

    browser.event_hooks = {"response": [fail_on_the_way_back]}
    try:
        page = log_in(browser, "emma")
    finally:
        if away:
            office.office.start()
    assert away
    assert page.status_code == 503 and "does not answer as it should" in alert(page)
    assert office.browser("emma")


def test_4_the_hub_starts_without_its_provider(office: OfficePlatform) -> None:
    office.office.add_person("eva", "staff", "projet-prix")
    eva = office.browser("eva")
    office.office.stop()
    try:
        office.kill_hub()
        office.start_hub()
        assert is_logged_in(eva)
        assert model(eva, "eva")["groups"] == ["prix"]
        assert office.browser().get("/hub/oauth_login").status_code == 503
    finally:
        office.office.start()
    assert office.browser("eva")


def renewed(office: OfficePlatform, browser: Browser) -> str:
    assert is_logged_in(browser)
    return office.hub_log.read_text()


def test_5_a_login_that_the_provider_ends_is_over(office: OfficePlatform) -> None:
    office.office.add_person("fanny", "staff")
    fanny = office.browser("fanny")
    token = fanny.token("fanny")
    assert with_token(office, token).is_success
    office.office.end_logins()
    wait_for(lambda: not is_logged_in(fanny), 60, "the end of the login")
    assert with_token(office, token).status_code == 403
    assert office.browser("fanny")
    assert with_token(office, token).is_success


def test_5_somebody_removed_at_the_provider_does_not_come_back(office: OfficePlatform) -> None:
    person = office.office.add_person("gaby", "staff")
    gaby = office.browser("gaby")
    token = gaby.token("gaby")
    office.office.lock(person)
    wait_for(lambda: with_token(office, token).status_code == 403, 60, "the end of the token")
    assert not is_logged_in(gaby)
    assert not is_logged_in(gaby)
    again = log_in(office.browser(), "gaby")
    assert again.url.port == office.office.port or again.status_code in (400, 403)


def test_6_somebody_who_leaves_the_groups_is_turned_out(office: OfficePlatform) -> None:
    person = office.office.add_person("hugo", "staff", "projet-prix")
    hugo = office.browser("hugo")
    token = hugo.token("hugo")
    office.office.put(person, "projet-prix")
    wait_for(lambda: with_token(office, token).status_code == 403, 60, "the end of the token")
    assert not is_logged_in(hugo)
    rows = office.database(
        "SELECT (SELECT count(*) FROM user_role_map m WHERE m.user_id = u.id),"
        " (SELECT count(*) FROM user_group_map m WHERE m.user_id = u.id),"
        " (SELECT count(*) FROM api_tokens t WHERE t.user_id = u.id)"
        " FROM users u WHERE u.name = 'hugo'"
    )
    assert rows == [(0, 0, 0)]
    refused = log_in(office.browser(), "hugo")
    assert refused.status_code == 403
    assert "may not use this platform" in alert(refused)
    office.office.put(person, "staff")
    assert model(office.browser("hugo"), "hugo")["roles"] == ["user"]


def test_strangers_get_nothing(office: OfficePlatform) -> None:
    office.office.add_person("visitor", "projet-prix")
    refused = log_in(office.browser(), "visitor")
    assert refused.status_code == 403
    assert "may not use this platform" in alert(refused)
    assert office.database("SELECT name FROM users WHERE name = 'visitor'") == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?code=abc", 400),
        ("?code=abc&state=abc", 400),
        ("?code=abc&state=eyJzdGF0ZV9pZCI6ICJ4In0=", 400),
        ("?error=call+0800&error_description=call+0800+and+tell+your+password", 403),
    ],
)
def test_a_forged_way_back_gives_words_and_repeats_none(
    office: OfficePlatform, query: str, status: int
) -> None:
    browser = office.browser()
    browser.get("/hub/oauth_login", follow_redirects=False)
    page = browser.get(f"/hub/oauth_callback{query}")
    assert page.status_code == status
    assert alert(page) and "0800" not in page.text
    assert "Traceback" not in page.text
    assert not is_logged_in(browser)


def test_a_login_leads_nowhere_else(office: OfficePlatform) -> None:
    office.office.add_person("ines", "staff")
    for wish in ("https://evil.example/x", "//evil.example/x", "/\\evil.example"):
        browser = office.browser()
        began = browser.get("/hub/oauth_login", params={"next": wish}, follow_redirects=False)
        assert began.headers["location"].startswith(office.office.issuer)
        assert "redirect_uri=http%3A%2F%2F127.0.0.1" in began.headers["location"]
        spoofed = browser.get(
            "/hub/oauth_login", headers={"Host": "evil.example"}, follow_redirects=False
        )
        assert "evil" not in spoofed.headers["location"]

"""A real hub: login, choices, sessions, and who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import psutil
import pytest
from bs4 import BeautifulSoup
from hubrig import Browser, Platform, form_token, wait_for

BAD = [
    ({"profile": "pyton"}, "There is no environment 'pyton'; did you mean 'python'?"),
    ({"profile": "python", "sise": "small"}, "has no option 'sise'; did you mean 'size'?"),
    ({"profile": "python", "size": "huge"}, "'huge' is not a choice of 'size'"),
    ({"profile": "python", "size": "large"}, "cannot start here as chosen."),
    ({"profile": "python", "mem_limit": "1T"}, "has no option 'mem_limit'"),
    ({"profile": "python", "image--unlisted-choice": "evil/x"}, "is not allowed here"),
    ({"profile": "python", "image--unlisted-choice": "nacelle/lab:2"}, "needs Kubernetes"),
    ({"profile": "julia"}, "Julia with its Jupyter kernel is not installed on this machine."),
    ({"profile": "python-gpu"}, "This needs 1 GPU; this machine has none."),
]


@pytest.fixture(scope="module")
def alice(platform: Platform) -> Iterator[Browser]:
    """Alice, with a session that runs."""
    browser = platform.browser("alice")
    started = browser.start_form({"profile": "python", "profile-option-python--size": "small"})
    assert started.status_code == 302
    wait_for(lambda: browser.server_ready("alice"), 60, "alice's session")
    yield browser
    browser.stop_server("alice")


def session_environment(platform: Platform, name: str) -> dict[str, str]:
    """The environment of the session's process: everything here runs under one Unix user."""
    wanted = {"NACELLE_INSTANCE": platform.layout.instance, "PROJECT_USER": name}
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if wanted.items() <= environment.items() and "JUPYTERHUB_API_TOKEN" in environment:
            return environment
    raise AssertionError(f"{name} has no session")


def alert(page: str) -> str:
    """What the page says aloud."""
    found = BeautifulSoup(page, "html.parser").find_all(attrs={"role": "alert"})
    return " ".join(one.get_text(" ", strip=True) for one in found if not one.has_attr("hidden"))


def test_login(platform: Platform) -> None:
    browser = platform.browser("bob")
    assert "Choose an environment" in browser.get("/hub/").text
    for cookie in browser.cookies.jar:
        if cookie.name.startswith("jupyterhub-hub-login"):
            assert cookie.has_nonstandard_attr("HttpOnly")
            assert cookie.get_nonstandard_attr("SameSite") == "Lax"
            break
    else:
        raise AssertionError("no login cookie")


@pytest.mark.parametrize("name", ["bob", "nobody", "", "BOB", "../bob"])
def test_a_wrong_password_is_refused(platform: Platform, name: str) -> None:
    answer = Browser(platform.url).log_in(name, "wrong")
    assert answer.status_code == 403
    assert "do not go together" in alert(answer.text)


def test_nobody_enters_with_any_or_no_password(platform: Platform) -> None:
    for password in ("", "bob", "password"):
        assert Browser(platform.url).log_in("bob", password).status_code in (403, 429)


def test_guesses_are_slowed_down_for_that_name_alone(platform: Platform) -> None:
    def slowed_for_a_while() -> httpx.Response | None:
        """Waits grow with each wrong guess; the first ones may be over before the next try."""
        answer = Browser(platform.url).log_in("leaver", "a guess")
        long = answer.status_code == 429 and int(answer.headers["Retry-After"]) > 3
        return answer if long else None

    slowed = wait_for(slowed_for_a_while, 60, "a refusal of guesses")
    assert slowed is not None
    assert "Too many tries" in alert(slowed.text)
    assert int(slowed.headers["Retry-After"]) <= 30
    right = Browser(platform.url).log_in("leaver", platform.password("leaver"))
    assert right.status_code == 429
    assert platform.browser("admin")

    def again() -> bool:
        browser = Browser(platform.url)
        return browser.log_in("leaver", platform.password("leaver")).status_code == 200

    wait_for(again, 60, "the end of the wait")


def test_a_login_without_the_form_s_token_is_refused(platform: Platform) -> None:
    fields = {"username": "bob", "password": platform.password("bob")}
    assert Browser(platform.url).post("/hub/login", data=fields).status_code == 403


@pytest.mark.parametrize(("options", "sentence"), BAD)
def test_form_link_and_api_refuse_alike(
    platform: Platform, options: dict[str, str], sentence: str
) -> None:
    browser = platform.browser("bob")
    form = browser.start_form(options)
    link = browser.get("/hub/spawn", params={f"opt-{key}": options[key] for key in options})
    called = browser.call("POST", "users/bob/server", json=options)
    wrapped = browser.call("POST", "users/bob/server", json={"user_options": options})
    for page in (form, link):
        assert page.status_code == 400
        assert sentence in alert(page.text)
    for answer in (called, wrapped):
        assert answer.status_code == 400
        assert sentence in answer.json()["message"]
        assert answer.json()["message"] == alert(form.text)
    assert browser.call("GET", "users/bob").json()["servers"] == {}


def test_a_refusal_in_french(platform: Platform) -> None:
    browser = platform.browser("bob", language="fr")
    called = browser.call("POST", "users/bob/server", json={"profile": "julia"})
    assert "ne peut pas démarrer ici" in called.json()["message"]


def test_a_refused_choice_is_no_fault_in_the_log(platform: Platform) -> None:
    browser = platform.browser("bob")
    before = platform.hub_log.stat().st_size
    sentence = "Julia with its Jupyter kernel is not installed on this machine."
    ways = (
        lambda: browser.start_form({"profile": "julia"}),
        lambda: browser.get("/hub/spawn", params={"opt-profile": "julia"}),
        lambda: browser.call("POST", "users/bob/server", json={"profile": "julia"}),
    )
    for number, ask in enumerate(ways, start=1):
        assert ask().status_code == 400
        written = platform.hub_log.read_bytes()[before:].decode()
        assert written.count(sentence) >= number
        assert "Traceback" not in written
        assert not re.search(r"^\[[EC] ", written, re.MULTILINE), written


def test_a_refused_choice_is_not_remembered(platform: Platform, alice: Browser) -> None:
    browser = platform.browser("camille")
    browser.start_form({"profile": "r", "profile-option-r--size": "medium"})
    wait_for(lambda: browser.server_ready("camille"), 60, "camille's session")
    browser.stop_server("camille")
    refused = browser.call("POST", "users/camille/server", json={"profile": "python-gpu"})
    assert refused.status_code == 400
    again = browser.call("POST", "users/camille/server")
    assert again.status_code in (201, 202), again.text
    wait_for(lambda: browser.server_ready("camille"), 60, "camille's session")
    assert session_environment(platform, "camille")["NACELLE_PROFILE"] == "r"
    browser.stop_server("camille")


def test_a_session_answers_with_its_environment(platform: Platform, alice: Browser) -> None:
    answer = alice.get("/user/alice/api")
    assert answer.status_code == 200 and "version" in answer.json()
    environment = session_environment(platform, "alice")
    assert environment["HOME"] == str(platform.layout.homes / "alice")
    assert environment["MLFLOW_TRACKING_TOKEN"] == environment["JUPYTERHUB_API_TOKEN"]
    assert environment["PROJECT_GROUP"] == "prix"
    assert environment["GIT_USER_MAIL"] == "alice@example.org"
    assert "NACELLE_STATIC_KEYS" not in environment
    assert "NACELLE_SETTINGS" not in environment
    assert (platform.layout.homes / "alice").stat().st_mode & 0o777 == 0o700
    secrets = [file.read_text().strip() for file in platform.layout.secrets.glob("*.token")]
    assert secrets and not set(secrets) & set(environment.values())


def test_names_with_odd_characters_pass_the_proxy(alice: Browser) -> None:
    name = "50% d'été #1; a?b.txt"
    path = "/user/alice/api/contents/home/" + "".join(f"%{byte:02X}" for byte in name.encode())
    token = alice.token("alice")
    headers = {"Authorization": f"token {token}"}
    body = {"type": "file", "format": "text", "content": "x"}
    assert httpx.put(str(alice.base_url) + path, headers=headers, json=body).status_code == 201
    assert httpx.get(str(alice.base_url) + path, headers=headers).json()["name"] == name


def test_another_user_cannot_open_the_server(platform: Platform, alice: Browser) -> None:
    bob = platform.browser("bob")
    assert bob.get("/user/alice/lab").status_code in (403, 404)
    assert bob.get("/user/alice/api/contents").status_code in (403, 404)
    token = bob.token("bob")
    answer = httpx.get(
        f"{platform.url}/user/alice/api/contents", headers={"Authorization": f"token {token}"}
    )
    assert answer.status_code == 403
    assert bob.call("DELETE", "users/alice/server").status_code in (403, 404)
    assert bob.call("GET", "users/alice").status_code in (403, 404)
    stranger = httpx.get(f"{platform.url}/user/alice/api/contents")
    assert stranger.status_code == 403
    # Past the proxy, at the port the process listens on.
    port = session_environment(platform, "alice")["JUPYTERHUB_SERVICE_URL"]
    direct = httpx.get(
        f"{port.rstrip('/')}/api/contents", headers={"Authorization": f"token {token}"}
    )
    assert direct.status_code == 403


ATTEMPTS = [
    ("GET", "users"),
    ("GET", "users/bob"),
    ("GET", "users/alice/tokens"),
    ("POST", "users/alice/tokens"),
    ("POST", "users/bob/tokens"),
    ("POST", "users/bob/server"),
    ("DELETE", "users/bob/server"),
    ("DELETE", "users/alice/server"),
    ("PATCH", "users/alice"),
    ("POST", "users/bob/activity"),
    ("DELETE", "users/bob"),
    ("POST", "users"),
    ("GET", "groups"),
    ("POST", "groups/prix/users"),
    ("GET", "services"),
    ("GET", "proxy"),
    ("GET", "info"),
    ("POST", "shutdown"),
    ("GET", "shares/alice"),
]


def test_a_server_s_token_can_do_no_more_than_it_needs(platform: Platform, alice: Browser) -> None:
    token = session_environment(platform, "alice")["JUPYTERHUB_API_TOKEN"]
    client = httpx.Client(
        base_url=f"{platform.url}/hub/api/", headers={"Authorization": f"token {token}"}
    )
    who = client.get("user").json()
    assert who["name"] == "alice" and who["groups"] == ["prix"]
    assert {scope.split("!")[0] for scope in who["scopes"]} <= {
        "access:servers",
        "access:services",
        "users:activity",
        "read:users:activity",
        "read:users:name",
        "read:users:groups",
    }
    assert {scope for scope in who["scopes"] if scope.startswith("access:services")} == {
        "access:services!service=broker",
        "access:services!service=jobs",
        "access:services!service=mlflow",
        "access:services!service=nace",
    }
    for method, path in ATTEMPTS:
        answer = client.request(method, path, json={} if method != "GET" else None)
        assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code}"


@pytest.mark.parametrize(
    ("service", "allowed", "refused"),
    [
        ("culler", ["users"], ["groups", "proxy", "users/alice/tokens"]),
        ("broker", ["users/alice"], ["users", "groups", "proxy", "users/alice/tokens"]),
        ("mlflow", ["users/alice"], ["users", "groups", "proxy", "users/alice/tokens"]),
    ],
)
def test_services_have_their_roles(
    platform: Platform, service: str, allowed: list[str], refused: list[str]
) -> None:
    token = (platform.layout.secrets / f"service.{service}.token").read_text()
    client = httpx.Client(
        base_url=f"{platform.url}/hub/api/", headers={"Authorization": f"token {token}"}
    )
    for path in allowed:
        assert client.get(path).status_code == 200, path
    for path in refused:
        assert client.get(path).status_code in (403, 404), path


def test_the_broker_learns_who_is_an_administrator(platform: Platform) -> None:
    token = (platform.layout.secrets / "service.broker.token").read_text()
    headers = {"Authorization": f"token {token}"}
    for name, admin in (("admin", True), ("alice", False)):
        model = httpx.get(f"{platform.url}/hub/api/users/{name}", headers=headers).json()
        assert model["admin"] is admin
        assert model["groups"] == (["prix"] if name == "alice" else [])


def test_the_proxy_s_own_api_asks_for_its_password(platform: Platform) -> None:
    address = platform.layout.address("proxy-api")
    assert httpx.get(f"{address}/api/http/routers").status_code == 401
    assert httpx.get(f"{address}/ping").status_code == 200
    assert httpx.get(f"{platform.url}/ping", follow_redirects=False).status_code != 200


def test_a_session_that_dies_says_why_and_counts_for_nothing(platform: Platform) -> None:
    browser = platform.browser("bob")
    config = platform.layout.homes / "bob" / ".jupyter" / "jupyter_config.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    token = "f" * 40
    config.write_text(f'import sys\nsys.exit("no room left on the moon, token={token}")\n')
    started = browser.call("POST", "users/bob/server", json={"profile": "python"})
    assert started.status_code == 500, started.text
    message = started.json()["message"]
    assert "stopped while it started" in message and "no room left on the moon" in message
    assert token not in message
    page = browser.get("/hub/home")
    assert "no room left on the moon" in alert(page.text)
    assert browser.call("GET", "users/bob").json()["servers"] == {}
    config.unlink()
    again = browser.call("POST", "users/bob/server", json={"profile": "python"})
    assert again.status_code in (201, 202)
    wait_for(lambda: browser.server_ready("bob"), 60, "bob's session")
    browser.stop_server("bob")


def test_a_changed_password(platform: Platform) -> None:
    old = platform.password("leaver")
    browser, other = platform.browser("leaver"), platform.browser("leaver")
    form = {"_xsrf": form_token(browser.get("/hub/password").text), "current": old}
    wrong = browser.post("/hub/password", data={**form, "current": "no", "new": "a", "again": "a"})
    assert "current password is not right" in alert(wrong.text)
    short = browser.post("/hub/password", data={**form, "new": "short", "again": "short"})
    assert short.status_code == 400 and "at least 10" in alert(short.text)
    differ = browser.post("/hub/password", data={**form, "new": "a" * 12, "again": "b" * 12})
    assert "differ" in alert(differ.text)
    new = "quiet green harbour"
    done = browser.post("/hub/password", data={**form, "new": new, "again": new})
    assert "Your password is changed" in done.text
    assert "leaver" not in (platform.layout.secrets / "passwords.txt").read_text()
    assert browser.get("/hub/home").url.path == "/hub/home"
    assert other.get("/hub/home").url.path == "/hub/login"
    assert Browser(platform.url).log_in("leaver", old).status_code == 403
    assert Browser(platform.url).log_in("leaver", new).status_code == 200


def test_headers_of_pages(platform: Platform) -> None:
    headers = Browser(platform.url).get("/hub/login").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../settings.yaml", "..%2fsettings.yaml", "%2e%2e/settings.yaml", "../../README.md"]
)
def test_static_files_stay_in_their_folder(platform: Platform, path: str) -> None:
    answer = httpx.get(f"{platform.layout.address('hub')}/hub/static/nacelle/{path}")
    assert answer.status_code in (400, 403, 404)


def test_the_hub_s_log_holds_no_secret(platform: Platform) -> None:
    log = platform.hub_log.read_text()
    for file in platform.layout.secrets.iterdir():
        if file.name.endswith((".token", ".key", ".crypt", ".cookie", ".secret")):
            assert file.read_text().strip() not in log, file.name
    for line in (platform.layout.secrets / "passwords.txt").read_text().splitlines():
        assert line.rsplit(" ", 1)[1] not in log

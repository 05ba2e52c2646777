"""Who comes in, who does not, and what the door passes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from bs4 import BeautifulSoup

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.secrets import read_secret

from .running import ADMIN_TOKEN, Hub, until

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
HTML = "text/html; charset=UTF-8"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def carols_browser(hub: Hub) -> Iterator[httpx.Client]:
    """A browser after the hub's login led it back to MLflow."""
    with httpx.Client(
        base_url=hub.url, headers=PAGE, follow_redirects=True, trust_env=False, timeout=30
    ) as browser:
        login = browser.get("/services/mlflow/")
        form = BeautifulSoup(login.text, "html.parser").find("form")
        assert form is not None, login.text
        inputs = form.find_all("input", {"name": True})
        fields = {str(item["name"]): str(item.get("value", "")) for item in inputs}
        fields |= {"username": "carol", "password": "any"}
        page = browser.post(str(login.url.join(str(form["action"]))), data=fields)
        assert page.url.path == "/services/mlflow/", page.url
        assert "<title>MLflow</title>" in page.text
        yield browser


def test_without_a_token_a_client_is_refused(hub: Hub) -> None:
    address = hub.mlflow + SEARCH
    for headers in ({}, {"Authorization": "Bearer not-a-token"}, {"Authorization": "Basic YTpi"}):
        for method in ("GET", "POST"):
            answer = httpx.request(method, address, headers=headers, trust_env=False)
            assert answer.status_code == 401
            assert answer.json()["error_code"] == "UNAUTHENTICATED"


def test_a_wrong_token_never_leads_to_the_login_page(hub: Hub) -> None:
    headers = PAGE | {"Authorization": "Bearer not-a-token"}
    assert httpx.get(hub.mlflow + "/", headers=headers, trust_env=False).status_code == 401


def test_a_token_in_the_address_is_not_taken(hub: Hub) -> None:
    address = f"{hub.mlflow}{SEARCH}&token={hub.token('alice')}"
    assert httpx.get(address, trust_env=False).status_code == 401


def test_a_token_without_the_scope_is_refused(hub: Hub) -> None:
    token = hub.token("alice", ("read:users!user=alice",))
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(hub.mlflow + SEARCH, headers=headers, trust_env=False)
    assert answer.status_code == 403
    assert "access:services!service=mlflow" in answer.json()["message"]


def test_a_service_is_not_a_person(hub: Hub) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = httpx.get(hub.mlflow + SEARCH, headers=headers, trust_env=False)
    assert answer.status_code == 403


def test_a_token_that_was_withdrawn_is_refused(hub: Hub) -> None:
    with hub.client("bob") as client:
        assert client.get(SEARCH).status_code == 200
        for token in hub.hub_api("GET", "/users/bob/tokens").json()["api_tokens"]:
            hub.hub_api("DELETE", f"/users/bob/tokens/{token['id']}")
        until(lambda: client.get(SEARCH).status_code == 401, seconds=5)


def test_a_browser_is_led_to_the_login(hub: Hub) -> None:
    answer = httpx.get(hub.mlflow + "/", headers=PAGE, trust_env=False)
    assert answer.status_code == 302
    assert urlsplit(answer.headers["location"]).path == "/hub/api/oauth2/authorize"


def test_a_browser_logs_in_and_sees_its_own(carols_browser: httpx.Client) -> None:
    same = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Accept": "*/*"}
    api = "/services/mlflow/ajax-api"
    found = carols_browser.get(f"{api}/3.0/mlflow/workspaces", headers=same).json()
    assert [space["name"] for space in found["workspaces"]] == ["user-carol", "projet-prix"]
    made = carols_browser.post(
        f"{api}/2.0/mlflow/runs/create", headers=same, json={"experiment_id": "0"}
    )
    assert made.json()["run"]["info"]["user_id"] == "carol"
    assert "set-cookie" not in made.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_cookie_on_what_another_site_sent_is_refused(
    hub: Hub, carols_browser: httpx.Client, headers: dict[str, str]
) -> None:
    path = "/services/mlflow/ajax-api/2.0/mlflow/runs/create"
    body = {"experiment_id": "0"}
    assert carols_browser.post(path, headers=headers, json=body).status_code == 403
    own = {"Origin": hub.url}
    assert carols_browser.post(path, headers=own, json=body).status_code == 200


def test_mlflow_is_not_reachable_past_the_door(hub: Hub) -> None:
    key = read_secret(hub.layout, "mlflow.secret")
    token = {"Authorization": f"Bearer {hub.token('alice')}"}
    person = Person("alice")
    for headers in (
        {},
        token,
        {PROOF_HEADER: "alice"},
        {PROOF_HEADER: sign_proof(person, "mlflow", "0" * 64)},
        {PROOF_HEADER: sign_proof(person, "dashboard", key)},
    ):
        for path in ("/", SEARCH, "/api/3.0/mlflow/server-info", "/version", "/graphql"):
            answer = httpx.get(hub.direct + path, headers=headers, trust_env=False)
            assert answer.status_code == 401, path
    unprefixed = f"{hub.layout.address('mlflow')}/api/2.0/mlflow-artifacts/artifacts/x"
    assert httpx.get(unprefixed, trust_env=False).status_code == 401
    proof = {PROOF_HEADER: sign_proof(person, "mlflow", key)}
    assert httpx.get(unprefixed, headers=proof, trust_env=False).status_code == 404
    assert httpx.get(hub.direct + SEARCH, headers=proof, trust_env=False).status_code == 200


def test_an_old_proof_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("nacelle.credentials.identity.time.time", lambda: now - 120)
    proof = sign_proof(Person("alice"), "mlflow", read_secret(hub.layout, "mlflow.secret"))
    headers = {PROOF_HEADER: proof}
    assert httpx.get(hub.direct + SEARCH, headers=headers, trust_env=False).status_code == 401


def test_a_client_cannot_bring_its_own_proof(hub: Hub) -> None:
    forged = sign_proof(Person("alice"), "mlflow", "0" * 64)
    with hub.client("bob") as bob:
        made = bob.post(
            "/api/2.0/mlflow/runs/create",
            json={"experiment_id": "0"},
            headers={PROOF_HEADER: forged},
        )
        assert made.json()["run"]["info"]["user_id"] == "bob"


def test_what_is_not_offered_says_so(hub: Hub) -> None:
    with hub.client("alice") as alice:
        for method, path in (
            ("POST", "/api/2.0/mlflow/webhooks"),
            ("GET", "/api/3.0/mlflow/gateway/secrets/list"),
            ("POST", "/ajax-api/3.0/mlflow/gateway-proxy"),
            ("POST", "/v1/traces"),
            ("GET", "/api/2.0/mlflow/users/get"),
            ("POST", "/api/2.0/mlflow-artifacts/mpu/create/x"),
            ("GET", "/something/of/a/later/version"),
        ):
            answer = alice.request(method, path)
            assert answer.status_code == 403, path
            assert "not offered" in answer.json()["message"]


@pytest.mark.parametrize(
    ("accepted", "language", "sentence", "back"),
    [
        ("en-GB", "en", "This is not offered on this platform", "Back to the home page"),
        (
            "fr-FR,en;q=0.5",
            "fr",
            "Ceci n'est pas proposé sur cette plateforme",
            "Retour à l'accueil",
        ),
    ],
)
def test_a_browser_gets_a_page_where_mlflow_refuses(
    hub: Hub, accepted: str, language: str, sentence: str, back: str
) -> None:
    with hub.client("alice") as alice:
        answer = alice.get("/nix", headers=PAGE | {"Accept-Language": accepted})
        page = BeautifulSoup(answer.text, "html.parser")
        assert (answer.status_code, answer.headers["content-type"]) == (403, HTML)
        assert page.html is not None and page.html["lang"] == language
        assert sentence in page.get_text()
        assert "GET /nix is not offered" in page.find(lang="en", name="p").get_text()  # type: ignore[union-attr]
        link = page.find("a")
        assert link is not None and (link["href"], link.get_text()) == ("/hub/home", back)
        assert answer.headers["x-request-id"] in page.get_text()
        # Programs are answered as before.
        assert "not offered" in alice.get("/nix").json()["message"]


def test_the_door_s_own_refusal_is_in_the_reader_s_language(hub: Hub) -> None:
    headers = PAGE | {"Authorization": "Bearer not-a-token"}
    for accepted, sentence in (("fr", "Le hub ne connaît pas ce jeton"), ("en", "does not know")):
        answer = httpx.get(
            hub.mlflow + "/", headers=headers | {"Accept-Language": accepted}, trust_env=False
        )
        assert (answer.status_code, answer.headers["content-type"]) == (401, HTML)
        assert f"<html lang={accepted}>" in answer.text and sentence in answer.text


def test_the_door_says_that_it_is_well(hub: Hub) -> None:
    answer = httpx.get(hub.mlflow + "/health", trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_logged_page_does_not_run_as_one_of_the_platform(hub: Hub) -> None:
    path = "/api/2.0/mlflow-artifacts/artifacts/page.html"
    with hub.client("alice") as alice:
        alice.put(path, content=b"<script>alert(1)</script>").raise_for_status()
        answer = alice.get(path)
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"

"""The page of secrets over a real hub, the broker's routes and a real OpenBao."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup
from hubrig import Browser, Platform
from secretsrig import Broker, SecretsPlatform, running
from test_hub_look import SAME, rendered, texts

from nacelle.credentials.secret_wire import SCOPE
from nacelle.jobs.engine.hub import HubClient
from nacelle.local.parts import service_environment
from nacelle.secrets import SERVICES, read_secret
from tests.support.person import Person
from tests.support.waiting import wait_for

VALUE = "value-that-stands-nowhere-else"
OPENING = [("POST", "/session", {}), ("POST", "/git/login", {"host": "git.example.org"})]
ASKING = [
    *OPENING,
    ("GET", "", None),
    ("POST", "/session/renew", {"token": "x"}),
    ("PUT", "/environment/API_KEY", {"value": "x"}),
    ("DELETE", "/environment/API_KEY", None),
    ("PUT", "/git", {"name": "", "mail": ""}),
    ("PUT", "/git/hosts/git.example.org", {"username": "u", "token": "x"}),
    ("DELETE", "/git/hosts/git.example.org", None),
]


@pytest.fixture(scope="module")
def secrets(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[SecretsPlatform, Broker]]:
    with running(tmp_path_factory.mktemp("secrets")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(secrets: tuple[SecretsPlatform, Broker]) -> SecretsPlatform:
    return secrets[0]


@pytest.fixture(scope="module")
def broker(secrets: tuple[SecretsPlatform, Broker]) -> Broker:
    return secrets[1]


@pytest.fixture
def alice(hub: SecretsPlatform) -> Browser:
    return hub.browser("alice")


def page(answer: httpx.Response, status: int = 200) -> BeautifulSoup:
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return BeautifulSoup(answer.text, "html.parser")


def send(browser: Browser, status: int = 200, **fields: str) -> BeautifulSoup:
    return page(browser.post("/hub/secrets", data={"_xsrf": browser.xsrf, **fields}), status)


def said(soup: BeautifulSoup) -> str:
    alert = soup.find(attrs={"role": "alert"})
    assert alert is not None, soup.text
    return alert.text


def listed(soup: BeautifulSoup) -> list[str]:
    return [code.text for code in soup.select("table.stack td code")]


def ask(broker: Broker, token: str, method: str, path: str, body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(
        method, f"{broker.url}/secrets{path}", headers=headers, json=body, timeout=30
    )


def test_a_secret_from_keeping_to_its_end(hub: SecretsPlatform, alice: Browser) -> None:
    empty = page(alice.get("/hub/secrets"))
    assert "There is none yet" in empty.text and listed(empty) == []
    assert empty.select_one('nav a[aria-current="page"]').text == "Secrets"  # type: ignore[union-attr]
    kept = send(alice, do="keep", name="API_KEY", value=f" {VALUE} \r\n")
    assert listed(kept) == ["API_KEY"] and "Done" in kept.text
    assert hub.bao.read("alice/environment/API_KEY") == {"value": VALUE}
    token = send(alice, do="keep-login", host="Git.Example.org", username="a", token=VALUE)
    assert listed(token) == ["API_KEY", "git.example.org"]
    assert hub.bao.read("alice/git/hosts/git.example.org") == {"username": "a", "token": VALUE}
    # Neither the answers, nor the page later, nor the address hold it.
    for shown in (kept, token, page(alice.get("/hub/secrets"))):
        assert VALUE not in str(shown)
    named = send(alice, do="identity", name="Alice É.", mail="alice@example.org")
    assert named.find(id="git-name")["value"] == "Alice É."  # type: ignore[index]
    gone = send(alice, do="drop", name="API_KEY")
    assert listed(gone) == ["git.example.org"]
    assert listed(send(alice, do="drop-login", host="git.example.org")) == []
    assert hub.bao.read("alice/environment/API_KEY") is None


def test_the_address_after_a_form_holds_no_value(hub: SecretsPlatform, alice: Browser) -> None:
    fields = {"_xsrf": alice.xsrf, "do": "keep", "name": "API_KEY", "value": VALUE}
    answer = alice.post("/hub/secrets", data=fields, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/hub/secrets?done=keep"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../bob/environment/X", "cannot be the name"),
        ("..", "cannot be the name"),
        ("A\nB", "cannot be the name"),
        ("A%0AB", "cannot be the name"),
        ("", "cannot be the name"),
        ("<script>", "cannot be the name"),
        ("PATH", "uses itself"),
        ("LD_PRELOAD", "uses itself"),
        ("AWS_SECRET_ACCESS_KEY", "uses itself"),
        ("JUPYTERHUB_API_TOKEN", "uses itself"),
        ("NACELLE_BROKER_URL", "uses itself"),
        ("PYTHONPATH", "uses itself"),
    ],
)
def test_names_that_steer_or_climb_are_refused(alice: Browser, name: str, words: str) -> None:
    before = listed(page(alice.get("/hub/secrets")))
    refused = send(alice, 400, do="keep", name=name, value=VALUE)
    assert words in said(refused) and VALUE not in str(refused)
    assert refused.find(id="name")["value"] == name.replace("\n", "\r\n").strip() or "\n" in name  # type: ignore[index]
    assert not refused.select("main script") and listed(refused) == before
    send(alice, 400, do="drop", name=name)


def test_other_refusals_are_sentences(alice: Browser) -> None:
    assert "Write the value" in said(send(alice, 400, do="keep", name="API_KEY", value=" \n"))
    long = send(alice, 400, do="keep", name="API_KEY", value="x" * 17_000)
    assert "too long" in said(long) and "x" * 100 not in str(long)
    assert "no e-mail" in said(send(alice, 400, do="identity", name="A", mail="nobody"))
    typed = send(alice, 400, do="keep-login", host="a b", username="me", token=VALUE)
    assert "no Git server" in said(typed) and VALUE not in str(typed)
    assert typed.find(id="host")["value"] == "a b"  # type: ignore[index]
    assert typed.find(id="username")["value"] == "me"  # type: ignore[index]
    assert "another version" in said(send(alice, 400, do="everything"))


def test_everybody_has_their_own(hub: SecretsPlatform, alice: Browser) -> None:
    send(alice, do="keep", name="ALICE_S", value=VALUE)
    for name in ("bob", "admin"):
        other = hub.browser(name)
        assert "ALICE_S" not in page(other.get("/hub/secrets")).text
        send(other, do="drop", name="ALICE_S")
    assert "ALICE_S" in listed(page(alice.get("/hub/secrets")))


def test_forms_of_other_sites_are_refused(alice: Browser) -> None:
    before = listed(page(alice.get("/hub/secrets")))
    for fields in ({}, {"_xsrf": "forged"}):
        for action in ("keep", "drop", "identity", "keep-login", "drop-login"):
            data = {"do": action, "name": "FORGED", "value": "x", "host": "evil.example", **fields}
            answer = alice.post("/hub/secrets", data=data)
            assert answer.status_code == 403
    assert listed(page(alice.get("/hub/secrets"))) == before


def test_a_link_changes_nothing(alice: Browser) -> None:
    before = listed(page(alice.get("/hub/secrets")))
    after = page(alice.get("/hub/secrets?do=keep&name=LINKED&value=x&done=%3Cscript%3E"))
    assert listed(after) == before and not after.select("main script")
    # The query of a form's address is no form.
    answer = alice.post("/hub/secrets?do=keep&name=LINKED&value=x", data={"_xsrf": alice.xsrf})
    assert answer.status_code == 400


def test_strangers_are_sent_to_the_login(hub: SecretsPlatform) -> None:
    assert hub.browser().get("/hub/secrets").url.path == "/hub/login"


def test_a_run_s_token_opens_no_secrets(
    hub: SecretsPlatform, broker: Broker, alice: Browser
) -> None:
    send(alice, do="keep", name="API_KEY", value=VALUE)
    token = read_secret(hub.layout, "service.jobs-engine.token")

    async def mint() -> str:
        engine = HubClient(service_environment(hub.layout, "jobs-engine", token))
        try:
            return (await engine.mint("alice", "0" * 32, 600)).text
        finally:
            await engine.close()

    run = asyncio.run(mint())
    headers = {"Authorization": f"token {run}"}
    whose = httpx.get(f"{hub.url}/hub/api/user", headers=headers).json()
    assert whose["name"] == "alice" and not any("custom:" in one for one in whose["scopes"])
    for method, path, body in ASKING:
        answer = ask(broker, run, method, path, body)
        assert answer.status_code == 403 and VALUE not in answer.text, path
        assert "a session's may" in answer.json()["message"]


def test_services_open_no_secrets(hub: SecretsPlatform, broker: Broker) -> None:
    for service in SERVICES:
        token = read_secret(hub.layout, f"service.{service}.token")
        for method, path, body in ASKING:
            assert ask(broker, token, method, path, body).status_code == 403, service


def test_only_tokens_with_the_right_open_secrets(broker: Broker, alice: Browser) -> None:
    send(alice, do="keep", name="API_KEY", value=VALUE)
    narrow = ["access:services!service=broker", "access:services", "self", "inherit", SCOPE]
    for scope in narrow:
        made = alice.call("POST", "users/alice/tokens", json={"scopes": [scope]})
        if made.status_code != 201:
            # Nobody may give what they do not have.
            assert scope == "access:services"
            continue
        answer = ask(broker, made.json()["token"], "POST", "/session", {})
        assert answer.status_code == (200 if scope in ("inherit", SCOPE) else 403), scope
        assert (VALUE in answer.text) == (answer.status_code == 200)
    gone = alice.call("POST", "users/alice/tokens").json()
    assert ask(broker, gone["token"], "POST", "/session", {}).status_code == 200
    alice.call("DELETE", f"users/alice/tokens/{gone['id']}")
    wait_for(
        lambda: ask(broker, gone["token"], "POST", "/session", {}).status_code == 401,
        20,
        "the end of a revoked token",
    )


def test_a_session_has_its_secrets_and_nothing_else_has(
    hub: SecretsPlatform, broker: Broker, alice: Browser
) -> None:
    send(alice, do="keep", name="API_KEY", value=VALUE)
    send(alice, do="keep", name="PEM", value="a\r\nb\r\n")
    send(alice, do="identity", name="Alice É.", mail="")
    send(alice, do="keep-login", host="git.example.org", username="alice", token="git-" + VALUE)
    person = Person(hub.url, "alice", hub.password("alice"))
    try:
        kernel = person.start_server(profile="python").kernel()
        assert kernel.run("import os; print(os.environ['API_KEY'])").strip() == VALUE
        assert kernel.run("print(repr(os.environ['PEM']))").strip() == "'a\\nb\\n'"
        names = kernel.run(
            "import httpx; found = httpx.get(os.environ['VAULT_ADDR'] + '/v1/' +"
            " os.environ['VAULT_MOUNT'] + '/data/' + os.environ['VAULT_TOP_DIR'] +"
            " '/environment/API_KEY', headers={'X-Vault-Token': os.environ['VAULT_TOKEN']});"
            " print(found.json()['data']['data']['value'] == os.environ['API_KEY'])"
        )
        assert names.strip() == "True"
        assert kernel.run("!git config user.name").strip() == "Alice É."
        assert "alice@example.org" in kernel.run("!git config user.email")
        filled = kernel.run(
            "!printf 'protocol=https\\nhost=git.example.org\\n' | git credential fill"
        )
        assert f"password=git-{VALUE}" in filled
        server = alice.call("GET", "users/alice?include_stopped_servers").text
        processes = kernel.run("!ps axww -o args")
    finally:
        person.stop_server()
        person.close()
    assert VALUE not in server and VALUE not in processes
    assert "secrets given" in broker.log.read_text()
    # Neither the hub's database, nor a log, nor anything in the home holds it.
    for file in [*hub.layout.data.rglob("*"), hub.hub_log, broker.log]:
        if file.is_file() and not file.is_symlink():
            assert VALUE.encode() not in file.read_bytes(), file


def test_a_broker_that_is_away_is_told(broker: Broker, alice: Browser) -> None:
    broker.stop()
    try:
        away = page(alice.get("/hub/secrets"), 503)
        assert "does not answer" in said(away) and not away.select("main form")
        lost = send(alice, 503, do="keep", name="API_KEY", value=VALUE)
        assert "does not answer" in said(lost) and VALUE not in str(lost)
    finally:
        broker.start()
    wait_for(lambda: alice.get("/hub/secrets").status_code == 200, 20, "the page")


def test_french(hub: SecretsPlatform) -> None:
    camille = hub.browser("camille", "fr")
    shown = page(camille.get("/hub/secrets"))
    assert "Garder un secret" in shown.text
    assert "utilise lui-même" in said(send(camille, 400, do="keep", name="PATH", value="x"))
    assert "Écrivez la valeur" in said(send(camille, 400, do="keep", name="A", value=" "))
    assert "C'est fait" in send(camille, do="keep", name="CLEF", value="x").text


def test_without_a_vault_there_is_no_page(platform: Platform) -> None:
    alice = platform.browser("alice")
    assert alice.get("/hub/secrets").status_code == 404
    assert "/hub/secrets" not in alice.get("/hub/home").text
    assert SCOPE not in alice.call("GET", "user").json()["scopes"]


@pytest.mark.parametrize("done", ["", "keep", "identity", "drop-login"])
@pytest.mark.parametrize("filled", [False, True])
def test_no_english_stays_on_the_french_page(done: str, filled: bool) -> None:
    entries = [{"name": "API_KEY", "changed": None}] if filled else []
    names = {
        "done": done,
        "secrets": entries,
        "hosts": [one | {"name": "git.example.org"} for one in entries],
        "git": {"name": "Ann", "mail": ""},
        "folder": "nacelle/ann",
        "mount": "kv",
    }
    english, french = (texts(rendered("secrets.html", one, **names)) for one in ("en", "fr"))
    assert french & english <= SAME | {"API_KEY", "git.example.org"}

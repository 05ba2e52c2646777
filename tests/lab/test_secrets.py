"""How a session gets its person's secrets: the numbered cases of nacelle.lab.secrets and of
nacelle.lab.secrets_git, beside a real OpenBao and the real Git."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from nacelle.lab import secrets
from nacelle.lab.secrets import REPORT, Keeper, start_secrets
from nacelle.lab.secrets_git import GitIdentity, add_helper
from nacelle.lab.secrets_helper import answer
from tests.support.secrets_broker import People, SecretsBroker, vault_settings
from tests.support.vault import OpenBao
from tests.support.waiting import free_base, wait_for

VALUE = "value-that-stands-nowhere-else"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with OpenBao(tmp_path_factory.mktemp("bao")) as running:
        yield running


@pytest.fixture(scope="module")
def broker(bao: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretsBroker]:
    settings = vault_settings(tmp_path_factory.mktemp("broker"), bao.url)
    with SecretsBroker(settings, People, bao) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose configuration of Git is its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return tmp_path


def session(broker: SecretsBroker, name: str, **more: str) -> dict[str, str]:
    return {**broker.environ(name), "NACELLE_SECRETS": "1", **more}


def git_says(key: str) -> str:
    done = subprocess.run(["git", "config", "--global", key], capture_output=True, text=True)
    return done.stdout.strip()


def test_case_1_where_there_are_no_secrets_nothing_is_asked(home: Path) -> None:
    environ = {"NACELLE_BROKER_URL": "http://127.0.0.1:9", "JUPYTERHUB_API_TOKEN": "x"}
    assert start_secrets(environ, home) is None
    assert set(environ) == {"NACELLE_BROKER_URL", "JUPYTERHUB_API_TOKEN"}
    assert not list(home.iterdir())


def test_case_2_secrets_are_variables_and_names_that_steer_are_not(
    broker: SecretsBroker, bao: OpenBao, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bao.write("ann/environment/API_KEY", {"value": VALUE})
    bao.write("ann/git/identity", {"name": "Ann É.", "mail": "ann@example.org"})
    environ = session(broker, "ann", GIT_USER_NAME="ann", GIT_USER_MAIL="ann@localhost")
    keeper = start_secrets(environ, home)
    assert keeper is not None
    keeper.stop()
    assert environ["API_KEY"] == VALUE
    assert environ["VAULT_ADDR"] == bao.url and environ["VAULT_MOUNT"] == "kv"
    assert environ["VAULT_TOP_DIR"] == "nacelle/ann" and "VAULT_CACERT" not in environ
    headers = {"X-Vault-Token": environ["VAULT_TOKEN"]}
    path = f"{bao.url}/v1/kv/data/{environ['VAULT_TOP_DIR']}/environment/API_KEY"
    assert httpx.get(path, headers=headers).json()["data"]["data"] == {"value": VALUE}
    assert environ["GIT_USER_NAME"] == git_says("user.name") == "Ann É."
    assert environ["GIT_USER_MAIL"] == git_says("user.email") == "ann@example.org"
    # A broker that gave such a name would not get it into the session either.
    steering = {"environment": {"LD_PRELOAD": "/x", "A\nB": "v", "OK": "v", "NUL": "a\0b"}}
    access = {"address": "a", "mount": "m", "top_dir": "t", "ca_file": None, "token": "t"}
    body = steering | {"git": {"name": "", "mail": ""}, "vault": access | {"seconds": 60}}
    found = secrets.SessionSecrets.from_wire(body)
    assert found.to_wire() == body
    assert set(secrets.variables(found)) == {"OK", *found.vault.to_env()}
    here = access | {"ca_file": str(home / ".gitconfig"), "seconds": 60}
    trusted = secrets.SessionSecrets.from_wire(body | {"vault": here})
    assert secrets.variables(trusted)["VAULT_CACERT"] == here["ca_file"]
    assert "/x" not in repr(found) and "token='t'" not in repr(found)


def test_case_3_the_token_renews_and_is_replaced_when_it_ended(
    broker: SecretsBroker, bao: OpenBao, home: Path
) -> None:
    environ = session(broker, "ben")
    keeper = Keeper(environ, home)
    assert keeper.step() == 1800
    first = environ["VAULT_TOKEN"]
    keeper.step()
    assert environ["VAULT_TOKEN"] == first
    headers = {"X-Vault-Token": first}
    httpx.post(f"{bao.url}/v1/auth/token/revoke-self", headers=headers).raise_for_status()
    keeper.step()
    assert environ["VAULT_TOKEN"] != first


def test_case_3_a_token_outlives_its_first_life(
    broker: SecretsBroker, bao: OpenBao, home: Path
) -> None:
    bao.change_role(token_period=2)
    try:
        environ = session(broker, "ben")
        keeper = start_secrets(environ, home)
        token = environ["VAULT_TOKEN"]
        headers = {"X-Vault-Token": token}

        def look() -> dict[str, int]:
            found = httpx.get(f"{bao.url}/v1/auth/token/lookup-self", headers=headers)
            assert found.status_code == 200, found.text
            data: dict[str, int] = found.json()["data"]
            return data

        made = look()["creation_time"]
        wait_for(lambda: look().get("last_renewal_time", 0) >= made + 4, 20, "two more lives")
        assert environ["VAULT_TOKEN"] == token
        assert keeper is not None
        keeper.stop()
    finally:
        bao.change_role(token_period=3600)


def test_case_3_a_token_near_the_end_of_all_renewing_is_replaced(
    broker: SecretsBroker, bao: OpenBao, home: Path
) -> None:
    environ = session(broker, "ben")
    keeper = Keeper(environ, home)
    keeper.step()
    first = environ["VAULT_TOKEN"]
    # As after most of its life: what is left of it is short.
    keeper._life = 10_000
    keeper.step()
    assert environ["VAULT_TOKEN"] != first


def test_case_4_a_broker_that_is_away_leaves_the_session_usable(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "PAUSE_SECONDS", 0.1)
    folder = tmp_path_factory.mktemp("late")
    bao = OpenBao(folder)
    late = SecretsBroker(vault_settings(folder, bao.url), People, bao)
    environ = session(late, "cid")
    keeper = start_secrets(environ, home)
    assert keeper is not None and "API_KEY" not in environ
    assert "does not answer" in (home / REPORT).read_text()
    with bao, late:
        bao.write("cid/environment/LATER", {"value": VALUE})
        wait_for(lambda: "VAULT_TOKEN" in environ, 20, "the secrets")
        wait_for(lambda: not (home / REPORT).exists(), 20, "the end of the report")
        keeper.stop()


def test_case_5_what_is_refused_is_not_asked_again(broker: SecretsBroker, home: Path) -> None:
    environ = session(broker, "service:mlflow")
    assert Keeper(environ, home).step() is None
    assert "services keep no secrets" in (home / REPORT).read_text()


def test_case_4_something_else_in_the_broker_s_place(home: Path) -> None:
    """Such as the page of an office's proxy, with status 200."""
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        environ = {"NACELLE_BROKER_URL": url, "JUPYTERHUB_API_TOKEN": "x", "NACELLE_SECRETS": "1"}
        keeper = start_secrets(environ, home)
        assert keeper is not None
        keeper.stop()
        assert "something else answers" in (home / REPORT).read_text()
        keeper._token = "a token in use"
        assert keeper.step() == secrets.PAUSE_SECONDS
        assert answer(["protocol=https\n", "host=git.example.org\n"], environ) == ""
        server.shutdown()


def test_case_6_a_home_that_cannot_be_written(
    broker: SecretsBroker, bao: OpenBao, home: Path
) -> None:
    bao.write("eva/environment/API_KEY", {"value": VALUE})
    # Whatever stands in its way: root, under whom tests may run, can write all folders.
    (home / ".local").touch()
    environ = session(broker, "eva")
    keeper = start_secrets(environ, home)
    assert keeper is not None
    keeper.stop()
    assert environ["API_KEY"] == VALUE
    first = environ["VAULT_TOKEN"]
    assert keeper.step() == 1800 and environ["VAULT_TOKEN"] == first


class Page(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Log in to the proxy</html>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("mine", [None, "Myself"])
def test_git_cases_1_to_3(home: Path, mine: str | None) -> None:
    login = {"GIT_USER_NAME": "ann", "GIT_USER_MAIL": "ann@localhost"}
    # As the platform does it when a server starts.
    subprocess.run(["git", "config", "--global", "user.name", mine or "ann"], check=True)
    environ = dict(login)
    GitIdentity(environ, home).take("Ann É.", "")
    assert git_says("user.name") == (mine or "Ann É.")
    assert environ["GIT_USER_NAME"] == "Ann É." and environ["GIT_USER_MAIL"] == "ann@localhost"
    environ = dict(login)
    GitIdentity(environ, home).take("Ann Other", "")
    assert git_says("user.name") == (mine or "Ann Other")
    environ = dict(login)
    GitIdentity(environ, home).take("", "")
    assert git_says("user.name") == (mine or "ann")


def test_the_helper_comes_after_the_person_s_own(home: Path) -> None:
    environ = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.editor",
        "GIT_CONFIG_VALUE_0": "true",
    }
    add_helper(environ)
    assert environ["GIT_CONFIG_COUNT"] == "2"
    assert environ["GIT_CONFIG_KEY_1"] == "credential.helper"
    broken = {"GIT_CONFIG_COUNT": "many"}
    add_helper(broken)
    assert broken == {"GIT_CONFIG_COUNT": "many"}


def fill(environ: dict[str, str], folder: Path, question: str) -> str:
    """What Git itself finds out to send to a server."""
    done = subprocess.run(
        ["git", "credential", "fill"],
        input=question,
        env=environ | {"HOME": str(folder), "PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_git_gets_its_token_and_others_do_not(
    broker: SecretsBroker, bao: OpenBao, home: Path
) -> None:
    bao.write("dot/git/hosts/git.example.org", {"username": "dot", "token": VALUE})
    environ = session(broker, "dot")
    add_helper(environ)
    # A repository may hold what Python would import, were it asked to look there.
    for name in ("httpx.py", "nacelle.py", "sitecustomize.py"):
        (home / name).write_text(f"open({str(home / 'stolen')!r}, 'w')")
    filled = fill(environ, home, "protocol=https\nhost=git.example.org\n\n")
    assert "username=dot\n" in filled and f"password={VALUE}\n" in filled
    assert not (home / "stolen").exists()
    for question in (
        "protocol=http\nhost=git.example.org\n\n",
        "protocol=https\nhost=git.example.org.evil.example\n\n",
        "protocol=https\nhost=git.example.org:8443\n\n",
        "protocol=https\nhost=evil.example\n\n",
        "protocol=https\nhost=git.example.org\nusername=other\n\n",
    ):
        assert VALUE not in fill(environ, home, question), question
    assert VALUE not in json.dumps(environ)
    # Changed on the page, used at once.
    bao.write("dot/git/hosts/git.example.org", {"username": "dot", "token": "another"})
    assert "password=another\n" in fill(environ, home, "url=https://git.example.org/x.git\n\n")


@pytest.mark.parametrize(
    "lines", [[], ["host=git.example.org\n"], ["protocol=https\n"], ["protocol=https\n", "host=\n"]]
)
def test_half_questions_have_no_answer(lines: list[str]) -> None:
    assert answer(lines, {}) == ""


def test_a_broker_that_is_away_is_said_to_whoever_uses_git(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = {
        "NACELLE_BROKER_URL": f"http://127.0.0.1:{free_base(1)}",
        "JUPYTERHUB_API_TOKEN": "token-that-nobody-sees",
    }
    assert answer(["protocol=https\n", "host=git.example.org\n"], away) == ""
    said = capsys.readouterr().err
    assert "does not answer" in said and "token-that-nobody-sees" not in said

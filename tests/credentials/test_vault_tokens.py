"""The vault's tokens that the broker handles, what it logs, and a vault that is away or set up
otherwise; beside a real OpenBao set up by the guide's own commands."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nacelle.credentials.vault import AUDIENCE
from tests.credentials.vault_callers import VALUE, page, session
from tests.support.secrets_broker import People, SecretsBroker, vault_settings
from tests.support.vault import OpenBao


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with OpenBao(tmp_path_factory.mktemp("bao")) as running:
        yield running


@pytest.fixture(scope="module")
def broker(bao: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretsBroker]:
    settings = vault_settings(tmp_path_factory.mktemp("broker"), bao.url, token_life=600)
    with SecretsBroker(settings, People, bao) as running:
        yield running


def test_no_token_of_the_vault_is_left_behind(broker: SecretsBroker, bao: OpenBao) -> None:
    before = set(bao.accessors())
    page(broker, "ann").ask("GET", "")
    page(broker, "ann").keep("PRIVATE", VALUE)
    page(broker, "ann").keep("PATH", VALUE, 400)
    assert set(bao.accessors()) == before
    session(broker, "ann").ask("POST", "/session")
    assert len(set(bao.accessors()) - before) == 1


def test_a_session_s_token_lives_and_renews(broker: SecretsBroker, bao: OpenBao) -> None:
    ann = session(broker, "ann")
    access = ann.ask("POST", "/session")["vault"]
    assert access["address"] == bao.url and access["top_dir"] == "nacelle/ann"
    assert access["mount"] == "kv" and access["seconds"] == 3600  # the role's period
    renewed = ann.ask("POST", "/session/renew", {"token": access["token"]})
    assert renewed == {"token": access["token"], "seconds": 3600}
    # Ended, not a token, none: another one.
    headers = {"X-Vault-Token": access["token"]}
    httpx.post(f"{bao.url}/v1/auth/token/revoke-self", headers=headers).raise_for_status()
    for token in (access["token"], "x", "", None, 7):
        another = ann.ask("POST", "/session/renew", {"token": token})
        assert another["token"] not in (access["token"], token)


def test_the_settings_life_holds_where_the_role_leaves_it(
    broker: SecretsBroker, bao: OpenBao
) -> None:
    bao.change_role(token_period=0, token_ttl=120, token_max_ttl=0)
    try:
        ann = session(broker, "ann")
        access = ann.ask("POST", "/session")["vault"]
        assert access["seconds"] == 600
    finally:
        bao.change_role(token_period=3600, token_ttl=0, token_max_ttl=0)


def test_a_vault_that_is_set_up_otherwise_is_told_and_logged(
    broker: SecretsBroker, bao: OpenBao, caplog: pytest.LogCaptureFixture
) -> None:
    bao.change_role(bound_audiences=["somebody-else"])
    try:
        with caplog.at_level(logging.INFO):
            body = session(broker, "ann").keep("API_KEY", VALUE, status=502)
    finally:
        bao.change_role(bound_audiences=[AUDIENCE])
    assert "tell an administrator" in body["message"]
    (line,) = (one for one in caplog.records if one.getMessage() == "the vault refuses")
    assert "audience" in str(vars(line)["reasons"])
    assert VALUE not in caplog.text + str([vars(one) for one in caplog.records])


def test_nothing_kept_stands_in_a_log(
    broker: SecretsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    ann = session(broker, "ann")
    with caplog.at_level(logging.DEBUG):
        ann.keep("API_KEY", VALUE)
        ann.ask("PUT", "/git/hosts/git.example.org", {"username": "u", "token": VALUE}, 204)
        token = ann.ask("POST", "/session")["vault"]["token"]
        ann.ask("POST", "/git/login", {"host": "git.example.org"})
        ann.ask("POST", "/session/renew", {"token": token})
    ours = [one for one in caplog.records if one.name.startswith(("nacelle", "httpx"))]
    written = str([(one.getMessage(), vars(one)) for one in ours])
    assert "secret kept" in written and "user:ann" in written
    assert VALUE not in written and token not in written and "eyJ" not in written


def test_a_vault_that_is_away_is_told_in_words(tmp_path: Path) -> None:
    settings = vault_settings(tmp_path, "http://127.0.0.1:9")
    with SecretsBroker(settings, People) as alone:
        body = session(alone, "ann").ask("GET", "", status=503)
        assert "does not answer" in body["message"] and "ne répond pas" in body["said"]["fr"]


def test_a_sealed_vault_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "bao").mkdir()
    with (
        OpenBao(tmp_path / "bao") as bao,
        SecretsBroker(vault_settings(tmp_path, bao.url), People, bao) as alone,
    ):
        ann = session(alone, "ann")
        ann.keep("API_KEY", VALUE)
        assert bao.root.post("/sys/seal").status_code == 204
        ann.ask("GET", "", status=503)


def test_a_vault_with_an_authority_of_its_own_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "bao").mkdir()
    with OpenBao(tmp_path / "bao", tls=True) as bao:
        named = vault_settings(tmp_path, bao.url, ca_file=str(bao.ca_file))
        with SecretsBroker(named, People, bao) as trusting:
            session(trusting, "ann").keep("API_KEY", VALUE)
            access = session(trusting, "ann").ask("POST", "/session")["vault"]
            assert access["ca_file"] == str(bao.ca_file)
        with SecretsBroker(vault_settings(tmp_path, bao.url), People) as doubting:
            session(doubting, "ann").ask("GET", "", status=503)


def test_without_a_vault_there_are_no_routes(tmp_path: Path) -> None:
    settings = vault_settings(tmp_path, "http://127.0.0.1:9")
    without = settings.model_copy(update={"vault": type(settings.vault)()})
    with SecretsBroker(without, People) as alone:
        assert httpx.get(f"{alone.url}/secrets").status_code == 404


def test_the_vault_s_own_program_uses_what_a_session_gets(
    broker: SecretsBroker, bao: OpenBao, tmp_path: Path
) -> None:
    from nacelle.credentials.secret_client import fetch_secrets

    names = fetch_secrets(broker.environ("ann")).vault.to_env()
    # OpenBao's program knows the names of Vault's.
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), **names}
    path = f"{names['VAULT_TOP_DIR']}/environment/BY_HAND"
    for words in (("put", f"-mount={names['VAULT_MOUNT']}", path, "value=-"), ("get", path)):
        mount = () if words[0] == "put" else (f"-mount={names['VAULT_MOUNT']}",)
        done = subprocess.run(
            [str(bao._program), "kv", words[0], *mount, *words[1:]],
            input="typed",
            env=environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert session(broker, "ann").environment()["BY_HAND"] == "typed"

"""Secrets through the broker, in a real OpenBao set up by the guide's own commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.credentials.issuer import Identity
from nacelle.credentials.secret_names import LONGEST_VALUE, MOST_SECRETS
from nacelle.credentials.vault import AUDIENCE, FOLDER
from nacelle.storage.slug import slug
from tests.credentials.vault_callers import VALUE, Caller, page, session
from tests.support.secrets_broker import People, SecretsBroker, vault_settings
from tests.support.vault import OpenBao

# Names of people that mean something in paths, policies or to vaults.
TWINS = ["Ann", "ann/environment", "*", "+", "ann*", "../ann", "ann.", "ann\n", "é", "user:ann"]


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with OpenBao(tmp_path_factory.mktemp("bao")) as running:
        yield running


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def broker(
    bao: OpenBao, people: People, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecretsBroker]:
    settings = vault_settings(tmp_path_factory.mktemp("broker"), bao.url, token_life=600)
    with SecretsBroker(settings, lambda: people, bao) as running:
        yield running


def test_a_secret_from_keeping_to_its_end(broker: SecretsBroker, bao: OpenBao) -> None:
    ann = session(broker, "ann")
    ann.keep("API_KEY", f"  {VALUE}\n")
    told = ann.ask("GET", "")
    assert [one["name"] for one in told["secrets"]] == ["API_KEY"]
    assert VALUE not in str(told) and told["secrets"][0]["changed"].startswith("20")
    assert ann.environment() == {"API_KEY": VALUE}
    assert bao.read("ann/environment/API_KEY") == {"value": VALUE}
    ann.keep("API_KEY", "another")
    assert ann.environment() == {"API_KEY": "another"}
    ann.ask("DELETE", "/environment/API_KEY", status=204)
    assert ann.environment() == {} and ann.ask("GET", "")["secrets"] == []
    # No version is left behind.
    assert bao.root.get("/kv/data/nacelle/ann/environment/API_KEY?version=1").status_code == 404


def test_several_lines_stay_and_end_with_one_line_end(broker: SecretsBroker) -> None:
    dan = session(broker, "dan")
    dan.keep("PEM", "\r\n-----BEGIN-----\r\n  x\r\n-----END-----\r\n\r\n")
    assert dan.environment() == {"PEM": "-----BEGIN-----\n  x\n-----END-----\n"}


def test_nobody_reads_another_s_secrets(broker: SecretsBroker, bao: OpenBao) -> None:
    session(broker, "ann").keep("PRIVATE", VALUE)
    bob = session(broker, "bob")
    assert bob.environment() == {} and bob.ask("GET", "")["secrets"] == []
    # The token of bob's session, straight at the vault.
    token = bob.ask("POST", "/session")["vault"]["token"]
    http = httpx.Client(base_url=f"{bao.url}/v1", headers={"X-Vault-Token": token})
    for path in (
        "kv/data/nacelle/ann/environment/PRIVATE",
        "kv/metadata/nacelle/ann/environment/PRIVATE",
        "kv/metadata/nacelle/ann?list=true",
        "kv/metadata/nacelle?list=true",
        "sys/policies/acl/nacelle",
        "auth/jwt/role/nacelle",
    ):
        assert http.get(f"/{path}").status_code == 403, path
    forged = http.post("/kv/data/nacelle/ann/environment/PRIVATE", json={"data": {"value": "x"}})
    assert forged.status_code == 403
    assert http.post("/auth/token/create", json={}).status_code == 403
    climbing = http.get("/kv/data/nacelle/bob/%2e%2e/ann/environment/PRIVATE")
    assert climbing.status_code in (400, 403)
    own = http.post("/kv/data/nacelle/bob/environment/MINE", json={"data": {"value": "y"}})
    assert own.status_code == 200 and bob.environment() == {"MINE": "y"}
    session(broker, "ann").ask("DELETE", "/environment/PRIVATE", status=204)


@pytest.mark.parametrize("twin", TWINS)
def test_people_whose_names_mean_something_have_their_own(
    broker: SecretsBroker, bao: OpenBao, twin: str
) -> None:
    session(broker, "ann").keep("PRIVATE", VALUE)
    proved = page(broker, twin)
    proved.keep("OF_THE_TWIN", "x")
    assert [one["name"] for one in proved.ask("GET", "")["secrets"]] == ["OF_THE_TWIN"]
    assert bao.read(f"{slug(twin)}/environment/OF_THE_TWIN") == {"value": "x"}
    proved.ask("DELETE", "/environment/PRIVATE", status=204)
    assert session(broker, "ann").environment()["PRIVATE"] == VALUE


@pytest.mark.parametrize("twin", TWINS)
async def test_names_that_mean_something_open_nobody_else_s(
    broker: SecretsBroker, bao: OpenBao, twin: str
) -> None:
    session(broker, "ann").keep("PRIVATE", VALUE)
    web_token = broker.issuer.sign(Identity("user", twin), AUDIENCE, {FOLDER: slug(twin)})
    body = {"role": "nacelle", "jwt": web_token}
    answer = httpx.post(f"{bao.url}/v1/auth/jwt/login", json=body)
    assert answer.status_code == 200, answer.text
    headers = {"X-Vault-Token": answer.json()["auth"]["client_token"]}
    for address in ("ann/environment/PRIVATE", "ann%2fenvironment%2fPRIVATE"):
        found = httpx.get(f"{bao.url}/v1/kv/data/nacelle/{address}", headers=headers)
        assert found.status_code == 403, twin


def test_a_web_token_of_the_store_opens_no_secrets(broker: SecretsBroker, bao: OpenBao) -> None:
    ann = Identity("user", "ann")
    for audience, claims, status in (
        ("nacelle-store", {FOLDER: "ann"}, 400),
        (AUDIENCE, {}, 400),
        (AUDIENCE, {FOLDER: "ann"}, 200),
    ):
        body = {"role": "nacelle", "jwt": broker.issuer.sign(ann, audience, claims)}
        answer = httpx.post(f"{bao.url}/v1/auth/jwt/login", json=body)
        assert answer.status_code == status, answer.text


def test_further_claims_replace_none_of_the_token_s_own(broker: SecretsBroker) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    forged = {"sub": "user:bob", "aud": "nacelle-store", "admin": "yes"}
    token = broker.issuer.sign(Identity("user", "ann"), AUDIENCE, forged)
    keys = KeySet.import_key_set(broker.issuer.key_set())  # type: ignore[arg-type]
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["aud"], claims["admin"]) == ("user:ann", AUDIENCE, False)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "Path", "HOME", "LD_PRELOAD", "AWS_SECRET_ACCESS_KEY", "JUPYTERHUB_API_TOKEN"),
        *("NACELLE_BROKER_URL", "PYTHONPATH", "PYTHONSTARTUP", "VAULT_TOKEN", "GIT_SSH_COMMAND"),
        *("BASH_ENV", "ENV", "https_proxy", "R_PROFILE", "NODE_OPTIONS", "MLFLOW_TRACKING_URI"),
        *("SSL_CERT_FILE", "S3_ENDPOINT", "PROJECT_GROUP", "IPYTHONDIR", "_"),
        *(
            "1A",
            "A-B",
            "A=B",
            "A%20B",
            "A%0AB",
            "A%0A",
            "%2e%2e%2fann",
            "A%2f..%2fB",
            "é",
            "A" * 65,
        ),
    ],
)
def test_names_that_steer_or_climb_are_refused(
    broker: SecretsBroker, bao: OpenBao, name: str
) -> None:
    eve = Caller(broker, {"Authorization": "Bearer eve"})
    answer = eve.send("PUT", f"/environment/{name}", json={"value": VALUE})
    # What names another address is no route at all.
    assert answer.status_code in (400, 404, 405), answer.text
    assert VALUE not in answer.text
    if answer.status_code == 400:
        assert set(answer.json()["said"]) == {"en", "fr"}
    assert bao.root.get("/kv/metadata/nacelle/eve?list=true").status_code == 404
    # By another program it may be there; it is neither told nor given.
    if "%" not in name:
        bao.write(f"eva/environment/{name}", {"value": VALUE})
        eva = session(broker, "eva")
        assert eva.environment() == {} and eva.ask("GET", "")["secrets"] == []


@pytest.mark.parametrize("name", ["GIT_TOKEN", "GIT_PERSONAL_ACCESS_TOKEN", "API_KEY", "Rkey", "x"])
def test_names_of_secrets_are_taken(broker: SecretsBroker, name: str) -> None:
    fay = session(broker, "fay")
    fay.keep(name, VALUE)
    assert fay.environment()[name] == VALUE


@pytest.mark.parametrize(
    "value", [None, 7, ["x"], "", " \n ", "a\0b", "\ud800", "x" * (LONGEST_VALUE + 1)]
)
def test_values_that_no_variable_holds_are_refused(broker: SecretsBroker, value: Any) -> None:
    ann, content = session(broker, "ann"), json.dumps({"value": value})
    answer = ann.send("PUT", "/environment/API_KEY", content=content)
    body = answer.json()
    assert answer.status_code == 400 and body["said"]["fr"] != body["said"]["en"]


def test_bodies_that_are_no_object_or_too_long_are_refused(broker: SecretsBroker) -> None:
    ann = session(broker, "ann")
    for content in (b"", b"[]", b"{", b'"x"', b"\xff", b"{" + b" " * 200_000):
        answer = ann.send("PUT", "/environment/API_KEY", content=content)
        assert answer.status_code == 400, answer.text


def test_there_is_an_end_to_how_many(broker: SecretsBroker, bao: OpenBao) -> None:
    for number in range(MOST_SECRETS):
        bao.write(f"max/environment/S{number:02}", {"value": "v"})
    full = session(broker, "max")
    assert "remove one first" in full.keep("ONE_MORE", "v", status=400)["message"]
    full.keep("S00", "replaced")
    assert len(full.environment()) == MOST_SECRETS
    bao.write("max/environment/T", {"value": "v"})
    assert len(full.environment()) == MOST_SECRETS


def test_what_was_deleted_or_is_of_another_form_is_passed_over(
    broker: SecretsBroker, bao: OpenBao
) -> None:
    bao.write("gus/environment/GOOD", {"value": "v"})
    bao.write("gus/environment/DELETED", {"value": "v"})
    bao.root.delete("/kv/data/nacelle/gus/environment/DELETED")
    bao.write("gus/environment/OTHER", {"password": "v"})
    bao.write("gus/environment/FOLDER/INNER", {"value": "v"})
    bao.root.post("/kv/data/nacelle/gus/environment/NUMBER", json={"data": {"value": 7}})
    gus = session(broker, "gus")
    assert gus.environment() == {"GOOD": "v"}
    assert [one["name"] for one in gus.ask("GET", "")["secrets"]] == ["GOOD", "NUMBER", "OTHER"]


def test_who_commits(broker: SecretsBroker) -> None:
    ann = session(broker, "ann")
    ann.ask("PUT", "/git", {"name": " Ann É. ", "mail": "ann@example.org"}, 204)
    told = {"name": "Ann É.", "mail": "ann@example.org"}
    assert ann.ask("GET", "")["git"] == ann.ask("POST", "/session")["git"] == told
    for bad in ({"name": "a\nb"}, {"mail": "ann"}, {"mail": "a@b\n[core]"}, {"name": 7}):
        ann.ask("PUT", "/git", {"name": "", "mail": ""} | bad, 400)
    ann.ask("PUT", "/git", {"name": "Ann"}, 400)
    assert ann.ask("GET", "")["git"] == told
    ann.ask("PUT", "/git", {"name": "", "mail": ""}, 204)
    assert ann.ask("GET", "")["git"] == {"name": "", "mail": ""}


def test_tokens_for_git_servers(broker: SecretsBroker) -> None:
    hal, login = session(broker, "hal"), {"username": "hal", "token": VALUE}
    hal.ask("PUT", "/git/hosts/git.example.org:8443", login, 204)
    told = hal.ask("GET", "")
    assert [one["name"] for one in told["hosts"]] == ["git.example.org:8443"]
    assert VALUE not in str(told) + str(hal.ask("POST", "/session"))
    assert hal.ask("POST", "/git/login", {"host": "git.example.org:8443"}) == login
    for host in ("git.example.org", "other.example.org"):
        hal.ask("POST", "/git/login", {"host": host}, 404)
    session(broker, "bob").ask("POST", "/git/login", {"host": "git.example.org:8443"}, 404)
    for host in ("a%20b", "a%0Ab", "..", "a..b", "-a", "user@git.example.org", "git:x"):
        answer = hal.send("PUT", f"/git/hosts/{host}", json=login)
        assert answer.status_code in (400, 404, 405), host
    hal.ask("PUT", "/git/hosts/git.example.org", {"username": "hal", "token": "a\nb"}, 400)
    hal.ask("PUT", "/git/hosts/git.example.org", {"username": "", "token": "x"}, 400)
    hal.ask("DELETE", "/git/hosts/git.example.org:8443", status=204)
    hal.ask("POST", "/git/login", {"host": "git.example.org:8443"}, 404)


def test_the_page_writes_and_reads_no_value(broker: SecretsBroker) -> None:
    proved = page(broker, "ivy")
    proved.keep("API_KEY", VALUE)
    proved.ask("PUT", "/git/hosts/git.example.org", {"username": "u", "token": VALUE}, 204)
    assert VALUE not in str(proved.ask("GET", ""))
    for path, body in (
        ("/session", {}),
        ("/session/renew", {}),
        ("/git/login", {"host": "git.example.org"}),
    ):
        assert VALUE not in str(proved.ask("POST", path, body, 401))
    assert session(broker, "ivy").environment() == {"API_KEY": VALUE}


def test_proofs_for_others_and_forged_ones_are_refused(broker: SecretsBroker) -> None:
    page(broker, "ann", audience="nace").ask("GET", "", status=401)
    forged = sign_proof(Person("ann"), "broker", "0" * 64)
    for proof in (forged, "", "x.y.z"):
        Caller(broker, {PROOF_HEADER: proof}).ask("GET", "", status=401)
    # A good token does not help a bad proof.
    both = {PROOF_HEADER: forged, "Authorization": "Bearer ann"}
    Caller(broker, both).ask("GET", "", status=401)


def test_services_and_strangers_get_nothing(broker: SecretsBroker, people: People) -> None:
    people.gone.add("left")
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer left"}, 401),
        ({"Authorization": "Bearer service:mlflow"}, 403),
    ):
        for method, path in (("GET", ""), ("POST", "/session"), ("PUT", "/environment/A")):
            Caller(broker, headers).ask(method, path, {"value": "x"}, status)

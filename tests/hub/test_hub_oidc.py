"""Claims as accounts, and ID tokens that prove nothing. Numbers: nacelle.hub.oidc_account."""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from traitlets.config import Config

from nacelle.hub.oidc import SECRET, OidcAuthenticator, configure_oidc
from nacelle.hub.oidc_account import UnusableName, read_account
from nacelle.hub.oidc_provider import LoginOver, OidcProvider, ProviderFailed, Tokens
from nacelle.hub.oidc_tokens import Expected, TokenRefused, make_nonce, read_id_token
from nacelle.settings import Settings, SettingsError
from nacelle.settings.oidc import OidcSettings

ISSUER = "https://sso.office.example"
ANN = {"sub": "1", "preferred_username": "Ann", "name": "Ann Example", "email": "a@office.example"}


def oidc(**given: Any) -> OidcSettings:
    return OidcSettings(issuer=ISSUER, **given)


def test_1_the_name_is_in_lower_case() -> None:
    account = read_account(ANN, oidc())
    assert (account.subject, account.name, account.full_name) == ("1", "ann", "Ann Example")
    assert read_account(ANN, oidc(username_claim="email")).name == "a@office.example"


@pytest.mark.parametrize("name", [None, "", 7, ["ann"], "a/b", " ann", "ann\n", "a" * 59, "\ud800"])
def test_1_names_that_can_be_none(name: Any) -> None:
    with pytest.raises(UnusableName):
        read_account({**ANN, "preferred_username": name}, oidc())


@pytest.mark.parametrize(
    ("pattern", "groups", "projects"),
    [
        ("(.+)", ["prix", "emploi"], ("emploi", "prix")),
        ("projet-(.+)", ["projet-prix", "xprojet-a", "projet-", "staff"], ("prix",)),
        ("/projets/([^/]+)", ["/projets/prix", "/projets/prix/lead"], ("prix",)),
        ("(.+)", ["a" * 60, "prix", 3, None, "prix"], ("prix",)),
        ("(.+)", "prix", ("prix",)),
        ("(.+)", {"prix": True}, ()),
        ("(.+)", None, ()),
    ],
)
def test_2_3_groups_that_are_projects(pattern: str, groups: Any, projects: tuple[str]) -> None:
    assert read_account({**ANN, "groups": groups}, oidc(project_pattern=pattern)).projects == (
        projects
    )


@pytest.mark.parametrize(
    ("groups", "allowed", "admin"),
    [
        ([], False, False),
        (["staff"], True, False),
        (["chiefs"], True, True),
        ("Staff", False, False),
    ],
)
def test_4_5_who_may_log_in_and_administer(groups: Any, allowed: bool, admin: bool) -> None:
    settings = oidc(allowed_groups=("staff",), admin_groups=("chiefs",))
    account = read_account({**ANN, "groups": groups}, settings)
    assert (account.allowed, account.admin) == (allowed, admin)
    assert read_account(ANN, oidc()).allowed and not read_account(ANN, oidc()).admin


RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"})
KEYS = KeySet([RSA, EC])
EXPECTED = Expected(ISSUER, "nacelle", make_nonce("verifier"))


def token(key: Any = RSA, alg: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "nacelle",
        "sub": "1",
        "iat": now,
        "exp": now + 300,
        "nonce": make_nonce("verifier"),
    } | changes
    return jwt.encode(
        {"alg": alg, "kid": key.kid},
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithms=[alg],
    )


def test_tokens_that_hold() -> None:
    for made in (token(), token(EC, "ES256"), token(aud=["nacelle", "x"], azp="nacelle")):
        assert read_id_token(made, KEYS, EXPECTED)["sub"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"azp": "another"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nonce": "of another login"},
        {"nonce": None},
    ],
    ids=str,
)
def test_claims_that_do_not_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        read_id_token(token(**changes), KEYS, EXPECTED)


def with_shared_secret(secret: bytes) -> str:
    """A token by HS256, for which the library itself takes no such key."""
    head = urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=")
    signed = head + b"." + token().split(".")[1].encode()
    digest = hmac.digest(secret, signed, "sha256")
    return (signed + b"." + urlsafe_b64encode(digest).rstrip(b"=")).decode()


def test_signatures_that_do_not_hold() -> None:
    head, body, signature = token().split(".")
    forged = [
        token(STRANGER),
        # The public key, which everybody knows, taken for a shared secret.
        with_shared_secret(RSA.as_pem(private=False)),
        f"{head}.{body}.",
        f"eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0.{body}.",
        f"{head}.{token(sub='2').split('.')[1]}.{signature}",
        "nonsense",
        "",
    ]
    for made in forged:
        with pytest.raises(TokenRefused):
            read_id_token(made, KEYS, EXPECTED)


Answer = Callable[[httpx.Request], httpx.Response]


def provider(answer: Answer, **discovered: Any) -> OidcProvider:
    """A provider whose answers are made here: the outermost edge."""
    places = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks_uri": f"{ISSUER}/keys",
    } | discovered

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json=places)
        if request.url.path == "/keys":
            return httpx.Response(200, json=KEYS.as_dict(private=False))
        return answer(request)

    made = OidcProvider(oidc(), "hub's password")
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    return made


def fixed(status: int, **body: Any) -> Answer:
    return lambda request: httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant"}, LoginOver),
        (400, {"error": "invalid_request"}, LoginOver),
        (400, {"error": "interaction_required"}, LoginOver),
        (401, {"error": "invalid_client"}, ProviderFailed),
        (400, {"error": "invalid_client"}, ProviderFailed),
        (400, {"error": "unauthorized_client"}, ProviderFailed),
        (400, {"error": "invalid_scope"}, ProviderFailed),
        (400, {}, ProviderFailed),
        (404, {"error": "not_found"}, ProviderFailed),
        (429, {"error": "slow_down"}, ProviderFailed),
        (500, {"error": "invalid_grant"}, ProviderFailed),
        (200, {}, ProviderFailed),
        (200, {"access_token": ""}, ProviderFailed),
    ],
)
async def test_what_a_refusal_speaks_of(
    status: int, body: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await provider(fixed(status, **body)).redeem({"grant_type": "refresh_token"})


@pytest.mark.parametrize(
    "discovered",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://sso.office.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_discovery_that_is_none(discovered: dict[str, Any]) -> None:
    with pytest.raises(ProviderFailed):
        await provider(fixed(200), **discovered).endpoints()


async def test_id_token_and_userinfo_speak_of_one_person() -> None:
    other = provider(fixed(200, sub="2", groups=["chiefs"]))
    with pytest.raises(LoginOver):
        await other.claims(Tokens("a", None, token()), nonce=EXPECTED.nonce)
    with pytest.raises(LoginOver):
        await other.claims(Tokens("a", None, None), subject="1")
    with pytest.raises(ProviderFailed, match="openid"):
        await other.claims(Tokens("a", None, None))
    same = provider(fixed(200, sub="1", groups=["chiefs"]))
    found = await same.claims(Tokens("a", None, token()), nonce=EXPECTED.nonce)
    assert found["groups"] == ["chiefs"]


def test_tokens_show_in_no_repr() -> None:
    assert "very" not in repr(Tokens("very", "very", "very"))


def settings(folder: Path, **given: Any) -> Settings:
    return Settings.model_validate(
        {"data_dir": folder, "hub": {"authenticator": "oidc", "oidc": given}}
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"hub\.oidc\.issuer"):
        configure_oidc(Config(), settings(tmp_path))
    with pytest.raises(SettingsError, match=r"oidc\.client is missing"):
        configure_oidc(Config(), settings(tmp_path, issuer=ISSUER))


def test_the_whole_configuration(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / SECRET).write_text("hub's password")
    c, chosen = Config(), settings(tmp_path, issuer=ISSUER)
    configure_oidc(c, chosen)
    assert c.JupyterHub.authenticator_class == "nacelle.hub.oidc.OidcAuthenticator"
    assert dict(c.OidcAuthenticator) == {
        "settings": chosen,
        "client_id": "nacelle",
        "scope": ["openid", "profile", "email", "groups"],
        "login_service": "sso.office.example",
        "oauth_callback_url": "http://127.0.0.1:8000/hub/oauth_callback",
    }
    made = OidcAuthenticator(config=Config({**c, "Authenticator": {"admin_users": {"admin"}}}))
    assert made.admin_users == set() == made.allowed_users
    assert made.enable_auth_state and made.manage_groups and made.auth_refresh_strict
    assert "hub's password" not in repr(c)

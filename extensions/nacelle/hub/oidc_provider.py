"""The office's OpenID Connect provider, as the hub speaks with it: its endpoints by discovery,
codes and refresh tokens turned into tokens, tokens into claims that have been checked.

No message here holds a token or what the provider wrote: neither reaches a log or a page.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from nacelle.hub.oidc_tokens import Expected, TokenRefused, read_id_token
from nacelle.settings.oidc import OidcSettings

log = logging.getLogger(__name__)

_SECONDS = 10
_KEPT_SECONDS = 3600
_KEYS_PAUSE = 10
# RFC 6749 5.2: errors that speak of the hub (its name or password there, say) must turn out nobody.
# All others speak of the person; which one a locked account gives differs between providers.
_ABOUT_THE_HUB = frozenset(
    {
        "invalid_client",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
    }
)
_OFFLINE = "offline_access"


class ProviderFailed(Exception):
    """The provider does not answer, or not as a provider does. The message is for the log."""


class LoginOver(Exception):
    """The provider vouches for this person no longer, or not at all. The message is for the log."""


@dataclass(frozen=True)
class Endpoints:
    """What discovery tells (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorize: str
    token: str
    userinfo: str | None
    keys: str
    # The hub's password in the form; else as Basic, what clients are registered with by default.
    by_form: bool
    offline: bool


@dataclass(frozen=True)
class Tokens:
    """What the token endpoint gave."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    identity: str | None = field(repr=False)


class OidcProvider:
    """One provider. Its endpoints and keys are asked for when needed: the hub starts without."""

    def __init__(self, settings: OidcSettings, secret: str) -> None:
        if settings.issuer is None:
            raise ValueError("hub.oidc.issuer is not set")
        self.issuer: str = settings.issuer
        self._settings = settings
        self._secret = secret
        verify = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        # Alone of the platform's calls this one may leave the office: its proxy is heeded.
        self._http = httpx.AsyncClient(timeout=_SECONDS, verify=verify, follow_redirects=False)
        self._lock = asyncio.Lock()
        self._endpoints: Endpoints | None = None
        self._found = float("-inf")
        self._keys: KeySet | None = None
        self._keys_asked = float("-inf")

    async def endpoints(self, age: float = _KEPT_SECONDS) -> Endpoints:
        """Where to ask, as it was learnt `age` seconds ago at most. Raises ProviderFailed."""
        async with self._lock:
            if self._endpoints is None or time.monotonic() - self._found > age:
                self._endpoints = await self._discover()
                self._found = time.monotonic()
            return self._endpoints

    async def redeem(self, fields: Mapping[str, str]) -> Tokens:
        """Tokens for a code or a refresh token. Raises LoginOver or ProviderFailed."""
        places = await self.endpoints()
        form, headers = dict(fields), {}
        if places.by_form:
            form |= {"client_id": self._settings.client_id, "client_secret": self._secret}
        else:
            headers["Authorization"] = _basic(self._settings.client_id, self._secret)
        answer = await self._send("POST", places.token, data=form, headers=headers)
        body = _json(answer)
        if not answer.is_success:
            error = _text(body, "error")
            if error and error not in _ABOUT_THE_HUB and answer.status_code in (400, 403):
                raise LoginOver("the provider refuses the code or the refresh token")
            raise ProviderFailed(f"the token endpoint answered {answer.status_code}")
        access = body.get("access_token")
        if not isinstance(access, str) or not access:
            raise ProviderFailed("the token endpoint gave no access token")
        return Tokens(access, _text(body, "refresh_token"), _text(body, "id_token"))

    async def claims(
        self, tokens: Tokens, subject: str | None = None, nonce: str | None = None
    ) -> dict[str, Any]:
        """What the provider says of the holder of `tokens`, all of it checked.

        `subject` is who it must be, when that is known from an earlier login; else an ID token for
        the login of that `nonce` must say it. Raises LoginOver or ProviderFailed.
        """
        places = await self.endpoints()
        told: dict[str, Any] = {}
        if tokens.identity is not None:
            told = await self._identity(tokens.identity, places, nonce)
        elif subject is None:
            raise ProviderFailed("no ID token came; is openid among hub.oidc.scopes?")
        if places.userinfo is not None:
            told = _same_person(told, await self._userinfo(places.userinfo, tokens.access))
        if subject is not None and told.get("sub") != subject:
            raise LoginOver("the provider speaks of somebody else")
        return told

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._http.aclose()

    async def _discover(self) -> Endpoints:
        found = _json(await self._get(f"{self.issuer}/.well-known/openid-configuration"))
        issuer = str(found.get("issuer"))
        if issuer.rstrip("/") != self.issuer:
            raise ProviderFailed("discovery names another issuer than hub.oidc.issuer")
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        places = Endpoints(
            issuer=issuer,
            authorize=self._address(found, "authorization_endpoint"),
            token=self._address(found, "token_endpoint"),
            userinfo=self._address(found, "userinfo_endpoint")
            if found.get("userinfo_endpoint")
            else None,
            keys=self._address(found, "jwks_uri"),
            by_form="client_secret_basic" not in methods,
            offline=_OFFLINE in (found.get("scopes_supported") or ()),
        )
        if places.offline and _OFFLINE not in self._settings.scopes:
            log.warning(
                "jobs and sessions lose their rights when a login at the provider ends; with"
                " offline_access in hub.oidc.scopes they keep them"
            )
        return places

    def _address(self, found: Mapping[str, Any], name: str) -> str:
        address = str(found.get(name))
        parts = urlsplit(address)
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and self.issuer.startswith("http:")
        )
        if not secure or not parts.hostname:
            raise ProviderFailed(f"discovery gives no address that can be used as {name}")
        return address

    async def _identity(self, token: str, places: Endpoints, nonce: str | None) -> dict[str, Any]:
        expected = Expected(places.issuer, self._settings.client_id, nonce)
        for fresh in (False, True):
            keys = await self._key_set(places, fresh)
            try:
                return read_id_token(token, keys, expected)
            except TokenRefused as refused:
                # It may be signed with a key that is newer than those we know.
                if fresh or not refused.unknown_key:
                    raise ProviderFailed(f"the ID token does not hold: {refused}") from None
        raise AssertionError("the second round returns or raises")

    async def _key_set(self, places: Endpoints, fresh: bool) -> KeySet:
        now = time.monotonic()
        if self._keys is None or (fresh and now - self._keys_asked > _KEYS_PAUSE):
            self._keys_asked = now
            document = _json(await self._get(places.keys))
            try:
                self._keys = KeySet.import_key_set(document)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError):
                raise ProviderFailed("the provider's keys cannot be read") from None
        return self._keys

    async def _userinfo(self, address: str, access: str) -> dict[str, Any]:
        answer = await self._send("GET", address, headers={"Authorization": f"Bearer {access}"})
        if answer.status_code in (401, 403):
            raise LoginOver(f"userinfo answered {answer.status_code}")
        if not answer.is_success:
            raise ProviderFailed(f"userinfo answered {answer.status_code}")
        return _json(answer)

    async def _get(self, address: str) -> httpx.Response:
        answer = await self._send("GET", address)
        if not answer.is_success:
            raise ProviderFailed(f"{urlsplit(address).path} answered {answer.status_code}")
        return answer

    async def _send(self, method: str, address: str, **rest: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, address, **rest)
        except httpx.HTTPError as error:
            raise ProviderFailed(f"no answer ({type(error).__name__})") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ProviderFailed(f"{urlsplit(address).path} answered {answer.status_code}")
        return answer


def _same_person(identity: dict[str, Any], userinfo: dict[str, Any]) -> dict[str, Any]:
    """Both together (OpenID Connect Core 5.3.2: only when they speak of the same person)."""
    subject = userinfo.get("sub")
    if not isinstance(subject, str) or not subject:
        raise ProviderFailed("userinfo does not say whom it speaks of (sub)")
    if identity and identity["sub"] != subject:
        raise LoginOver("ID token and userinfo speak of different people")
    return {**identity, **userinfo}


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ProviderFailed("something else answers where the provider should be")
    return body


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def _basic(name: str, password: str) -> str:
    """RFC 6749 2.3.1: both are encoded before they are joined."""
    pair = f"{quote(name, safe='')}:{quote(password, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()

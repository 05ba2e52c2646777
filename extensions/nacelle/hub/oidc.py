"""The login by the office's own OpenID Connect provider.

Cases, each with a test in tests/hub/test_hub_oidc_live.py:

 1. Name, projects and administration are what the provider says, at each login and each renewal;
    people, groups and administrators of the settings count for nothing.
 2. A name belongs to the account of the provider that logged in with it first.
 3. The provider's tokens are kept encrypted in the hub's database and go nowhere else.
 4. A login is renewed at the provider when it is older than `auth_refresh_age`, and before each
    start of a session. While the provider fails, people go on as they were.
 5. When the provider renews it no more, browsers are logged out, and what acts for the person by a
    token is refused until they log in again.
 6. Somebody whom the provider knows and the settings let in no longer is turned out.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from oauthenticator.generic import GenericOAuthenticator
from traitlets import Instance

from nacelle.hub.leaving import end_browsers, turn_out
from nacelle.hub.oidc_account import Account, UnusableName, read_account
from nacelle.hub.oidc_handlers import (
    BEGIN_AGAIN,
    CallbackHandler,
    LoginHandler,
    away,
    not_allowed,
    refusal,
    taken,
    unusable,
)
from nacelle.hub.oidc_provider import LoginOver, OidcProvider, ProviderFailed, Tokens
from nacelle.hub.oidc_tokens import make_nonce
from nacelle.layout import Layout
from nacelle.secrets import read_secret
from nacelle.settings import Settings, SettingsError

SECRET = "oidc.client"
# After a failure the provider is left in peace for a while, and people need not wait for it.
_PAUSE = 30
_PROVEN = 10
_OVER = "over"
_ALWAYS = (
    "enable_auth_state",
    "manage_groups",
    # A login that is over is over for tokens, too (case 5).
    "auth_refresh_strict",
    "refresh_pre_spawn",
    # The hub's password goes to the provider by OidcProvider alone.
    "basic_auth",
    "enable_pkce",
    "any_allow_config",
)


def configure_oidc(c: Any, settings: Settings) -> None:
    """Let people in by `settings.hub.oidc`. Raises SettingsError with what is missing."""
    oidc = settings.hub.oidc
    if oidc.issuer is None:
        raise SettingsError("hub.oidc.issuer: write the address of the OpenID Connect provider")
    _read_client_secret(Layout(settings))
    c.JupyterHub.authenticator_class = "nacelle.hub.oidc.OidcAuthenticator"
    c.OidcAuthenticator.settings = settings
    c.OidcAuthenticator.client_id = oidc.client_id
    c.OidcAuthenticator.scope = list(oidc.scopes)
    c.OidcAuthenticator.login_service = urlsplit(oidc.issuer).netloc
    # Never made of the request's own Host header.
    c.OidcAuthenticator.oauth_callback_url = f"{settings.url}hub/oauth_callback"


class OidcAuthenticator(GenericOAuthenticator):  # type: ignore[misc]
    """Lets in whom the provider vouches for."""

    login_handler = LoginHandler
    callback_handler = CallbackHandler

    settings = Instance(Settings, help="The installation's settings.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in _ALWAYS:
            self.set_trait(name, True)
        self._oidc = self.settings.hub.oidc
        self.provider = OidcProvider(self._oidc, _read_client_secret(Layout(self.settings)))
        self._renewals: dict[str, asyncio.Task[dict[str, Any] | bool]] = {}
        self._left_until = float("-inf")
        # Case 1: a name in a file gives no rights to whoever has that name at the provider.
        self.admin_users, self.allowed_users = set[str](), set[str]()

    async def find_provider(self) -> None:
        """Learn where people log in. Raises a 503 with words when that cannot be learnt."""
        try:
            # A browser that is sent to a provider which is down shows its own error, without words.
            self.authorize_url = (await self.provider.endpoints(age=_PROVEN)).authorize
        except ProviderFailed as error:
            self.log.error("No login: the provider fails: %s", error)
            raise away(self.login_service) from None

    async def authenticate(
        self, handler: Any, data: Any = None, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Who came back from the provider. Raises HTTP errors with words."""
        asked = self.build_access_tokens_request_params(handler, data)
        fields = {name: str(value) for name, value in asked.items() if value is not None}
        try:
            tokens = await self.provider.redeem(fields)
            claims = await self.provider.claims(tokens, nonce=make_nonce(fields["code_verifier"]))
            account = read_account(claims, self._oidc)
        except ProviderFailed as error:
            self.log.error("No login: the provider fails: %s", error)
            raise away(self.login_service) from None
        except LoginOver as error:
            self.log.warning("No login: %s", error)
            raise refusal(400, BEGIN_AGAIN) from None
        except UnusableName as error:
            raise unusable(str(error)) from None
        self._left_until = float("-inf")
        known = handler.find_user(account.name)
        state = await known.get_auth_state() if known else None
        if state and state.get("sub", account.subject) != account.subject:
            self.log.warning("No login: %s belongs to another account", account.name)
            raise taken(account.name)
        if not account.allowed:
            if known:
                self._turn_out(known)
            raise not_allowed(account.name)
        return _model(account, tokens)

    def check_allowed(self, username: str, auth_model: dict[str, Any] | None) -> bool:
        """Whoever got past `authenticate`."""
        return auth_model is not None

    async def refresh_user(
        self, user: Any, handler: Any = None, **kwargs: Any
    ) -> dict[str, Any] | bool:
        """The person as the provider has them now; True: as before; False: not any more."""
        renewal = self._renewals.get(user.name)
        if renewal is None:
            # A refresh token is good once: requests that come together share one renewal.
            renewal = asyncio.create_task(self._renew(user))
            self._renewals[user.name] = renewal
            renewal.add_done_callback(lambda _: self._renewals.pop(user.name, None))
        return await asyncio.shield(renewal)

    async def _renew(self, user: Any) -> dict[str, Any] | bool:
        state = await user.get_auth_state()
        # Another authenticator may have kept something else here.
        if not state or state.get(_OVER) or not {"sub", "confirmed"} <= state.keys():
            return False
        recent = time.time() - state["confirmed"] < self.auth_refresh_age / 10
        if recent or time.monotonic() < self._left_until:
            return True
        try:
            tokens = await self._renewed_tokens(user, state)
            claims = await self.provider.claims(tokens, subject=state["sub"])
            account = read_account(claims, self._oidc)
        except ProviderFailed as error:
            self._left_until = time.monotonic() + _PAUSE
            self.log.warning("People go on as they were: the provider fails: %s", error)
            return True
        except (LoginOver, UnusableName) as error:
            return await self._end(user, state, str(error))
        if account.name != user.name:
            return await self._end(user, state, f"the provider calls them {account.name!r} now")
        if not account.allowed:
            self._turn_out(user)
            return await self._end(user, state, "no longer in a group that may log in")
        model = _model(account, tokens)
        await user.save_auth_state(model["auth_state"])
        return model

    async def _renewed_tokens(self, user: Any, state: dict[str, Any]) -> Tokens:
        old = Tokens(state["access_token"], state["refresh_token"], None)
        if old.refresh is None:
            return old
        new = await self.provider.redeem(
            {"grant_type": "refresh_token", "refresh_token": old.refresh}
        )
        new = replace(new, refresh=new.refresh or old.refresh)
        # Now, whatever comes next: the old refresh token may be worth nothing any more.
        await user.save_auth_state({**state, **_tokens(new)})
        return new

    async def _end(self, user: Any, state: dict[str, Any], why: str) -> bool:
        """Case 5."""
        self.log.warning("The login of %s is over: %s", user.name, why)
        end_browsers(user.db, user.orm_user)
        await user.save_auth_state({"sub": state["sub"], _OVER: True})
        return False

    def _turn_out(self, user: Any) -> None:
        """Case 6."""
        user.sync_groups([])
        turn_out(user.db, user.orm_user)
        user.db.commit()


def _model(account: Account, tokens: Tokens) -> dict[str, Any]:
    """JupyterHub's description of somebody who is logged in."""
    shown = {"display_name": account.full_name, "mail": account.mail}
    return {
        "name": account.name,
        "admin": account.admin,
        "groups": list(account.projects),
        "user_info": {name: value for name, value in shown.items() if value},
        "auth_state": {"sub": account.subject, "confirmed": time.time(), **_tokens(tokens)},
    }


def _tokens(tokens: Tokens) -> dict[str, str | None]:
    return {"access_token": tokens.access, "refresh_token": tokens.refresh}


def _read_client_secret(layout: Layout) -> str:
    try:
        return read_secret(layout, SECRET)
    except FileNotFoundError:
        raise SettingsError(
            f"{layout.secrets / SECRET} is missing: write the hub's password at the provider there"
        ) from None

"""The page where people keep secrets and say who they are to Git: /hub/secrets.

The hub proves to the broker whose page it is; with that proof values can be written and removed,
and none read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jupyterhub.utils import url_path_join
from tornado import web

from nacelle.credentials.secret_callers import AUDIENCE, PROOF_SECRET
from nacelle.credentials.secret_names import (
    LONGEST_TOKEN,
    USERNAME,
    BadSecret,
    check_host,
    check_line,
    check_name,
    check_value,
)
from nacelle.hub.service_page import ServicePage, ServiceRefused
from nacelle.language import Said
from nacelle.prefixes import BROKER_PREFIX
from nacelle.storage.slug import slug

_AWAY = Said(
    "The service of secrets does not answer: it is starting or stopped. Try again in a moment.",
    "Le service des secrets ne répond pas : il démarre ou il est arrêté. Réessayez dans un"
    " instant.",
)
_REFUSED = Said("The service of secrets refused this.", "Le service des secrets a refusé cela.")
_UNKNOWN = Said(
    "This form is of another version of this page; load the page again.",
    "Ce formulaire vient d'une autre version de cette page ; rechargez-la.",
)


class SecretsHandler(ServicePage):
    """/hub/secrets"""

    service = AUDIENCE
    prefix = f"{BROKER_PREFIX}/secrets"
    secret = PROOF_SECRET
    away = _AWAY

    @web.authenticated
    async def get(self) -> None:
        await self._page(done=self.get_query_argument("done", ""))

    @web.authenticated
    async def post(self) -> None:
        """Do what the form says, then show the page anew: its address can be loaded again without
        sending a value twice."""
        name = self.get_body_argument("do", "")
        actions: dict[str, Callable[[], Awaitable[Any]]] = {
            "keep": self._keep,
            "drop": self._drop,
            "identity": self._identity,
            "keep-login": self._keep_login,
            "drop-login": self._drop_login,
        }
        try:
            if name not in actions:
                raise ServiceRefused(400, _UNKNOWN)
            await actions[name]()
        except ServiceRefused as refused:
            self.set_status(refused.status)
            await self._page(problem=refused.said, failed=name)
        except BadSecret as bad:
            self.set_status(400)
            await self._page(problem=bad.said, failed=name)
        else:
            self.redirect(url_path_join(self.hub.base_url, "secrets") + f"?done={name}", status=303)

    def refused(self, status: int, body: Any) -> ServiceRefused:
        """The broker's sentence, which it has in both languages."""
        try:
            said = Said(str(body["said"]["en"]), str(body["said"]["fr"]))
        except (KeyError, TypeError):
            said = _AWAY if status >= 500 else _REFUSED
        return ServiceRefused(503 if status >= 500 else status, said)

    async def _keep(self) -> None:
        name = check_name(self.get_body_argument("name", ""))
        value = check_value(self.get_body_argument("value", "", strip=False))
        await self.ask("PUT", f"/environment/{name}", {"value": value})

    async def _drop(self) -> None:
        await self.ask("DELETE", f"/environment/{check_name(self.get_body_argument('name', ''))}")

    async def _identity(self) -> None:
        body = {one: self.get_body_argument(one, "") for one in ("name", "mail")}
        await self.ask("PUT", "/git", body)

    async def _keep_login(self) -> None:
        username = check_line(self.get_body_argument("username", ""))
        token = check_line(self.get_body_argument("token", ""), LONGEST_TOKEN)
        body = {"username": username, "token": token}
        await self.ask("PUT", self._host(), body)

    async def _drop_login(self) -> None:
        await self.ask("DELETE", self._host())

    def _host(self) -> str:
        return f"/git/hosts/{quote(check_host(self.get_body_argument('host', '')), safe='')}"

    async def _page(self, problem: Said | None = None, failed: str = "", **names: Any) -> None:
        kept: dict[str, Any] = {"secrets": [], "hosts": [], "git": {"name": "", "mail": ""}}
        away = False
        try:
            kept = await self.ask("GET", "")
        except ServiceRefused as refused:
            problem, away = problem or refused.said, True
            if self.get_status() == 200:
                self.set_status(refused.status)
        vault = self.platform.vault
        await self.show(
            "secrets.html",
            problem=problem,
            away=away,
            secrets=[_shown(one) for one in kept["secrets"]],
            hosts=[_shown(one) for one in kept["hosts"]],
            git=kept["git"],
            typed=self._typed(failed),
            folder=f"{vault.top_dir}/{slug(self.current_user.name)}",
            mount=vault.mount,
            **names,
        )

    def _typed(self, failed: str) -> dict[str, str]:
        """What stays in the form that was refused: never a value or a token."""
        typed = {"form": failed, "username": USERNAME}
        if failed:
            fields = ("name", "mail", "host", "username")
            typed |= {one: self.get_body_argument(one, "") for one in fields}
        return typed


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as the template wants it: times as the hub's own."""
    changed = datetime.fromisoformat(entry["changed"]).astimezone(UTC).replace(tzinfo=None)
    return {"name": entry["name"], "changed": changed}

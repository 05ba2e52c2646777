"""The page where people make and revoke API keys of the classifier: /hub/api-keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jupyterhub import orm
from jupyterhub.utils import url_path_join
from tornado import web

from nacelle.hub.nace_pages import NacePage
from nacelle.hub.service_page import ServiceRefused
from nacelle.language import Said

_NAMELESS = Said("Say what uses the key.", "Dites ce qui utilise la clé.")
_NO_NUMBER = Said(
    "Write the limits as numbers, or leave them empty.",
    "Écrivez les limites en chiffres, ou laissez-les vides.",
)


class _BadForm(Exception):
    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


class ApiKeysHandler(NacePage):
    """/hub/api-keys"""

    @web.authenticated
    async def get(self) -> None:
        await self._page(done=self.get_argument("done", "") == "revoked")

    @web.authenticated
    async def post(self) -> None:
        """Make a key, shown on this answer alone; or revoke one."""
        try:
            if revoked := self.get_argument("revoke", ""):
                await self.ask("DELETE", f"/v1/keys/{quote(revoked, safe='')}")
                self.redirect(
                    url_path_join(self.hub.base_url, "api-keys") + "?done=revoked", status=303
                )
                return
            made = await self.ask("POST", "/v1/keys", self._wanted())
        except ServiceRefused as refused:
            self.set_status(refused.status)
            await self._page(problem=refused.said, detail=refused.detail)
        except _BadForm as bad:
            self.set_status(400)
            await self._page(problem=bad.said)
        else:
            await self._page(made=made)

    def _wanted(self) -> dict[str, Any]:
        """The new key as the form has it. Raises _BadForm."""
        name = self.get_argument("name", "")
        if not name:
            raise _BadForm(_NAMELESS)
        wanted: dict[str, Any] = {"name": name}
        if self.get_argument("administer", ""):
            wanted["scopes"] = ["classify", "administer"]
        try:
            for field, kind in (("rate", float), ("burst", int), ("daily_quota", int)):
                if given := self.get_argument(field, ""):
                    wanted[field] = kind(given.replace(",", "."))
        except ValueError:
            raise _BadForm(_NO_NUMBER) from None
        return wanted

    async def _page(self, problem: Said | None = None, detail: str = "", **names: Any) -> None:
        keys: list[dict[str, Any]] = []
        away = False
        try:
            keys = [self._shown(key) for key in await self.ask("GET", "/v1/keys")]
        except ServiceRefused as refused:
            # One sentence is enough where both questions failed.
            problem, detail = problem or refused.said, detail or refused.detail
            away = True
            if self.get_status() == 200:
                self.set_status(refused.status)
        await self.show(
            "api_keys.html",
            problem=problem,
            detail=detail,
            away=away,
            live=[key for key in keys if not key["revoked"]],
            ended=[key for key in keys if key["revoked"]],
            limits=self.platform.nace.keys,
            administers=bool(self.current_user.admin),
            typed=self.get_body_argument("name", "") if problem else "",
            **names,
        )

    def _shown(self, key: dict[str, Any]) -> dict[str, Any]:
        """A key as the template wants it: times as the hub's own, and whether its owner is left."""
        owner = orm.User.find(self.db, key["owner"])
        return {
            **key,
            "created": _moment(key["created"]),
            "revoked": _moment(key["revoked"]) if key["revoked"] else None,
            # The hub keeps the name of somebody who left, and takes all roles away.
            "gone": owner is None or not owner.roles,
        }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)

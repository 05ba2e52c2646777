"""The login of a local installation: people listed in the settings, with passwords of their own."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.handlers import BaseHandler
from tornado import web
from traitlets import Instance

from nacelle.hub.leaving import turn_out
from nacelle.hub.passwords import PasswordError, set_password, verify_password
from nacelle.hub.throttle import Throttle
from nacelle.language import Said
from nacelle.layout import Layout
from nacelle.settings import Settings


class NacelleAuthenticator(Authenticator):  # type: ignore[misc]
    """Lets in the people of `settings.users`, and keeps the hub's groups as the settings say."""

    settings = Instance(Settings, help="The installation's settings.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._throttle = Throttle()
        # Each check takes a core for about 50 ms: a flood of logins must not starve the hub.
        self._checks = asyncio.Semaphore(2)
        self._people = {user.name: user for user in self.settings.users}
        self.allowed_users = set(self._people)
        # Somebody removed from the settings is still in the hub's database.
        self.allow_existing_users = False

    @property
    def layout(self) -> Layout:
        return Layout(self.settings)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """The user's name when the password is theirs, else None; 429 when tried too often."""
        name, password = data.get("username", "").lower(), data.get("password", "")
        return name if await self.verify(handler, name, password) else None

    async def verify(self, handler: Any, name: str, password: str) -> bool:
        """Check a password, at the pace that earlier failures allow."""
        key = (name, str(handler.request.remote_ip))
        seconds = math.ceil(self._throttle.wait(key))
        if seconds:
            refused = web.HTTPError(429, f"too many failed logins; wait {seconds} s")
            refused.jupyterhub_message = Said(  # type: ignore[attr-defined]
                f"Too many tries with a wrong password. Try again in {seconds} seconds.",
                f"Trop d'essais avec un mauvais mot de passe. Réessayez dans {seconds} secondes.",
            )
            refused.headers = {"Retry-After": str(seconds)}  # type: ignore[attr-defined]
            raise refused
        # Counted before the check, taken back after it: a burst of parallel tries counts as well.
        self._throttle.failed(key)
        async with self._checks:
            good = await asyncio.to_thread(verify_password, self.layout, name, password)
        good = good and name in self._people
        if good:
            self._throttle.succeeded(key)
        return good

    def add_user(self, user: Any) -> None:
        """Called at each start for everybody in the database: make them what the settings say."""
        super().add_user(user)
        person = self._people.get(user.name)
        orm_user = getattr(user, "orm_user", user)
        projects = set(person.projects) if person else set()
        for group in list(orm_user.groups):
            if group.name not in projects:
                orm_user.groups.remove(group)
        if person is None:
            turn_out(self.db, orm_user)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """People who left the settings are logged out."""
        return user.name in self._people

    def get_handlers(self, app: Any) -> list[tuple[str, Any]]:
        """The page where people change their password."""
        return [*super().get_handlers(app), (r"/password", PasswordHandler)]


class PasswordHandler(BaseHandler):  # type: ignore[misc]
    """/hub/password"""

    @web.authenticated
    async def get(self) -> None:
        await self._page()

    @web.authenticated
    async def post(self) -> None:
        """Take the new password when the current one is right."""
        user = self.current_user
        current = self.get_argument("current", "", strip=False)
        new = self.get_argument("new", "", strip=False)
        if not await self.authenticator.verify(self, user.name, current):
            await self._refuse(
                Said(
                    "The current password is not right.", "Le mot de passe actuel n'est pas le bon."
                )
            )
            return
        if new != self.get_argument("again", "", strip=False):
            await self._refuse(
                Said("The two new passwords differ.", "Les deux nouveaux mots de passe diffèrent.")
            )
            return
        try:
            await asyncio.to_thread(set_password, self.authenticator.layout, user.name, new)
        except PasswordError as error:
            await self._refuse(error.said)
            return
        # Other browsers where this person is logged in have to log in again.
        user.orm_user.cookie_id = orm.new_token()
        self.db.commit()
        self.set_login_cookie(user)
        await self._page(done=True)

    async def _refuse(self, said: Said) -> None:
        self.set_status(400)
        await self._page(problem=said)

    async def _page(self, problem: Said | None = None, done: bool = False) -> None:
        self.finish(await self.render_template("password.html", problem=problem, done=done))

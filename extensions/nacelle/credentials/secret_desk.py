"""What one person keeps in the vault, and under which paths.

    <mount>/<top_dir>/<slug of the person>/environment/<NAME>   value
    <mount>/<top_dir>/<slug of the person>/git/identity         name, mail
    <mount>/<top_dir>/<slug of the person>/git/hosts/<host>     username, token

An entry a secret: what exists can be told, and one secret changed, without reading any value.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.secret_names import (
    LONGEST_TOKEN,
    MOST_HOSTS,
    MOST_SECRETS,
    BadSecret,
    check_host,
    check_line,
    check_mail,
    check_name,
    check_value,
)
from nacelle.credentials.secret_wire import GitLogin
from nacelle.credentials.vault import AUDIENCE, FOLDER, Lease, Vault
from nacelle.language import Said
from nacelle.storage.slug import slug


@dataclass(frozen=True)
class Kept:
    """An entry that exists: its name and when it was last written (RFC 3339)."""

    name: str
    changed: str


class SecretDesk:
    """One person's entries, while `lease` holds. All raise VaultAway and VaultRefused."""

    def __init__(self, vault: Vault, person: str, lease: Lease) -> None:
        self._vault = vault
        self.lease = lease
        self._environment = [slug(person), "environment"]
        self._identity = [slug(person), "git", "identity"]
        self._hosts = [slug(person), "git", "hosts"]

    async def secrets(self) -> list[Kept]:
        """The secrets that sessions get; no value is read."""
        return await self._kept(self._environment, check_name)

    async def hosts(self) -> list[Kept]:
        """The Git servers with a token; no token is read."""
        return await self._kept(self._hosts, check_host)

    async def environment(self) -> dict[str, str]:
        """The secrets with their values, without what breaks the rules."""
        token = self.lease.token
        names = (await self._names(self._environment, check_name))[:MOST_SECRETS]
        found = await asyncio.gather(
            *(self._vault.read(token, [*self._environment, name]) for name in names)
        )
        values = zip(names, (_given(check_value, one.get("value")) for one in found), strict=True)
        return {name: value for name, value in values if value is not None}

    async def keep(self, name: object, value: object) -> None:
        """Write a secret. Raises BadSecret."""
        name, value = check_name(name), check_value(value)
        await self._room(self._environment, check_name, name, MOST_SECRETS)
        await self._write([*self._environment, name], {"value": value})

    async def drop(self, name: object) -> None:
        """Remove a secret for good. Raises BadSecret."""
        await self._remove([*self._environment, check_name(name)])

    async def identity(self) -> tuple[str, str]:
        """Name and mail that commits carry; empty where they were not given."""
        found = await self._vault.read(self.lease.token, self._identity)
        name, mail = _given(check_line, found.get("name")), _given(check_mail, found.get("mail"))
        return name or "", mail or ""

    async def name_commits(self, name: object, mail: object) -> None:
        """Write the identity; both empty remove it. Raises BadSecret."""
        name, mail = check_line(name), check_mail(mail)
        if name or mail:
            await self._write(self._identity, {"name": name, "mail": mail})
        else:
            await self._remove(self._identity)

    async def login_at(self, host: object) -> GitLogin | None:
        """The login at a Git server, if there is one. Raises BadSecret."""
        found = await self._vault.read(self.lease.token, [*self._hosts, check_host(host)])
        username = _given(check_line, found.get("username"))
        token = _given(check_line, found.get("token"), LONGEST_TOKEN)
        return GitLogin(username, token) if username and token else None

    async def keep_login(self, host: object, username: object, token: object) -> None:
        """Write the login at a Git server. Raises BadSecret."""
        host, username = check_host(host), check_line(username)
        token = check_line(token, LONGEST_TOKEN)
        if not (username and token):
            raise BadSecret(
                Said(
                    "Write the user name and the token.",
                    "Écrivez le nom d'utilisateur et le jeton.",
                )
            )
        await self._room(self._hosts, check_host, host, MOST_HOSTS)
        await self._write([*self._hosts, host], {"username": username, "token": token})

    async def drop_login(self, host: object) -> None:
        """Remove the login at a Git server for good. Raises BadSecret."""
        await self._remove([*self._hosts, check_host(host)])

    async def _kept(self, folder: list[str], check: Callable[..., str]) -> list[Kept]:
        names = await self._names(folder, check)
        times = await asyncio.gather(
            *(self._vault.changed(self.lease.token, [*folder, name]) for name in names)
        )
        return [Kept(name, time) for name, time in zip(names, times, strict=True) if time]

    async def _names(self, folder: list[str], check: Callable[..., str]) -> list[str]:
        found = await self._vault.names(self.lease.token, folder)
        return [name for name in found if _given(check, name) == name]

    async def _room(
        self, folder: list[str], check: Callable[..., str], name: str, most: int
    ) -> None:
        names = await self._names(folder, check)
        if name not in names and len(names) >= most:
            raise BadSecret(
                Said(
                    f"You keep {most} of these already; remove one first.",
                    f"Vous en gardez déjà {most} ; retirez-en un d'abord.",
                )
            )

    async def _write(self, path: list[str], value: dict[str, str]) -> None:
        await self._vault.write(self.lease.token, path, value)

    async def _remove(self, path: list[str]) -> None:
        await self._vault.remove(self.lease.token, path)


class SecretDesks:
    """Opens people's desks: each by a login as that person, with that person's reach."""

    def __init__(self, vault: Vault, issuer: Issuer) -> None:
        self._vault = vault
        self._issuer = issuer

    @asynccontextmanager
    async def open(self, person: Identity) -> AsyncIterator[SecretDesk]:
        """The desk of `person`; its token is given back at the end."""
        lease = await self._log_in(person)
        try:
            yield SecretDesk(self._vault, person.name, lease)
        finally:
            await self._vault.revoke(lease.token)

    async def lease_to_session(self, person: Identity) -> Lease:
        """A token of `person` that lives as long as the settings say, and can be renewed."""
        lease = await self._log_in(person)
        return await self._vault.renew(lease.token) or lease

    async def renew(self, token: str) -> Lease | None:
        """`Vault.renew`."""
        return await self._vault.renew(token)

    async def _log_in(self, person: Identity) -> Lease:
        # The slug: a name may hold what means something in paths or policies, and vaults take
        # names that differ by case for one.
        claims = {FOLDER: slug(person.name)}
        web_token = await asyncio.to_thread(self._issuer.sign, person, AUDIENCE, claims)
        return await self._vault.log_in(web_token)


def _given(check: Callable[..., str], value: object, *more: int) -> str | None:
    """What others wrote into the vault, when it holds to the rules."""
    try:
        checked: str = check(value, *more)
    except BadSecret:
        return None
    return checked

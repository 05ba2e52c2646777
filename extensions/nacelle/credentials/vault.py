"""The HTTP interface of a Vault or OpenBao, as far as people's secrets need it: login by a web
token, and a KV engine of version 2.

https://openbao.org/api-docs/auth/jwt/ and https://openbao.org/api-docs/secret/kv/kv-v2/. Nothing
of what is kept there stands in a log or in an error.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from nacelle.settings.vault import VaultSettings

# For whom the broker's web tokens are: the store's are refused at the vault, and the other way.
AUDIENCE = "nacelle-vault"
# Claim that names the person's folder, and by which the vault knows them.
FOLDER = "folder"

log = logging.getLogger(__name__)


class VaultAway(Exception):
    """The vault does not answer, is sealed, or fails; it may be back in a moment."""


class VaultRefused(Exception):
    """The vault refuses what it should allow: it is not set up as the guide says."""


@dataclass(frozen=True)
class Lease:
    """A token of the vault and the seconds that it lives unless it is renewed."""

    token: str = field(repr=False)
    seconds: int


class Vault:
    """One vault. Paths are lists of names below the engine; whoever calls has checked them."""

    def __init__(self, settings: VaultSettings) -> None:
        context = ssl.create_default_context(cafile=settings.ca_file)
        self._http = httpx.AsyncClient(
            base_url=f"{settings.url}/v1", verify=context, timeout=5, trust_env=False
        )
        self._settings = settings

    async def log_in(self, web_token: str) -> Lease:
        """Exchange a web token of the broker. Raises VaultAway or VaultRefused."""
        path = ["auth", self._settings.auth_path, "login"]
        body = {"role": self._settings.role, "jwt": web_token}
        answer = await self._ask("POST", path, None, body)
        if answer.status_code != HTTPStatus.OK:
            # Why is for the administrator; it names claims and never holds the token.
            raise _refused("login", answer, self._settings.role)
        return _lease(answer)

    async def renew(self, token: str) -> Lease | None:
        """The same token with `token_life` before it; None when it has ended. Raises VaultAway."""
        body = {"increment": self._settings.token_life}
        answer = await self._ask("POST", ["auth", "token", "renew-self"], token, body)
        return _lease(answer) if answer.status_code == HTTPStatus.OK else None

    async def revoke(self, token: str) -> None:
        """Give a token back. One that is not taken back ends by itself."""
        try:
            await self._ask("POST", ["auth", "token", "revoke-self"], token)
        except VaultAway:
            log.info("a token was not given back to the vault")

    async def names(self, token: str, folder: list[str]) -> list[str]:
        """What a folder holds, without its folders. Raises VaultAway or VaultRefused."""
        answer = await self._ask(
            "GET", self._kv("metadata", folder), token, params={"list": "true"}
        )
        found = self._data(answer, "list").get("keys", [])
        return sorted(str(name) for name in found if not str(name).endswith("/"))

    async def changed(self, token: str, path: list[str]) -> str | None:
        """When an entry was last written (RFC 3339); None when there is none or it was deleted.
        Its value is not read."""
        answer = await self._ask("GET", self._kv("metadata", path), token)
        data = self._data(answer, "read")
        version = data.get("versions", {}).get(str(data.get("current_version")), {})
        gone = not version or version.get("deletion_time") or version.get("destroyed")
        return None if gone else str(version["created_time"])

    async def read(self, token: str, path: list[str]) -> dict[str, Any]:
        """What an entry holds, {} when there is none. Raises VaultAway or VaultRefused."""
        answer = await self._ask("GET", self._kv("data", path), token)
        return self._data(answer, "read").get("data") or {}

    async def write(self, token: str, path: list[str], value: dict[str, str]) -> None:
        """Write an entry as a new version. Raises VaultAway or VaultRefused."""
        answer = await self._ask("POST", self._kv("data", path), token, {"data": value})
        self._data(answer, "write")

    async def remove(self, token: str, path: list[str]) -> None:
        """Remove an entry with all its versions. Raises VaultAway or VaultRefused."""
        answer = await self._ask("DELETE", self._kv("metadata", path), token)
        self._data(answer, "remove")

    def _kv(self, part: str, path: list[str]) -> list[str]:
        names = [quote(name, safe="") for name in path]
        return [self._settings.mount, part, self._settings.top_dir, *names]

    def _data(self, answer: httpx.Response, what: str) -> dict[str, Any]:
        if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.NO_CONTENT):
            return {}
        if answer.status_code != HTTPStatus.OK:
            raise _refused(what, answer, self._settings.role)
        return _json(answer).get("data") or {}

    async def _ask(
        self,
        method: str,
        path: list[str],
        token: str | None,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> httpx.Response:
        # Mounts and the top folder, which the settings give, may hold slashes.
        address = "/" + "/".join(part.strip("/") for part in path)
        headers = {"X-Vault-Request": "true"} | ({"X-Vault-Token": token} if token else {})
        try:
            answer = await self._http.request(
                method, address, json=body, params=params, headers=headers
            )
        except httpx.HTTPError as error:
            log.warning("the vault does not answer", extra={"error": type(error).__name__})
            raise VaultAway(f"the vault does not answer ({type(error).__name__})") from None
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.status_code >= 500:
            log.warning("the vault fails", extra={"status": answer.status_code})
            raise VaultAway(f"the vault answers {answer.status_code}; it may be sealed")
        return answer


def _lease(answer: httpx.Response) -> Lease:
    auth = _json(answer).get("auth") or {}
    try:
        return Lease(str(auth["client_token"]), int(auth["lease_duration"]))
    except (KeyError, TypeError, ValueError):
        raise VaultAway("something else answers where the vault should be") from None


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise VaultAway("something else answers where the vault should be")
    return body


def _refused(what: str, answer: httpx.Response, role: str) -> VaultRefused:
    status = answer.status_code
    reasons: list[str] = []
    # The vault's words of a login name claims and roles; those of an entry its path.
    if what == "login":
        try:
            reasons = [str(reason)[:300] for reason in answer.json()["errors"]]
        except (ValueError, KeyError, TypeError):
            reasons = []
    log.error("the vault refuses", extra={"what": what, "status": status, "reasons": reasons})
    return VaultRefused(f"the vault refuses to {what} for the role {role} ({status})")

"""The hub's REST interface as the engine uses it: who is still there, and tokens for runs.

An answer that the hub refuses (401, 403) says that the service lacks a right, not that a person is
gone: nothing is concluded from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from nacelle.credentials.issuer import Identity
from nacelle.jobs.engine.outside import HubAway, NotGiven, Token

# What a run may do: get its owner's storage keys, write to MLflow, classify.
SERVICES = ("broker", "mlflow", "nace")
_OK = (200, 201, 204)


class HubClient:
    """Address and token of the service come from the environment that JupyterHub defines."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._http = httpx.AsyncClient(
            base_url=environ["JUPYTERHUB_API_URL"].rstrip("/"),
            headers={"Authorization": f"token {environ['JUPYTERHUB_API_TOKEN']}"},
            timeout=10,
            trust_env=False,
        )

    async def person(self, name: str) -> Identity | None:
        """Somebody as they are now; None when the hub does not know them or took every role away.

        The service needs `read:users:name`, `read:users:groups` and `read:roles:users`.
        """
        answer = await self._ask("GET", _user(name))
        if answer.status_code == 404:
            return None
        model = _json(answer)
        if model.get("roles") == []:
            return None
        projects = tuple(sorted(model.get("groups", ())))
        return Identity("user", name, projects, admin=bool(model.get("admin")))

    async def mint(self, owner: str, run_id: str, seconds: int) -> Token:
        """A token of `owner` for their run. The service needs `tokens`."""
        asked = {
            "note": f"run {run_id}",
            "expires_in": seconds,
            "scopes": [f"access:services!service={name}" for name in SERVICES],
        }
        answer = await self._ask("POST", f"{_user(owner)}/tokens", asked)
        # 403 is also how the hub says that there is no such person, and 400 that they lack a right
        # which the token should have.
        if answer.status_code in (400, 403, 404):
            raise NotGiven(f"the hub gives no token for {owner} ({answer.status_code})")
        model = _json(answer)
        return Token(str(model["id"]), str(model["token"]))

    async def revoke(self, owner: str, token_id: str) -> None:
        """End a token. One that ended by itself, or with its owner, is as good."""
        answer = await self._ask("DELETE", f"{_user(owner)}/tokens/{quote(token_id, safe='')}")
        if answer.status_code not in (*_OK, 404):
            raise HubAway(f"the hub answered {answer.status_code}")

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise HubAway(f"the hub does not answer ({type(error).__name__})") from None


def _user(name: str) -> str:
    return f"/users/{quote(name, safe='')}"


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code not in _OK:
        raise HubAway(f"the hub answered {answer.status_code}")
    try:
        body: dict[str, Any] = answer.json()
    except ValueError:
        raise HubAway("something else answers where the hub should be") from None
    return body

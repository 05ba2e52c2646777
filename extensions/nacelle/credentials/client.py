"""Ask the broker for storage keys with a hub token; the only caller of the broker."""

from __future__ import annotations

import os
from collections.abc import Mapping

import httpx

from nacelle.credentials.keys import Keys, KeysRefused, KeysUnavailable

_FINAL = (400, 401, 403, 404)


def fetch_keys(broker_url: str, hub_token: str, timeout: float = 10) -> Keys:
    """Storage keys of the owner of `hub_token`.

    Raises KeysUnavailable with the broker's reason; KeysRefused where it will stay so.
    """
    try:
        answer = httpx.post(
            f"{broker_url}/keys",
            headers={"Authorization": f"Bearer {hub_token}"},
            timeout=timeout,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise KeysUnavailable(
            f"the key service does not answer ({type(error).__name__}); try again in a minute"
        ) from None
    if answer.status_code != httpx.codes.OK:
        kind = KeysRefused if answer.status_code in _FINAL else KeysUnavailable
        raise kind(f"the key service refused ({answer.status_code}): {_field(answer, 'message')}")
    return Keys.from_wire(answer.json())


def fetch_from_environment(environ: Mapping[str, str] = os.environ) -> Keys:
    """`fetch_keys` with the names that a user's server or a job has in its environment."""
    broker_url, hub_token = _named(environ, "NACELLE_BROKER_URL", "JUPYTERHUB_API_TOKEN")
    return fetch_keys(broker_url, hub_token)


def _named(environ: Mapping[str, str], first: str, second: str) -> tuple[str, str]:
    try:
        return environ[first], environ[second]
    except KeyError as missing:
        raise KeysUnavailable(
            f"{missing.args[0]} is not set: storage keys exist in a server or a job of the platform"
        ) from None


def _field(answer: httpx.Response, name: str) -> str:
    try:
        return str(answer.json()[name])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def fetch_from_provider(environ: Mapping[str, str] = os.environ) -> Keys:
    """Keys from the loopback provider of this server or job, as an SDK would ask for them."""
    url, token = _named(
        environ, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    )
    try:
        answer = httpx.get(url, headers={"Authorization": token}, timeout=15, trust_env=False)
    except httpx.HTTPError as error:
        raise KeysUnavailable(
            f"the key provider does not answer ({type(error).__name__})"
        ) from None
    if answer.status_code != httpx.codes.OK:
        kind = KeysRefused if _field(answer, "code") == KeysRefused.__name__ else KeysUnavailable
        raise kind(_field(answer, "message"))
    return Keys.from_wire(answer.json())

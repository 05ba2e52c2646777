"""How a session asks the broker for its person's secrets; the only caller of these routes beside
the hub's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from nacelle.credentials.secret_wire import GitLogin, SessionSecrets

_FINAL = (401, 403, 404)


class SecretsUnavailable(Exception):
    """There are no secrets to be had now; the message says why and what to do."""


class SecretsRefused(SecretsUnavailable):
    """They will not be given to this session; asking again does not help."""


def fetch_secrets(environ: Mapping[str, str]) -> SessionSecrets:
    """All that a session gets. Raises SecretsUnavailable or SecretsRefused."""
    with _understood():
        return SessionSecrets.from_wire(_ask(environ, "session", {}))


def renew_token(environ: Mapping[str, str], token: str = "") -> tuple[str, int]:
    """A token of the vault and its life in seconds: `token` itself if it can be renewed.

    Raises SecretsUnavailable or SecretsRefused.
    """
    with _understood():
        answer = _ask(environ, "session/renew", {"token": token})
        return str(answer["token"]), int(answer["seconds"])


def fetch_login(environ: Mapping[str, str], host: str) -> GitLogin | None:
    """What Git sends to `host`; None where the person keeps nothing for it.

    Raises SecretsUnavailable.
    """
    try:
        with _understood():
            answer = _ask(environ, "git/login", {"host": host})
            return GitLogin(str(answer["username"]), str(answer["token"]))
    except SecretsRefused:
        return None


@contextmanager
def _understood() -> Iterator[None]:
    """Raises SecretsUnavailable for an answer that is none of the broker's."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SecretsUnavailable("something else answers where the broker should be") from None


def _ask(environ: Mapping[str, str], path: str, body: dict[str, str]) -> Any:
    broker, token = environ["NACELLE_BROKER_URL"], environ["JUPYTERHUB_API_TOKEN"]
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx.post(
            f"{broker}/secrets/{path}", headers=headers, json=body, timeout=10, trust_env=False
        )
    except httpx.HTTPError as error:
        raise SecretsUnavailable(
            f"the broker does not answer ({type(error).__name__}); this is tried again"
        ) from None
    if answer.status_code != httpx.codes.OK:
        kind = SecretsRefused if answer.status_code in _FINAL else SecretsUnavailable
        raise kind(_message(answer))
    return answer.json()


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"the broker answered {answer.status_code}"

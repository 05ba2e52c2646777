"""Callers of the broker's routes for secrets, beside a real OpenBao."""

from __future__ import annotations

from typing import Any

import httpx

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.secrets import read_secret
from tests.support.secrets_broker import SecretsBroker

VALUE = "value-that-stands-nowhere-else"


class Caller:
    """Somebody who asks the broker with a token or a proof."""

    def __init__(self, broker: SecretsBroker, headers: dict[str, str]) -> None:
        self._url = f"{broker.url}/secrets"
        self._http = httpx.Client(headers=headers, timeout=30)

    def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        return self._http.request(method, self._url + path, **body)

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.send(method, path, json=body)
        assert answer.status_code == status, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json() if answer.content else None

    def keep(self, name: str, value: Any, status: int = 204) -> Any:
        return self.ask("PUT", f"/environment/{name}", {"value": value}, status)

    def environment(self) -> dict[str, str]:
        found: dict[str, str] = self.ask("POST", "/session")["environment"]
        return found


def session(broker: SecretsBroker, name: str) -> Caller:
    # Headers hold ASCII: the test's directory takes what is there for the name.
    return Caller(broker, {"Authorization": f"Bearer {name}"})


def page(broker: SecretsBroker, name: str, audience: str = "broker") -> Caller:
    secret = read_secret(broker.layout, "broker.secret")
    return Caller(broker, {PROOF_HEADER: sign_proof(Person(name), audience, secret)})

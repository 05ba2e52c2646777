"""The broker over real HTTP beside the real store. Who holds which token is told by a directory of
the test; with a hub, see tests/journeys/test_keys.py."""

from __future__ import annotations

import threading
from typing import Any, Self

import boto3
import httpx
import uvicorn
from botocore.config import Config

from nacelle.credentials.broker import Broker, make_app
from nacelle.credentials.client import fetch_keys
from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys
from nacelle.credentials.stores import issuer_url, make_store
from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets
from tests.support.waiting import wait_for


class Tokens(HubDirectory):
    """Hub tokens and whom they speak for."""

    def __init__(self) -> None:
        self.holders: dict[str, Identity] = {}

    async def identify(self, authorization: str | None) -> Identity:
        found = self.holders.get((authorization or "").removeprefix("Bearer "))
        if found is None:
            raise NotAllowed(401, "the hub does not know this token; it may have ended")
        return found


class KeyBroker:
    """A context manager."""

    def __init__(self, layout: Layout, life: int = 3600) -> None:
        ensure_secrets(layout)
        self.layout = layout
        self.url = layout.broker_url
        self.tokens = Tokens()
        self.issuer = Issuer(issuer_url(layout), layout.folder("broker") / "keys.json")
        broker = Broker(make_store(layout, self.issuer), life, {"nace": "prix"})
        app = make_app(broker, self.issuer, self.tokens)
        port = layout.port("broker")
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=port, log_config=None, access_log=False)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self._server.started, 20, "the broker's start")
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def keys(self, name: str, *projects: str, kind: str = "user", admin: bool = False) -> Keys:
        """Keys of somebody, asked for as a session asks."""
        token = f"token-of-{len(self.tokens.holders)}"
        self.tokens.holders[token] = Identity(kind, name, projects, admin)
        return fetch_keys(self.url, token)

    def ask(self, token: str) -> httpx.Response:
        return httpx.post(f"{self.url}/keys", headers={"Authorization": f"Bearer {token}"})

    def s3(self, keys: Keys, store: str) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=store,
            region_name="us-east-1",
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

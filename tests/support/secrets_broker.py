"""The broker's routes for secrets, with its keys, over real HTTP beside a real OpenBao.

Who asks is told by whatever directory it is given: a hub's, or one that knows people by name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.secret_routes import make_secret_routes
from nacelle.layout import Layout
from nacelle.prefixes import BROKER_PREFIX
from nacelle.secrets import ensure_secrets
from nacelle.settings import Settings
from tests.support.vault import OpenBao
from tests.support.waiting import free_base, wait_for


class People(HubDirectory):
    """Takes a token for the name of its person; `service:x` for a service."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    async def identify(self, authorization: str | None) -> Identity:
        name = (authorization or "").removeprefix("Bearer ")
        if not name or name in self.gone:
            raise NotAllowed(401, "the hub does not know this token; it may have ended")
        if name.startswith("service:"):
            return Identity("service", name.removeprefix("service:"))
        return Identity("user", name)


class SecretsBroker:
    """A context manager; sets the vault up when it starts."""

    def __init__(
        self, settings: Settings, directory: Callable[[], HubDirectory], bao: OpenBao | None = None
    ) -> None:
        self.layout = Layout(settings)
        ensure_secrets(self.layout)
        self._directory = directory
        self._bao = bao
        self.url = self.layout.broker_url
        self._issuer = Issuer(self.url, self.layout.folder("broker") / "keys.json")
        self._running: tuple[uvicorn.Server, threading.Thread] | None = None

    def __enter__(self) -> Self:
        self.start()
        if self._bao:
            self._bao.set_up(self.url)
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> None:
        port = self.layout.port("broker")
        config = uvicorn.Config(self._app(), port=port, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        self._running = (server, thread)
        wait_for(lambda: server.started, 20, "the broker's start")

    def stop(self) -> None:
        assert self._running is not None
        server, thread = self._running
        server.should_exit = True
        thread.join()

    @property
    def issuer(self) -> Issuer:
        return self._issuer

    def environ(self, token: str) -> dict[str, str]:
        """What a session of the token's person has."""
        return {"NACELLE_BROKER_URL": self.url, "JUPYTERHUB_API_TOKEN": token}

    def _app(self) -> Starlette:
        async def key_set(request: Request) -> Response:
            return JSONResponse(self._issuer.key_set())

        routes = [
            *make_secret_routes(self.layout, self._issuer, self._directory()),
            Route("/jwks.json", key_set),
        ]
        return Starlette(routes=[Mount(BROKER_PREFIX, routes=routes)])


def vault_settings(folder: Path, vault_url: str, **vault: object) -> Settings:
    """Settings of an installation in `folder` whose vault is there."""
    given = {
        "data_dir": folder / "data",
        "port": free_base(),
        "vault": {"url": vault_url, **vault},
    }
    return Settings.model_validate(given)

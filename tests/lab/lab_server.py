"""A real Jupyter server with the platform's extension, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from nacelle.lab.configure import make_root
from tests.support.installation import plain_environment
from tests.support.waiting import free_base, wait_for

TOKEN = "of-jupyter-itself"
HUB_TOKEN = "hub-token-of-alice"


@dataclass
class LabServer:
    """A running server; `http` asks it with its token, `home` is its user's."""

    url: str
    home: Path
    log: Path
    http: httpx.Client

    def browser(self) -> httpx.Client:
        """A page's way in: cookies, and the XSRF token that stands in one of them."""
        client = httpx.Client(base_url=self.url, timeout=30)
        # The page with the form gives the token, the way in with a link the login.
        client.get("/login")
        client.get("/login", params={"token": TOKEN, "next": "/api/me"})
        assert client.get("/api/me").status_code == 200
        return client


@contextmanager
def lab_server(
    folder: Path, app: str = "jupyter_server", **environment: str
) -> Iterator[LabServer]:
    """Jupyter Server, or `jupyterlab`, for a user whose home is in `folder`."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    root = make_root(home)
    port = free_base(2)
    log = folder / "server.log"
    settings = {
        "ServerApp": {
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "allow_root": True,
            "root_dir": str(root),
            "jpserver_extensions": {"nacelle.lab": True},
        },
        "IdentityProvider": {"token": TOKEN},
        # Neither asks anybody on the internet.
        "LabApp": {"news_url": None, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
    }
    file = folder / "jupyter_config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", app, f"--config={file}"],
            cwd=home,
            env=plain_environment(HOME=str(home), **environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    http = httpx.Client(base_url=url, headers={"Authorization": f"token {TOKEN}"}, timeout=60)
    try:
        wait_for(lambda: process.poll() is not None or _answers(http), 60, "the server's start")
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield LabServer(url, home, log, http)
    finally:
        http.close()
        process.terminate()
        process.wait(30)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/status").status_code == 200
    except httpx.HTTPError:
        return False

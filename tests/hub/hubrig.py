"""Start traefik and the hub as the platform does, and talk to them as a browser does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from nacelle.hub.proxy import write_traefik_files
from nacelle.layout import Layout
from nacelle.settings import Settings, load_settings
from tests.support.hubclient import HubClient
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent
PEOPLE: list[dict[str, Any]] = [
    {"name": "admin", "admin": True},
    {"name": "alice", "projects": ["prix"], "mail": "alice@example.org"},
    {"name": "bob", "projects": ["prix", "enquete"]},
    {"name": "camille"},
    {"name": "leaver", "projects": ["prix"]},
]


class Platform:
    """A hub and its proxy in a folder of their own; a context manager."""

    def __init__(self, folder: Path, port: int, **overrides: Any) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.file = folder / "settings.yaml"
        self.people = [dict(person) for person in PEOPLE]
        self.overrides = overrides
        self.proxy: subprocess.Popen[bytes] | None = None
        self.hub: subprocess.Popen[bytes] | None = None
        # Variables of the hub's process over the plain ones.
        self.environment: dict[str, str] = {}
        self.config = ROOT / "hub_config" / "jupyterhub_config.py"
        self.write()

    def write(self) -> None:
        """Write the settings file as `people` and `overrides` have it now."""
        raw = {
            "data_dir": str(self.folder / "data"),
            "profiles": str(ROOT / "hub_config" / "profiles.yaml"),
            "port": self.port,
            "users": self.people,
            "sessions": {"start_timeout": 60},
            **self.overrides,
        }
        self.file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return load_settings(self.file)

    @property
    def layout(self) -> Layout:
        return Layout(self.settings)

    @property
    def hub_log(self) -> Path:
        return self.folder / "hub.log"

    def __enter__(self) -> Platform:
        self.start_proxy()
        self.start_hub()
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            self.stop_sessions()
        finally:
            for process in (self.hub, self.proxy):
                if process is not None and process.poll() is None:
                    process.terminate()
                    process.wait(20)

    def start_proxy(self) -> None:
        """Start traefik, again if it dies as the supervisor does: for a moment another program's
        connection may hold one of its ports."""
        static = write_traefik_files(self.settings)

        def answers() -> bool:
            if self.proxy is None or self.proxy.poll() is not None:
                with (self.folder / "proxy.log").open("ab") as log:
                    command = [str(BINARIES / "traefik"), f"--configfile={static}"]
                    self.proxy = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                address = self.layout.address("proxy-api")
                return httpx.get(f"{address}/ping", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        wait_for(answers, 60, "the proxy's answer")

    def start_hub(self) -> None:
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
        }
        with self.hub_log.open("ab") as log:
            self.hub = subprocess.Popen(
                [
                    str(BINARIES / "jupyterhub"),
                    "-f",
                    str(self.config),
                ],
                env={**environment, "NACELLE_SETTINGS": str(self.file), **self.environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, 60, "the hub's answer")

    def answers(self) -> bool:
        assert self.hub is not None
        assert self.hub.poll() is None, self.hub_log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/hub/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def kill_hub(self) -> None:
        assert self.hub is not None
        self.hub.send_signal(signal.SIGKILL)
        self.hub.wait()

    def stop_hub(self) -> None:
        assert self.hub is not None
        self.hub.terminate()
        self.hub.wait(20)

    def password(self, name: str) -> str:
        lines = (self.layout.secrets / "passwords.txt").read_text(encoding="utf-8").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)[name]

    def stop_sessions(self) -> None:
        """Stop every server, as an administrator would."""
        if self.hub is None or self.hub.poll() is not None or not self.answers():
            return
        chief = next(person["name"] for person in self.people if person.get("admin"))
        admin = self.browser(chief)
        for user in admin.call("GET", "users").json():
            if user["servers"]:
                admin.stop_server(user["name"])

    def browser(self, name: str | None = None, language: str = "en") -> Browser:
        """A client with cookies; logged in as `name` unless that is None."""
        browser = Browser(self.url, language)
        if name is not None:
            answer = browser.log_in(name, self.password(name))
            assert answer.status_code == 200, answer.text
        return browser


class Browser(HubClient):
    """A browser that posts the hub's forms."""

    def log_in(self, name: str, password: str) -> httpx.Response:
        token = form_token(self.get("/hub/login").text)
        fields = {"username": name, "password": password, "_xsrf": token}
        return self.post("/hub/login", data=fields)

    def start_form(self, fields: dict[str, str]) -> httpx.Response:
        return self.post("/hub/spawn", data={"_xsrf": self.xsrf, **fields}, follow_redirects=False)

    def token(self, name: str, **body: Any) -> str:
        made = self.call("POST", f"users/{name}/tokens", json=body)
        assert made.status_code == 201, made.text
        token: str = made.json()["token"]
        return token

    def server_ready(self, name: str) -> bool:
        server = self.call("GET", f"users/{name}").json().get("servers", {}).get("")
        return bool(server and server["ready"])

    def stop_server(self, name: str) -> None:
        self.call("DELETE", f"users/{name}/server")
        wait_for(lambda: not self.call("GET", f"users/{name}").json()["servers"], 60, "the stop")


def form_token(page: str) -> str:
    found = re.search(r'name="_xsrf"\s+value="([^"]+)"', page)
    assert found, page[:2000]
    return found[1]

"""A person with a browser's cookies: logs in, starts a server, runs cells in its kernels."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from websocket import create_connection

from tests.support.hubclient import HubClient
from tests.support.waiting import wait_for


class Person(HubClient):
    """Logged in at the hub when it is made."""

    def __init__(self, url: str, name: str, password: str) -> None:
        super().__init__(url)
        self.name = name
        page = self.get("/hub/login")
        assert page.status_code == 200, page.text[:2000]
        fields = {"username": name, "password": password, "_xsrf": self.xsrf}
        answer = self.post("/hub/login", data=fields)
        assert answer.status_code == 200, answer.text[:2000]

    def __enter__(self) -> Self:
        # httpx opens a client once, and the login did.
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start_server(self, **options: str) -> Server:
        """Start one's server and wait until it is ready."""
        answer = self.call("POST", f"users/{self.name}/server", json=options)
        assert answer.status_code in (201, 202), answer.text
        wait_for(self._ready, 120, f"{self.name}'s server")
        return self.server()

    def _ready(self) -> bool:
        server = self.call("GET", f"users/{self.name}").json()["servers"].get("")
        return bool(server and server["ready"])

    def server(self) -> Server:
        """One's running server, with a token that may open it and nothing else."""
        body = {"note": "tests", "scopes": [f"access:servers!user={self.name}"]}
        made = self.call("POST", f"users/{self.name}/tokens", json=body)
        assert made.status_code == 201, made.text
        return Server(str(self.base_url).rstrip("/"), self.name, made.json()["token"])

    def stop_server(self) -> None:
        self.call("DELETE", f"users/{self.name}/server")
        wait_for(
            lambda: not self.call("GET", f"users/{self.name}").json()["servers"], 60, "the stop"
        )


class Server:
    """A running server, spoken to over the hub's proxy."""

    def __init__(self, url: str, name: str, token: str) -> None:
        self.url = f"{url}/user/{name}"
        self.token = token
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"token {token}"}, timeout=120
        )

    def kernel(self, name: str = "python3") -> Kernel:
        """Start a kernel."""
        made = self.http.post("/api/kernels", json={"name": name, "path": "home"})
        assert made.status_code == 201, made.text
        return Kernel(self, made.json()["id"])


@dataclass
class Result:
    """What a cell printed and showed. `error` holds name, value and traceback when it failed."""

    text: str = ""
    error: str | None = None
    shown: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """A kernel and the websocket to it."""

    def __init__(self, server: Server, kernel_id: str) -> None:
        self._server = server
        self.id = kernel_id
        self._connect()

    def _connect(self) -> None:
        address = self._server.url.replace("http", "ws", 1) + f"/api/kernels/{self.id}/channels"
        self._socket = create_connection(
            address, header=[f"Authorization: token {self._server.token}"], timeout=600
        )

    def reconnect(self) -> None:
        """After the proxy was away."""
        self.close()
        self._connect()

    def close(self) -> None:
        """Leave; the kernel goes on."""
        self._socket.close()

    def run(self, code: str) -> str:
        """Run a cell; its text output. Fails when the cell does."""
        result = self.execute(code)
        assert result.error is None, result.error
        return result.text

    def execute(self, code: str) -> Result:
        """Run a cell and collect what it gives."""
        number = self.send(code)
        return self.collect(number)

    def send(self, code: str) -> str:
        """Send a cell without waiting; the id to collect it by."""
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": "execute_request",
            "username": "",
            "session": number,
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self._socket.send(json.dumps(message))
        return number

    def collect(self, number: str) -> Result:
        result = Result()
        while True:
            message = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                result.text += content["text"]
            elif kind in ("execute_result", "display_data"):
                result.shown.append(content["data"])
                result.text += content["data"].get("text/plain", "")
            elif kind == "error":
                result.error = "\n".join(content["traceback"]) or content["evalue"]
            elif kind == "status" and content["execution_state"] == "idle":
                return result

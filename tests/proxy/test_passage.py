"""What a door does whatever is behind it: here, an application that tells what it was sent."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from nacelle.credentials.identity import PROOF_HEADER, read_proof
from nacelle.proxy.passage import Behind, make_application
from nacelle.secrets import read_secret

from .running import Hub

SECRET = "5" * 64


class Mirror(RequestHandler):
    """Answers with the request it got, and tries to set what it should not."""

    async def get(self) -> None:
        self.set_header("Set-Cookie", "a=b")
        self.set_header("X-Internal", "1")
        self.set_header("ETag", '"e"')
        if self.request.path.endswith("/moved"):
            self.redirect(f"http://{self.request.host}/services/mirror/there?x=1")
        elif self.request.path.endswith("/breaks"):
            self.set_header("Content-Length", "100")
            self.write(b"x" * 10)
            await self.flush()
            self.detach().close()
        else:
            headers = dict(self.request.headers.get_all())
            self.write(json.dumps({"headers": headers, "uri": self.request.uri}))

    post = get


@pytest.fixture
async def door(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Another door, to the mirror, as a later service would have it."""
    socket, port = bind_unused_port()
    mirror = HTTPServer(Application([(r"/.*", Mirror)]))
    mirror.add_socket(socket)
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{hub.layout.address('hub')}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", read_secret(hub.layout, "service.mlflow.token"))
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-mlflow")
    HubOAuth.clear_instance()
    behind = Behind(
        name="Mirror",
        audience="mlflow",
        prefix="/services/mirror",
        address=f"http://127.0.0.1:{port}",
        secret=SECRET,
    )
    socket, port = bind_unused_port()
    server = HTTPServer(make_application(behind))
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}/services/mirror"
    server.stop()
    mirror.stop()
    HubOAuth.clear_instance()


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {hub.token('alice')}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        yield client


async def test_only_what_is_needed_passes(door: str, client: httpx.AsyncClient) -> None:
    sent = {
        "Cookie": "session=secret",
        "X-Forwarded-User": "eve",
        "X-Remote-User": "eve",
        PROOF_HEADER: "forged",
        "Accept-Language": "fr",
    }
    answer = await client.get(f"{door}/a%2Fb/%C3%A9?q=1%2F2", headers=sent)
    got = {key.lower(): value for key, value in answer.json()["headers"].items()}
    assert answer.json()["uri"] == "/services/mirror/a%2Fb/%C3%A9?q=1%2F2"
    assert not {"authorization", "cookie", "x-forwarded-user", "x-remote-user"} & set(got)
    assert got["accept-language"] == "fr"
    assert read_proof(got[PROOF_HEADER.lower()], "mlflow", SECRET).projects == ("prix",)
    assert not {"set-cookie", "x-internal"} & set(answer.headers)
    assert answer.headers["etag"] == '"e"'
    assert got["x-request-id"] == answer.headers["x-request-id"]


async def test_a_redirect_stays_before_the_door(door: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{door}/moved")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/services/mirror/there?x=1"


async def test_half_an_answer_is_not_taken_for_all(door: str, client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{door}/breaks")


async def test_a_hub_that_is_down_is_said(
    door: str, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    HubOAuth.instance().api_url = "http://127.0.0.1:1/hub/api"
    with caplog.at_level(logging.DEBUG):
        answer = await client.post(f"{door}/x", json={})
    assert answer.status_code == 503
    assert "hub does not answer" in answer.json()["message"]
    assert client.headers["Authorization"].split()[1] not in caplog.text


async def test_an_unforeseen_failure_shows_only_a_request_id(
    door: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("inner matters")

    monkeypatch.setattr("nacelle.proxy.passage.sign_proof", fail)
    answer = await client.get(f"{door}/x")
    assert answer.status_code == 500
    assert "inner matters" not in answer.text
    assert answer.json()["request_id"] in answer.json()["message"]

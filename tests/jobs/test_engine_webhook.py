"""Notices to webhooks: the numbered cases of nacelle.jobs.engine.webhook, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nacelle.jobs.engine import webhook
from nacelle.jobs.engine.undelivered import Undelivered
from nacelle.jobs.engine.webhook import Address, Webhooks
from nacelle.jobs.exits import explain
from nacelle.jobs.store import Notice
from tests.jobs import samples

NAME = "hooks.example.org"
PAGE = "http://office.example/hub/jobs/runs/1"
HERE = ip_address("127.0.0.1")


def notice(url: str) -> Notice:
    ended = {"ended": samples.NOON, "exit": explain("exception", cell=1, error="E", message="no")}
    run = samples.run(state="failed", started=samples.NOON, **ended)
    return Notice(1, run, samples.job(name="Étude"), "webhook", url, 0)


class Receiver:
    """A server on loopback that keeps what it is sent."""

    def __init__(self, context: ssl.SSLContext | None = None, status: int = 200) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.names: list[str | None] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            context.sni_callback = lambda _, name, __: self.names.append(name)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port


@contextmanager
def receiving(context: ssl.SSLContext | None = None, status: int = 200) -> Iterator[Receiver]:
    made = Receiver(context, status)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture
def loopback_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for the outside here is on this machine."""
    refused = webhook.address_refused

    def but_here(address: Address, allowed: Any = ()) -> Any:
        return None if address == HERE else refused(address, allowed)

    monkeypatch.setattr(webhook, "address_refused", but_here)


def leads_to(*addresses: str) -> webhook.Resolve:
    async def resolve(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [ip_address(address) for address in addresses]

    asked: list[str] = []
    resolve.asked = asked  # type: ignore[attr-defined]
    return resolve


@pytest.mark.usefixtures("loopback_allowed")
async def test_case_1_the_connection_goes_to_the_address_that_was_checked() -> None:
    resolve = leads_to("127.0.0.1")
    with receiving() as receiver:
        url = f"http://{NAME}:{receiver.port}/a%20b?c=d"
        await Webhooks(resolve=resolve).send(notice(url), PAGE)
    ((path, headers, body),) = receiver.got
    assert (path, headers["Host"]) == ("/a%20b?c=d", f"{NAME}:{receiver.port}")
    assert resolve.asked == [NAME]  # type: ignore[attr-defined]
    assert set(body) == {"job", "run", "state", "said", "url"}
    assert (body["state"], body["url"], body["job"]["name"]) == ("failed", PAGE, "Étude")
    assert "Étude" in body["said"]["fr"]


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate of `name`, and a client's side that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    ) + made.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


@pytest.mark.usefixtures("loopback_allowed")
async def test_case_1_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    server, trust = certificate(tmp_path, NAME)
    with receiving(server) as receiver:
        sender = Webhooks(resolve=leads_to("127.0.0.1"), context=trust)
        await sender.send(notice(f"https://{NAME}:{receiver.port}/x"), PAGE)
        assert len(receiver.got) == 1 and receiver.names == [NAME]
        with pytest.raises(Undelivered) as caught:
            await sender.send(notice(f"https://other.example.org:{receiver.port}/x"), PAGE)
        assert not caught.value.for_good and len(receiver.got) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("10.0.0.1",),
        ("93.184.216.34", "127.0.0.1"),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
    ],
)
async def test_case_2_a_name_that_leads_inside_is_refused(addresses: tuple[str, ...]) -> None:
    with receiving() as receiver:
        sender = Webhooks(resolve=leads_to(*addresses))
        with pytest.raises(Undelivered) as caught:
            await sender.send(notice(f"http://{NAME}:{receiver.port}/"), PAGE)
    assert caught.value.for_good and receiver.got == []
    assert caught.value.said.en != caught.value.said.fr


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "localhost"])
async def test_case_2_an_address_of_the_inside_is_refused(host: str) -> None:
    with receiving() as receiver, pytest.raises(Undelivered) as caught:
        await Webhooks().send(notice(f"http://{host}:{receiver.port}/"), PAGE)
    assert caught.value.for_good and receiver.got == []


async def test_case_2_private_networks_that_the_settings_name_are_let_through() -> None:
    allowed = Webhooks([ip_network("10.1.0.0/16")])
    assert await allowed._checked("10.1.2.3", 80) == ip_address("10.1.2.3")
    with pytest.raises(Undelivered):
        await allowed._checked("10.2.0.1", 80)


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize("status", [302, 307, 404, 500])
async def test_case_3_what_is_answered_is_not_followed(status: int) -> None:
    with receiving(status=status) as receiver:
        sender = Webhooks(resolve=leads_to("127.0.0.1"))
        with pytest.raises(Undelivered, match=str(status)) as caught:
            await sender.send(notice(f"http://{NAME}:{receiver.port}/"), PAGE)
    assert not caught.value.for_good and len(receiver.got) == 1


@pytest.mark.usefixtures("loopback_allowed")
async def test_case_4_no_proxy_stands_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as receiver:
        sender = Webhooks(resolve=leads_to("127.0.0.1"))
        await sender.send(notice(f"http://{NAME}:{receiver.port}/"), PAGE)
    assert len(receiver.got) == 1


@pytest.mark.usefixtures("loopback_allowed")
async def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_IN_ALL", 0.2)
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(5), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(Undelivered) as caught:
        sender = Webhooks(resolve=leads_to("127.0.0.1"))
        await sender.send(notice(f"http://{NAME}:{port}/"), PAGE)
    assert not caught.value.for_good
    silent.close()


async def test_a_name_that_leads_nowhere_is_tried_again() -> None:
    async def nowhere(host: str, port: int) -> list[Address]:
        raise OSError("no such name")

    with pytest.raises(Undelivered) as caught:
        await Webhooks(resolve=nowhere).send(notice(f"http://{NAME}/"), PAGE)
    assert not caught.value.for_good

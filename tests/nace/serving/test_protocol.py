"""Connections whose requests come late, never or without end; a real loop and socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from nacelle.nace.serving.closing import Closing
from nacelle.nace.serving.protocol import Protocol

PATIENCE = 20
GET = b"GET / HTTP/1.1\r\nHost: nace\r\n\r\n"


class Impatient(Protocol):
    head_seconds = 0.3


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    if scope["path"] == "/refused":
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"got", body)]})
    await send({"type": "http.response.body", "body": b"done"})


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def answer(self) -> bytes:
        return await asyncio.wait_for(self._reader.readuntil(b"done\r\n0\r\n\r\n"), PATIENCE)

    async def rest(self) -> bytes:
        """All that comes until the other side closes."""
        return await asyncio.wait_for(self._reader.read(), PATIENCE)


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    # Longer than a test waits: what closes a connection is our own waiting.
    config = uvicorn.Config(app, timeout_keep_alive=10 * PATIENCE, lifespan="off")
    config.load()
    loop = asyncio.get_running_loop()
    state = ServerState()
    server = await loop.create_server(lambda: Impatient(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield Connection(reader, writer)
    writer.close()
    server.close()


@pytest.mark.parametrize("sent", [b"", b"GET /", GET[:-2], b"\r\n\r\n"])
async def test_a_head_that_does_not_come_ends_the_connection(
    connection: Connection, sent: bytes
) -> None:
    await connection.send(sent)
    assert await connection.rest() == b""


async def test_a_head_that_trickles_has_no_more_time(connection: Connection) -> None:
    async def trickle() -> None:
        await connection.send(GET[:-2])
        while True:
            await connection.send(b"x: y\r\n")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    assert await connection.rest() == b""
    trickling.cancel()


async def test_every_request_of_a_connection_is_waited_for_alike(connection: Connection) -> None:
    await connection.send(GET)
    assert (await connection.answer()).startswith(b"HTTP/1.1 200")
    await connection.send(GET)
    await connection.answer()
    await connection.send(GET[:-2])
    assert await connection.rest() == b""


async def test_blank_lines_do_not_keep_a_connection(connection: Connection) -> None:
    await connection.send(GET)
    await connection.answer()
    await connection.send(b"\r\n")
    assert await connection.rest() == b""


async def test_whoever_waits_between_requests_may(connection: Connection) -> None:
    await connection.send(GET)
    await connection.answer()
    # The waiting is uvicorn's there, which is longer.
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.rest(), 3 * Impatient.head_seconds)


async def test_a_body_has_time_beyond_the_head(connection: Connection) -> None:
    await connection.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.rest(), 3 * Impatient.head_seconds)
    await connection.send(b"ab")
    await connection.answer()


async def test_a_head_has_room_but_not_without_end(connection: Connection) -> None:
    await connection.send(GET[:-2] + b"x: " + b"y" * 50_000 + b"\r\n\r\n")
    await connection.answer()
    await connection.send(GET[:-2])
    with pytest.raises(OSError):
        for _ in range(100):
            await connection.send(b"x: " + b"y" * 30_000 + b"\r\n")
            await asyncio.sleep(0)


async def test_a_head_too_large_is_said(connection: Connection) -> None:
    await connection.send(GET[:-2] + b"x: " + b"y" * 70_000)
    said = await connection.rest()
    assert said.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"content-type: application/problem+json\r\n" in said


async def test_requests_in_one_go_are_all_answered(connection: Connection) -> None:
    await connection.send(GET * 3)
    for _ in range(3):
        assert (await connection.answer()).startswith(b"HTTP/1.1 200")


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
OFFERED = b"POST / HTTP/1.1\r\nHost: nace\r\n" + OFFER + b"Content-Length: 7\r\n\r\n"
IN_CHUNKS = b"POST / HTTP/1.1\r\n" + OFFER + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [OFFERED + b"wheat 1"],
        [OFFERED, b"wheat 1"],
        [OFFERED[:40], OFFERED[40:] + b"whe", b"at 1"],
        [IN_CHUNKS + b"7\r\nwheat 1\r\n0\r\n\r\n"],
        [IN_CHUNKS, b"7\r\nwheat 1\r\n", b"0\r\n\r\n"],
    ],
)
async def test_a_body_is_kept_where_another_protocol_is_offered(
    connection: Connection, parts: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    for part in parts:
        await connection.send(part)
        await asyncio.sleep(0.05)
    answer = await connection.answer()
    assert answer.startswith(b"HTTP/1.1 200") and b"got: wheat 1\r\n" in answer
    # The connection goes on as it was, and nobody has to hear of it.
    await connection.send(GET)
    assert b"got: \r\n" in await connection.answer()
    assert not [one for one in caplog.records if one.levelname != "INFO"]


async def test_requests_in_one_go_may_all_offer_another_protocol(connection: Connection) -> None:
    plain = GET[:-2] + OFFER + b"\r\n"
    await connection.send((OFFERED + b"wheat 1" + plain) * 300)
    for _ in range(300):
        assert b"got: wheat 1\r\n" in await connection.answer()
        assert b"got: \r\n" in await connection.answer()


async def test_another_server_is_not_connected_to(connection: Connection) -> None:
    await connection.send(b"CONNECT nace:80 HTTP/1.1\r\nHost: nace\r\n\r\n")
    assert (await connection.rest()).startswith(b"HTTP/1.1 400")


REFUSED = b"POST /refused HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n"


async def test_whoever_still_sends_hears_the_refusal(connection: Connection) -> None:
    await connection.send(REFUSED)
    for _ in range(300):
        # A client that never looks: each part would fail on a connection that was cut.
        await connection.send(b" " * 100_000)
        await asyncio.sleep(0)
    assert (await connection.rest()).endswith(b"\r\n\r\nno")


async def test_nobody_sends_without_end(connection: Connection) -> None:
    await connection.send(REFUSED)
    with pytest.raises(OSError):
        for _ in range(1_000):
            await connection.send(b" " * 1_000_000)
    assert Closing.most < 1_000 * 1_000_000


async def test_nobody_holds_a_refused_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Closing, "seconds", 0.1)
    await connection.send(REFUSED)

    async def trickle() -> None:
        with pytest.raises(OSError):
            while True:
                await connection.send(b" ")
                await asyncio.sleep(0.02)

    await asyncio.wait_for(trickle(), PATIENCE)

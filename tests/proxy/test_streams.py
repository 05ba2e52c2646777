"""Large files pass through in pieces; half of one is never kept."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from .running import Hub, until

MEGABYTE = 1 << 20
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def _memory(hub: Hub, part: str) -> int:
    return int(psutil.Process(hub.pid(part)).memory_info().rss) // MEGABYTE


def test_a_large_file_goes_up_and_down_without_being_held(hub: Hub) -> None:
    piece = bytes(range(256)) * (MEGABYTE // 256)
    size = 200
    total = hashlib.sha256(piece * size).hexdigest()

    def pieces() -> Iterator[bytes]:
        for _ in range(size):
            yield piece

    before = {part: _memory(hub, part) for part in ("mlflow-door", "mlflow")}
    with hub.client("alice") as client:
        length = {"Content-Length": str(size * MEGABYTE)}
        for headers in (length, {}):
            answer = client.put(f"{ARTIFACTS}/large.bin", content=pieces(), headers=headers)
            assert answer.status_code == 200, answer.text
        found = hashlib.sha256()
        with client.stream("GET", f"{ARTIFACTS}/large.bin") as down:
            for chunk in down.iter_bytes():
                found.update(chunk)
    assert found.hexdigest() == total
    for part, memory in before.items():
        grown = _memory(hub, part) - memory
        assert grown < 60, f"{part} grew by {grown} MB"


def test_half_an_upload_is_not_kept(hub: Hub) -> None:
    address = urlsplit(hub.mlflow)
    head = (
        f"PUT {address.path}{ARTIFACTS}/half.bin HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {hub.token('alice')}\r\nContent-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"x" * 500_000)
    folder: Path = hub.folder / "artifacts" / "workspaces" / "user-alice"
    log = hub.log("mlflow-door")
    until(lambda: '"path": "/services/mlflow' in log.read_text())
    with hub.client("alice") as client:
        # A later request of the same person is answered, and the half is nowhere.
        assert client.put(f"{ARTIFACTS}/whole.bin", content=b"x").status_code == 200
        until(lambda: client.get(f"{ARTIFACTS}/half.bin").status_code == 404)
    assert not list(folder.rglob("half.bin"))

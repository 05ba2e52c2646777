"""Start, stop, kill and start again: nothing acknowledged is lost, nothing stays behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from nacelle.storage.embedded.checks import CannotStart, check_folder, check_port, only_one

from .conftest import Issuer, Platform, exchange, free_base, installation, s3_client, wait_until

A = "user-ada"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A store of the test's own, in a folder too deep for the path of a Unix socket."""
    store = installation(tmp_path / ("deep" * 20) / ("er" * 40), free_base(), key_life=600)
    issuer = Issuer(store.layout.port("broker"))
    issuer.start()
    store.start()
    try:
        yield Platform(store, issuer)
    finally:
        issuer.stop()
        store.kill()


def stored(client: Any) -> dict[str, str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=A)
    return {
        item["Key"]: hashlib.md5(
            client.get_object(Bucket=A, Key=item["Key"])["Body"].read()
        ).hexdigest()
        for page in pages
        for item in page.get("Contents", [])
    }


@pytest.mark.drill
def test_kill_during_writes_loses_nothing_acknowledged(own: Platform) -> None:
    keys = own.keys("user:ada")
    s3_client(own.store.url, keys).create_bucket(Bucket=A)
    acknowledged: dict[str, str] = {}

    def write(worker: int) -> None:
        client = s3_client(own.store.url, keys)
        for number in range(10_000):
            body = os.urandom(20_000)
            try:
                client.put_object(Bucket=A, Key=f"{worker}/{number}", Body=body)
            except (BotoCoreError, ClientError):
                return
            acknowledged[f"{worker}/{number}"] = hashlib.md5(body).hexdigest()

    for size in (40, 80, 120):
        workers = [threading.Thread(target=write, args=(n + size,)) for n in range(3)]
        for worker in workers:
            worker.start()
        wait_until(lambda size=size: len(acknowledged) >= size, 60)  # type: ignore[misc]
        own.store.kill()
        for worker in workers:
            worker.join()
        own.store.start()
    client = s3_client(own.store.url, keys)
    assert len(acknowledged) >= 120
    for key, digest in acknowledged.items():
        body = client.get_object(Bucket=A, Key=key)["Body"].read()
        assert hashlib.md5(body).hexdigest() == digest
    # A kill between object and listing leaves the entry to the upkeep.
    assert own.store.process is not None
    own.store.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: acknowledged.items() <= stored(client).items(), 30)


def test_a_stop_and_a_second_start_without_the_broker(own: Platform) -> None:
    client = own.s3("user:ada")
    client.create_bucket(Bucket=A)
    client.put_object(Bucket=A, Key="kept", Body=b"kept")
    token = own.issuer.token("user:ada")
    assert own.store.terminate() < 5
    assert own.store.process is not None and own.store.process.returncode == 0
    own.issuer.stop()
    own.store.start()
    assert client.get_object(Bucket=A, Key="kept")["Body"].read() == b"kept"
    again = s3_client(own.store.url, exchange(own.store.url, token))
    assert [item["Key"] for item in again.list_objects_v2(Bucket=A)["Contents"]] == ["kept"]
    assert "Traceback" not in own.store.err.read_text()


def test_one_process_and_a_stop_with_open_connections(own: Platform) -> None:
    assert own.store.process is not None
    pid = own.store.process.pid
    own.store.process.send_signal(signal.SIGUSR1)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    assert children.stdout.strip() == ""
    with socket.create_connection(("127.0.0.1", own.store.layout.port("store"))) as idle:
        idle.sendall(b"GET /healthcheck HTTP/1.1\r\nHost: x\r\n")
        assert own.store.terminate() < 5


def test_health_needs_no_key_and_shows_each_server(own: Platform) -> None:
    answer = httpx.get(f"{own.store.url}/healthcheck")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "account": "ok", "container": "ok", "object": "ok"}
    disk = own.store.layout.folder("store") / "devices" / "disk"
    disk.rename(disk.with_name("away"))
    try:
        url = f"{own.store.url}/healthcheck"
        wait_until(lambda: httpx.get(url).status_code == 503, 20)
    finally:
        (disk.with_name("away")).rename(disk)
    # One bad answer of the only node must not poison it.
    wait_until(lambda: httpx.get(f"{own.store.url}/healthcheck").status_code == 200, 5)


def test_stale_uploads_are_aborted_and_others_stay(own: Platform) -> None:
    client = own.s3("user:ada")
    client.create_bucket(Bucket=A)
    opened = {}
    for key in ("stale/key", "fresh", "done"):
        where = {"Bucket": A, "Key": key}
        where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
        tag = client.upload_part(**where, PartNumber=1, Body=b"part")["ETag"]
        opened[key] = (where, tag)
    where, tag = opened["done"]
    client.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    # Reading the listing makes Swift write its pending entries into the database.
    assert len(client.list_multipart_uploads(Bucket=A)["Uploads"]) == 2
    own.store.terminate()
    _backdate(own.store.layout.folder("store"), opened["stale/key"][0]["UploadId"])
    own.store.start()
    assert own.store.process is not None
    own.store.process.send_signal(signal.SIGUSR1)

    def open_uploads() -> list[str]:
        return [u["Key"] for u in client.list_multipart_uploads(Bucket=A).get("Uploads", [])]

    wait_until(lambda: open_uploads() == ["fresh"], 20)
    assert client.list_parts(**opened["fresh"][0])["Parts"]
    assert client.get_object(Bucket=A, Key="done")["Body"].read() == b"part"
    # All the other upkeep ran in the same turn, and had nothing to complain of.
    assert own.store.err.read_text() == ""


def test_an_unfinished_completion_keeps_its_parts(own: Platform) -> None:
    """The store stopped between the last two steps: object made, marker of the upload left."""
    client = own.s3("user:ada")
    client.create_bucket(Bucket=A)
    where = {"Bucket": A, "Key": "whole"}
    where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
    tag = client.upload_part(**where, PartNumber=1, Body=b"part")["ETag"]
    containers = own.store.layout.folder("store") / "devices" / "disk" / "containers"
    assert len(client.list_multipart_uploads(Bucket=A)["Uploads"]) == 1
    kept = containers.with_name("kept")
    own.store.terminate()
    shutil.copytree(containers, kept)
    own.store.start()
    client.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    own.store.terminate()
    shutil.rmtree(containers)
    kept.rename(containers)
    _backdate(own.store.layout.folder("store"), where["UploadId"])
    own.store.start()
    assert own.store.process is not None
    own.store.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: not client.list_multipart_uploads(Bucket=A).get("Uploads"), 20)
    assert client.get_object(Bucket=A, Key="whole")["Body"].read() == b"part"


def test_a_late_listing_entry_is_caught_up(own: Platform) -> None:
    client = own.s3("user:ada")
    client.create_bucket(Bucket=A)
    client.put_object(Bucket=A, Key="first", Body=b"1")
    containers = own.store.layout.folder("store") / "devices" / "disk" / "containers"
    containers.rename(containers.with_name("away"))
    client.put_object(Bucket=A, Key="late", Body=b"2")
    shutil.rmtree(containers, ignore_errors=True)
    containers.with_name("away").rename(containers)
    assert client.get_object(Bucket=A, Key="late")["Body"].read() == b"2"
    assert list(stored(client)) == ["first"]
    assert own.store.process is not None
    own.store.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: sorted(stored(client)) == ["first", "late"], 20)


def _backdate(store: Path, upload: str) -> None:
    """Make the marker of an upload look nine days old in its listing."""
    old = f"{time.time() - 9 * 86400:016.5f}"
    changed = 0
    for file in store.glob("devices/disk/containers/*/*/*/*.db"):
        with sqlite3.connect(file) as db:
            db.create_function("chexor", 3, lambda hash_, name, stamp: hash_)
            rows = db.execute("SELECT * FROM object WHERE name LIKE ?", (f"%/{upload}",)).fetchall()
            names = [column[1] for column in db.execute("PRAGMA table_info(object)")]
            for row in rows:
                fields = dict(zip(names, row, strict=True)) | {"created_at": old}
                db.execute("DELETE FROM object WHERE ROWID = ?", (fields.pop("ROWID"),))
                marks = ",".join("?" * len(fields))
                db.execute(
                    f"INSERT INTO object ({','.join(fields)}) VALUES ({marks})",
                    tuple(fields.values()),
                )
                changed += 1
        db.close()
    assert changed == 1


def test_memory_and_idle_processor_time(own: Platform) -> None:
    """Loose limits that a leak or a busy loop breaks; the figures are the bench's business."""
    client = own.s3("user:ada")
    client.create_bucket(Bucket=A)
    for number in range(20):
        client.put_object(Bucket=A, Key=str(number), Body=os.urandom(1_000_000))
    assert own.store.process is not None
    status = Path(f"/proc/{own.store.process.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) < 110 * 1024


def _start_and_read(settings: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "nacelle.storage.embedded"],
        env=os.environ | {"NACELLE_SETTINGS": str(settings)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


def test_a_busy_port_and_a_second_store_are_sentences(own: Platform, tmp_path: Path) -> None:
    other = installation(tmp_path / "other", own.store.layout.settings.port)
    code, said = _start_and_read(other.settings_file)
    assert code == 2 and "stop the program that uses it" in said and len(said.splitlines()) == 1
    same = tmp_path / "same.yaml"
    same.write_text(f"port: {free_base()}\ndata_dir: {own.store.layout.data}\n")
    code, said = _start_and_read(same)
    assert code == 2 and "Another store already runs" in said
    assert own.store.healthy()


def test_wrong_settings_are_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("prot: 1\n")
    code, said = _start_and_read(file)
    assert code == 2 and "did you mean 'port'" in said


def test_checks_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="set data_dir"):
        check_folder(tmp_path / "file")
    with pytest.raises(CannotStart, match=r"no extended attributes|cannot write"):
        check_folder(Path("/proc/self"))
    monkeypatch.setattr("nacelle.storage.embedded.checks.RESERVE_BYTES", 2**60)
    with pytest.raises(CannotStart, match="free some space"):
        check_folder(tmp_path)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(CannotStart, match="cannot listen"):
            check_port("127.0.0.1", busy.getsockname()[1])
    held = only_one(tmp_path)
    with pytest.raises(CannotStart, match="already runs"):
        only_one(tmp_path)
    os.close(held)


def test_tls_with_the_installations_own_authority(tmp_path: Path) -> None:
    store = installation(tmp_path, free_base(), tls=True)
    issuer = Issuer(store.layout.port("broker"))
    issuer.start()
    store.start()
    try:
        ca = store.layout.ca_file
        keys = exchange(store.url, issuer.token("user:ada"), verify=str(ca))
        client = s3_client(store.url, keys, verify=str(ca))
        client.create_bucket(Bucket=A)
        body = os.urandom(2_000_000)
        client.put_object(Bucket=A, Key="k", Body=body)
        assert client.get_object(Bucket=A, Key="k")["Body"].read() == body
        with pytest.raises(httpx.ConnectError, match="certificate"):
            httpx.get(f"{store.url}/healthcheck")
        modes = {p.name: p.stat().st_mode & 0o777 for p in ca.parent.iterdir()}
        assert modes == {
            "bundle.pem": 0o600,
            "ca.pem": 0o644,
            "store.pem": 0o644,
            "ca.key.pem": 0o600,
            "store.key.pem": 0o600,
        }
        # A client that never shakes hands must not hold up the others.
        with socket.create_connection(("127.0.0.1", store.layout.port("store"))):
            assert store.healthy()
        before = ca.read_bytes()
        assert store.terminate() < 5
        store.start()
        assert ca.read_bytes() == before
    finally:
        issuer.stop()
        store.kill()

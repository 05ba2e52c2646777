"""How fast objects go into the store and out of it, beside plain Swift on the same disk."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import boto3
import httpx
from botocore.config import Config

from benchmarks.figure import Figure, Goal, Report
from benchmarks.plain_swift import ACCESS_KEY, SECRET_KEY, plain_swift
from benchmarks.running import answers, new_installation, running
from nacelle.secrets import read_secret
from nacelle.storage.embedded.keys import Identity, KeySigner
from tests.support.installation import Installation, plain_environment
from tests.support.waiting import wait_for

OBJECTS = 200
BATCH = 20
SIZE = 1_000_000
BUCKET = "user-bench"
SHARE_OF_PLAIN = 0.8
PATIENCE = 60.0


def run(report: Report) -> Iterable[Figure]:
    """OBJECTS objects of SIZE bytes, one after the other, in batches that take turns."""
    with new_installation() as installation:
        region = installation.settings.store.region
        report("starting the store and plain Swift")
        with (
            _our_store(installation) as ours,
            plain_swift(installation.folder / "plain", region) as plain_url,
        ):
            keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
            plain = _client(plain_url, region, keys)
            body = os.urandom(SIZE)
            for client in (ours, plain):
                client.create_bucket(Bucket=BUCKET)
                _put(client, "first", body)
                _get(client, "first")
            return list(_compare(report, ours, plain, body))


def _compare(report: Report, ours: Any, plain: Any, body: bytes) -> Iterator[Figure]:
    calls: dict[str, Callable[[Any, str], None]] = {"put": partial(_put, body=body), "get": _get}
    for name, call in calls.items():
        spent = {"ours": 0.0, "plain": 0.0}
        for first in range(0, OBJECTS, BATCH):
            for whose, client in (("ours", ours), ("plain", plain)):
                began = time.monotonic()
                for number in range(first, first + BATCH):
                    call(client, f"object-{number}")
                spent[whose] += time.monotonic() - began
        rates = {whose: OBJECTS * SIZE / 1e6 / seconds for whose, seconds in spent.items()}
        report(f"{name}: {rates['ours']:.1f} MB/s, plain Swift {rates['plain']:.1f} MB/s")
        yield _figure(f"store.{name}", rates["ours"], rates["plain"])


def _figure(name: str, ours: float, plain: float) -> Figure:
    return Figure(
        name,
        ours / plain,
        "of plain rate",
        f"plain Swift {version('swift')} {plain:.1f} MB/s (the store {ours:.1f} MB/s)",
        Goal(">=", SHARE_OF_PLAIN),
        f"{OBJECTS} x 1 MB by boto3, one connection; plain: Swift's four programs with tempauth on"
        " the same disk, same sizes and limits",
    )


def _put(client: Any, key: str, body: bytes) -> None:
    client.put_object(Bucket=BUCKET, Key=key, Body=body)


def _get(client: Any, key: str) -> None:
    got = len(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    if got != SIZE:
        raise RuntimeError(f"{key} has {got} bytes instead of {SIZE}")


@contextmanager
def _our_store(installation: Installation) -> Iterator[Any]:
    """The store alone, and a client with keys as the store's STS makes them."""
    layout = installation.layout
    layout.data.mkdir()
    environment = plain_environment(NACELLE_SETTINGS=str(installation.file))
    command = [sys.executable, "-m", "nacelle.storage.embedded"]
    log = installation.folder / "store.log"
    with running(command, log, environment, layout.data), httpx.Client(trust_env=False) as client:
        url = layout.address("store")
        wait_for(lambda: answers(client, f"{url}/healthcheck"), PATIENCE, "the store")
        signer = KeySigner(read_secret(layout, "store.key"))
        made = signer.mint(Identity("user:bench"), life=3600)
        keys = {
            "aws_access_key_id": made.access_key_id,
            "aws_secret_access_key": made.secret_access_key,
            "aws_session_token": made.session_token,
        }
        yield _client(url, installation.settings.store.region, keys)


def _client(url: str, region: str, keys: dict[str, str]) -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    return boto3.client("s3", endpoint_url=url, region_name=region, config=config, **keys)

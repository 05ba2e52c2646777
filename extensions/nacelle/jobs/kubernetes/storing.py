"""Notebooks and results in the owner's or project's bucket, reached with the keys of a job's token.

A notebook lies beside the results, by the digest of its bytes: what is there already is the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from nacelle.credentials.client import fetch_keys
from nacelle.credentials.keys import Keys, KeysRefused, KeysUnavailable
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.order import Order
from nacelle.jobs.pipelines.records import RECORD
from nacelle.jobs.running.files import write_text
from nacelle.jobs.running.uploading import CONTENT_TYPES

# Of an item or a record; a notebook of code could write one without end.
MOST_BYTES = 5_000_000
# Where a pod has the notebook that it runs.
NOTEBOOK_FILE = "/work/notebook.ipynb"
_FOLDER = "jobs/.notebooks"


class StoreAway(Passing):
    """The bucket or its keys cannot be had for now; the message says why."""


class StoreRefused(Exception):
    """The store refuses, and will by asking again; the message says why."""


def notebook_address(order: Order) -> str:
    """Where the notebook of an order lies: s3://bucket/jobs/.notebooks/<sha256>.ipynb."""
    bucket = urlsplit(order.target).netloc
    return f"s3://{bucket}/{_FOLDER}/{order.snapshot.notebook.sha256}.ipynb"


class NotThere(StoreRefused):
    """There is no such object."""


class NoKeys(StoreRefused):
    """The owner gets no keys; the message says why."""


class Storing:
    """What the engine puts into buckets, and takes out of them, with the owners' own keys."""

    async def put_notebook(self, order: Order, token: str, file: Path) -> None:
        """Have the notebook in the bucket. Raises StoreAway, StoreRefused."""
        await asyncio.to_thread(_put, order, token, file)

    async def bring_notebook(self, order: Order, token: str) -> bytes:
        """The notebook as it lies in the bucket. Raises StoreAway, StoreRefused."""
        return await asyncio.to_thread(_bring, order, token)

    async def take(self, order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
        """Have copies of objects in files. Raises StoreAway, StoreRefused."""
        await asyncio.to_thread(_take, order, token, wanted)

    async def take_some(self, order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
        """Have copies of those objects that are there. Raises StoreAway, StoreRefused."""
        await asyncio.to_thread(_take_some, order, token, wanted)

    async def give(self, order: Order, token: str, files: Sequence[tuple[Path, str]]) -> None:
        """Put files beside the run's results, by their names there. Raises StoreAway,
        StoreRefused."""
        await asyncio.to_thread(_give, order, token, files)


def read_notebook(order: Order, keys: Keys) -> bytes:
    """The notebook's bytes, as they lie in the bucket. Raises StoreAway, StoreRefused."""
    return _read(store_client(order.variables, keys), notebook_address(order))


def read_record(order: Order, keys: Keys) -> bytes:
    """The record of the run that an order is of. Raises StoreAway, StoreRefused."""
    client = store_client(order.variables, keys)
    return _read(client, f"{order.run_target}/{RECORD}", MOST_BYTES)


def store_client(variables: Mapping[str, str], keys: Keys) -> Any:
    """The store that the variables of a run name."""
    return Session().create_client(
        "s3",
        endpoint_url=variables.get("AWS_ENDPOINT_URL"),
        region_name=variables.get("AWS_DEFAULT_REGION", "us-east-1"),
        verify=variables.get("AWS_CA_BUNDLE"),
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 3},
        ),
    )


def _put(order: Order, token: str, file: Path) -> None:
    client = store_client(order.variables, _keys(order, token))
    content = file.read_bytes()
    _check(content, order)
    _write(client, notebook_address(order), content)


def _bring(order: Order, token: str) -> bytes:
    content = read_notebook(order, _keys(order, token))
    _check(content, order)
    return content


def _check(content: bytes, order: Order) -> None:
    if hashlib.sha256(content).hexdigest() != order.snapshot.notebook.sha256:
        raise StoreRefused("the notebook is not the one that was promoted, byte for byte")


def _take(order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
    client = store_client(order.variables, _keys(order, token))
    for address, file in wanted:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_text(file, _read(client, address).decode("utf-8", errors="replace"))


def _take_some(order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
    client = store_client(order.variables, _keys(order, token))
    for address, file in wanted:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            content = _read(client, address)
        except NotThere:
            continue
        write_text(file, content.decode("utf-8", errors="replace"))


def _give(order: Order, token: str, files: Sequence[tuple[Path, str]]) -> None:
    client = store_client(order.variables, _keys(order, token))
    for file, name in files:
        _write(client, f"{order.run_target}/{name}", file.read_bytes())


def _write(client: Any, address: str, content: bytes) -> None:
    bucket, key = _split(address)
    kind = CONTENT_TYPES[Path(key).suffix]
    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
    except ClientError as error:
        raise _told(error) from None
    except BotoCoreError as error:
        raise StoreAway(f"the store does not answer ({type(error).__name__})") from None


def _keys(order: Order, token: str) -> Keys:
    try:
        return fetch_keys(order.broker_url, token)
    except KeysRefused as error:
        raise NoKeys(str(error)) from None
    except KeysUnavailable as error:
        raise StoreAway(str(error)) from None


def _read(client: Any, address: str, most: int | None = None) -> bytes:
    bucket, key = _split(address)
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        content: bytes = body.read() if most is None else body.read(most + 1)
    except ClientError as error:
        raise _told(error) from None
    except BotoCoreError as error:
        raise StoreAway(f"the store does not answer ({type(error).__name__})") from None
    if most is not None and len(content) > most:
        raise StoreRefused(f"{address} is larger than {most / 1e6:.0f} MB")
    return content


def _told(error: ClientError) -> Exception:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    told = error.response.get("Error", {})
    said = str(told.get("Message") or told.get("Code") or status)
    if status == 404:
        return NotThere(said)
    return StoreAway(said) if status >= 500 or status == 429 else StoreRefused(said)


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.netloc, parts.path.lstrip("/")

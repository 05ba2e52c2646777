"""Multipart uploads that nobody finished: found after some days, and their parts removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from nacelle.storage.embedded import inner

_SEGMENTS = "+segments"
# `s3api` keeps an open upload as an empty object <key>/<upload id> beside its parts <...>/<number>.
_MARKER = re.compile(r"(?P<key>.+)/(?P<upload>[A-Za-z0-9_=-]{48})", re.DOTALL)
_UPLOAD_ID = "X-Object-Sysmeta-S3Api-Upload-Id"


def abort_stale(app: Any, age: timedelta, now: datetime) -> int:
    """Abort the uploads that were opened longer than `age` ago; gives how many.

    An upload whose object exists (the store stopped between the last two steps of completing it)
    loses its marker only: the parts are the object's content.
    """
    aborted = 0
    for container in list(_names(app, None)):
        if not container.endswith(_SEGMENTS):
            continue
        stale = [item for item in _items(app, container) if _is_stale(item, age, now)]
        for item in stale:
            found = _MARKER.fullmatch(item["name"])
            if found is None:
                continue
            bucket = container.removesuffix(_SEGMENTS)
            if not _completed(app, bucket, found["key"], found["upload"]):
                for part in list(_names(app, container, item["name"] + "/")):
                    inner.ask(app, "DELETE", container, part)
                aborted += 1
            inner.ask(app, "DELETE", container, item["name"])
    return aborted


def _is_stale(item: dict[str, Any], age: timedelta, now: datetime) -> bool:
    if item.get("bytes") != 0 or not _MARKER.fullmatch(item["name"]):
        return False
    return datetime.fromisoformat(item["last_modified"]).replace(tzinfo=UTC) < now - age


def _completed(app: Any, bucket: str, key: str, upload: str) -> bool:
    """Whether the object or one of its old versions is made of this upload's parts.

    The current object is asked for by name, since its listing entry may be late. When the store
    cannot say, it counts as completed: parts are never removed on a doubt.
    """
    queries: list[dict[str, str] | None] = [None]
    for item in _items(app, bucket, key, versions=True):
        if item.get("name") == key and item.get("version_id", "null") != "null":
            queries.append({"version-id": item["version_id"]})
    for query in queries:
        answer = inner.ask(app, "HEAD", bucket, key, query)
        unsure = answer.status_int >= 300 and answer.status_int != 404
        if unsure or answer.headers.get(_UPLOAD_ID) == upload:
            return True
    return False


def _names(app: Any, container: str | None, prefix: str = "") -> Iterator[str]:
    for item in _items(app, container, prefix):
        yield item["name"]


def _items(
    app: Any, container: str | None, prefix: str = "", versions: bool = False
) -> Iterator[dict[str, Any]]:
    """Every entry of a container (or of the account), a page at a time."""
    query = {"format": "json", "prefix": prefix, "limit": "1000"}
    if versions:
        query["versions"] = "true"
    while True:
        answer = inner.ask(app, "GET", container, query=query)
        if answer.status_int == 404:
            return
        if answer.status_int >= 300:
            raise OSError(f"listing {container or 'the account'} answers {answer.status_int}")
        page = json.loads(answer.body or "[]")
        if not page:
            return
        yield from page
        query["marker"] = page[-1]["name"]
        if versions:
            query["version_marker"] = page[-1].get("version_id", "null")

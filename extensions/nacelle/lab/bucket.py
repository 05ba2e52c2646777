"""A bucket seen as a tree of folders and files, over boto3; every call blocks.

A folder exists when some key lies under it, whoever wrote it; an empty one is kept by a key that
ends with a slash, as other S3 browsers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from botocore.exceptions import ClientError

# The most that one DeleteObjects call may name.
BATCH = 1000
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})


@dataclass(frozen=True)
class Entry:
    """A file or a folder. `size` in bytes; folders have neither size nor time."""

    key: str
    folder: bool
    size: int | None = None
    modified: datetime | None = None


class Bucket:
    """One bucket. Keys have no leading or trailing slash; '' is the bucket's root."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def entry(self, key: str) -> Entry | None:
        """What `key` is, or None. A file wins over a folder of the same name."""
        if not key:
            return Entry("", folder=True)
        try:
            head = self._client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            return Entry(key, folder=True) if self._has_keys_under(key) else None
        return Entry(key, False, head["ContentLength"], head["LastModified"])

    def entries(self, key: str) -> list[Entry]:
        """Files and folders directly under the folder `key`."""
        prefix = f"{key}/" if key else ""
        found: dict[str, Entry] = {}
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            for item in page.get("CommonPrefixes", ()):
                folder = item["Prefix"].rstrip("/")
                found[folder] = Entry(folder, folder=True)
            for item in page.get("Contents", ()):
                if item["Key"] != prefix:
                    found[item["Key"]] = Entry(
                        item["Key"], False, item["Size"], item["LastModified"]
                    )
        return list(found.values())

    def read(self, key: str) -> bytes:
        """The whole content of a file."""
        content: bytes = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def chunks(self, key: str, size: int) -> Iterator[bytes]:
        """The content of a file, `size` bytes at a time."""
        body = self._client.get_object(Bucket=self.name, Key=key)["Body"]
        chunks: Iterator[bytes] = body.iter_chunks(size)
        return chunks

    def write(self, key: str, content: bytes) -> None:
        """Create or replace a file."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def upload(self, key: str, file: IO[bytes]) -> None:
        """Create or replace a file from an open one, in parts when it is large."""
        self._client.upload_fileobj(file, self.name, key)

    def make_folder(self, key: str) -> None:
        """An empty folder."""
        self._client.put_object(Bucket=self.name, Key=f"{key}/", Body=b"")

    def download(self, key: str, file: IO[bytes]) -> None:
        """Write the content of a file into an open one."""
        self._client.download_fileobj(self.name, key, file)

    def copy(self, key: str, bucket: Bucket, new_key: str) -> list[str]:
        """Copy a file, or a folder with all below it; returns the keys that were copied."""
        keys = self.keys_of(key)
        for source in keys:
            target = new_key + source[len(key) :]
            self._client.copy({"Bucket": self.name, "Key": source}, bucket.name, target)
        return keys

    def delete(self, keys: list[str]) -> None:
        """Delete these keys. Raises PermissionError on the first that may not be."""
        for start in range(0, len(keys), BATCH):
            batch = [{"Key": name} for name in keys[start : start + BATCH]]
            answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": batch})
            for failure in answer.get("Errors", ()):
                raise PermissionError(f"{failure['Key']}: {failure['Message']}")

    def keys_of(self, key: str) -> list[str]:
        """The key of a file, or all keys below a folder; none when there is neither."""
        entry = self.entry(key)
        if entry is not None and not entry.folder:
            return [key]
        pages = self._pages(Prefix=f"{key}/")
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def _has_keys_under(self, key: str) -> bool:
        answer = self._client.list_objects_v2(Bucket=self.name, Prefix=f"{key}/", MaxKeys=1)
        return bool(answer["KeyCount"])

    def _pages(self, **request: str) -> Iterator[dict[str, Any]]:
        pages: Iterator[dict[str, Any]] = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, **request
        )
        return pages

"""Where compacted records go: a bucket, or a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from nacelle.nace.errors import NaceError
from nacelle.nace.serving.disk import sync_folder


class TargetUnusable(NaceError):
    """The target cannot be read or written; the message says why and what to do."""


class Target(Protocol):
    """Files by name, with '/' between its parts. All methods raise TargetUnusable."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, over an older one; durable when it returns."""

    def files(self, under: str) -> dict[str, datetime]:
        """Names of all files below a folder, each with when it was written."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; one that is gone is no error."""


def open_target(address: str) -> Target:
    """The target that `s3://bucket/prefix` or the path of a folder stands for."""
    return Bucket(address) if "://" in address else Folder(Path(address).expanduser())


class Folder:
    """A folder; made when the first file is put into it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, data: bytes) -> None:
        """Write beside, then rename."""
        path = self._root / name
        # The same name at each try, so that what a killed one left is written over; and another
        # ending, since readers' globs take hidden files too.
        beside = path.with_name(f".{path.name}.part")
        with self._usable():
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_up(path.parent, self._root.parent)

    def files(self, under: str) -> dict[str, datetime]:
        """All but hidden files."""
        with self._usable():
            return {
                str(path.relative_to(self._root)): datetime.fromtimestamp(path.stat().st_mtime, UTC)
                for path in (self._root / under).rglob("*")
                if path.is_file() and not path.name.startswith(".")
            }

    def remove(self, names: Sequence[str]) -> None:
        """And the folders that become empty."""
        with self._usable():
            for name in names:
                (self._root / name).unlink(missing_ok=True)
            for parent in {(self._root / name).parent for name in names}:
                if parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TargetUnusable(
                f"{error.filename or self._root}: {error.strerror or error}. Make room or give the"
                " right to write there; the next compaction goes on."
            ) from None


class Bucket:
    """A bucket of an S3 store, or a part of one. The environment has its address and the keys."""

    def __init__(self, address: str) -> None:
        from fsspec.core import url_to_fs

        self._address = address.rstrip("/")
        try:
            # Kept listings would be another process's past.
            found = url_to_fs(self._address, use_listings_cache=False, skip_instance_cache=True)
        except (ValueError, ImportError) as error:
            raise TargetUnusable(f"{address}: {error}; write s3://bucket/prefix.") from None
        self._system: Any = found[0]
        self._root = str(found[1])

    def put(self, name: str, data: bytes) -> None:
        """One call to the store, or a multipart upload that appears when it is complete."""
        with self._usable():
            self._system.pipe_file(f"{self._root}/{name}", data)

    def files(self, under: str) -> dict[str, datetime]:
        """As the store lists them, with its own clock."""
        with self._usable():
            found = self._system.find(f"{self._root}/{under}", detail=True)
            return {
                path.removeprefix(f"{self._root}/"): entry["LastModified"]
                for path, entry in found.items()
            }

    def remove(self, names: Sequence[str]) -> None:
        """Many in one call."""
        if names:
            with self._usable():
                self._system.rm([f"{self._root}/{name}" for name in names])

    @contextmanager
    def _usable(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError

        try:
            yield
        except (OSError, BotoCoreError) as error:
            raise TargetUnusable(
                f"{self._address} cannot be used: {error}. Look whether the store answers and the"
                " bucket may be written to; the next compaction goes on."
            ) from None


def _sync_up(folder: Path, above: Path) -> None:
    """Make the names in a folder durable, and its own in those above it."""
    while folder != above:
        sync_folder(folder)
        folder = folder.parent

"""Lab's file browser: one's home and one's buckets side by side under one root.

The root lists `home` and the buckets, and nothing can be made in it. `home/...` is the local disk;
`<bucket>/...` is the store. Numbered cases, each with a test:

1. open, edit, save, rename, delete, new folder, upload in chunks: in the home and in a bucket;
2. a move or copy of a file between home and bucket, or two buckets, arrives whole, then leaves;
3. the home, a bucket and the root cannot be renamed, deleted or replaced;
4. nothing replaces a file that exists, except saving that file;
5. where one may not write (the public bucket), a 403 says so and nothing changes;
6. a folder does not move into itself, and a move deletes only what it copied;
7. a file does not take the name of a folder;
8. with the store away, the home works and a bucket says 503.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3
import nbformat
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError
from traitlets import default

from nacelle.lab.bucket import Bucket
from nacelle.lab.bucket_contents import BucketContents, Model, as_http_error
from nacelle.lab.bucket_names import bucket_names
from nacelle.lab.places import HOME

BUCKETS_KEPT = 15.0

T = TypeVar("T")


class HomeAndBuckets(AsyncLargeFileManager):  # type: ignore[misc]
    """Dispatches each path to the home or to a bucket. `root_dir` holds a link named `home`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._client: Any = None
        self._names: list[str] = []
        self._asked = float("-inf")

    @default("files_handler_class")  # type: ignore[untyped-decorator]
    def _files_handler(self) -> type:
        from nacelle.lab.files import HomeAndBucketFiles

        return HomeAndBucketFiles

    def bucket(self, path: str) -> tuple[BucketContents, str] | None:
        """The bucket a path lies in and its key there, or None for the home and the root."""
        first, _, key = path.strip("/").partition("/")
        if first in ("", HOME):
            return None
        spool = Path.home() / ".cache" / "nacelle" / "uploads"
        return BucketContents(Bucket(self._s3(), first), spool), key

    def _s3(self) -> Any:
        if self._client is None:
            # Made late: the provider of keys is in the environment by then.
            config = Config(connect_timeout=3, read_timeout=60, retries={"max_attempts": 2})
            self._client = boto3.session.Session().client("s3", config=config)
        return self._client

    async def _in_store(self, path: str, call: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(call)
        except (ClientError, BotoCoreError, PermissionError) as error:
            raise as_http_error(error, path) from None

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> Model:
        """A content model, as Jupyter Server defines it."""
        if not path.strip("/"):
            return await self._root(content)
        place = self.bucket(path)
        if place is None:
            model: Model = await super().get(path, content, type, format, require_hash)
            return model
        bucket, key = place
        algorithm = str(self.hash_algorithm) if require_hash else ""
        model = await self._in_store(
            path, lambda: bucket.get(key, content, type, format, algorithm)
        )
        if content and model["type"] == "notebook":
            self.mark_trusted_cells(model["content"], path)
        return model

    async def _root(self, content: bool) -> Model:
        model = _folder("", "")
        if content:
            names = [HOME, *await self._bucket_names()]
            model["content"] = [_folder(name, name) for name in names]
            model["format"] = "json"
        return model

    async def _bucket_names(self) -> list[str]:
        if time.monotonic() - self._asked > BUCKETS_KEPT:
            try:
                self._names = await asyncio.to_thread(bucket_names, self._s3(), os.environ)
            except (ClientError, BotoCoreError) as error:
                self.log.warning("buckets cannot be listed now: %s", type(error).__name__)
                return self._names
            self._asked = time.monotonic()
        return self._names

    async def save(self, model: Model, path: str = "") -> Model:
        """Write a model and return it without its content."""
        self._refuse_mounts(path, "replaced")
        place = self.bucket(path)
        if place is None:
            saved: Model = await super().save(model, path)
            return saved
        bucket, key = place
        self.run_pre_save_hooks(model=model, path=path)
        if model.get("type") == "notebook":
            self.check_and_sign(nbformat.from_dict(model["content"]), path)
        await self._in_store(path, lambda: bucket.save(key, model))
        if model.get("chunk", -1) != -1:
            return {**_folder(path.rsplit("/", 1)[-1], path), "type": "file"}
        return await self.get(path, content=False)

    async def delete_file(self, path: str) -> None:
        """Delete a file or a folder."""
        self._refuse_mounts(path, "deleted")
        place = self.bucket(path)
        if place is None:
            await super().delete_file(path)
            return
        bucket, key = place
        keys = await self._in_store(path, lambda: bucket.bucket.keys_of(key))
        if not keys:
            raise HTTPError(404, f"{path} does not exist; it may have been moved")
        await self._in_store(path, lambda: bucket.bucket.delete(keys))

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Move within a place, or from one to another."""
        if old_path.strip("/") == new_path.strip("/"):
            return
        self._refuse_mounts(old_path, "renamed")
        self._refuse_mounts(new_path, "replaced")
        old, new = self.bucket(old_path), self.bucket(new_path)
        if old is None and new is None:
            await super().rename_file(old_path, new_path)
            return
        if await self.file_exists(new_path) or await self.dir_exists(new_path):
            raise HTTPError(409, f"{new_path} exists already; choose another name")
        if f"{new_path.strip('/')}/".startswith(f"{old_path.strip('/')}/"):
            raise HTTPError(400, f"{old_path} cannot move into itself; choose a place outside it")
        if old is None or new is None:
            await self._transfer(old_path, new_path)
            await self.delete_file(old_path)
            return
        source, target = old[0].bucket, new[0].bucket
        copied = await self._in_store(old_path, lambda: source.copy(old[1], target, new[1]))
        if not copied:
            raise HTTPError(404, f"{old_path} does not exist; it may have been moved")
        # What was copied and nothing else: a file that came meanwhile stays.
        await self._in_store(old_path, lambda: source.delete(copied))

    async def _transfer(self, old_path: str, new_path: str) -> None:
        """Copy one file between any two places; neither side is held in memory."""
        if await self.dir_exists(old_path):
            raise HTTPError(
                400,
                f"{old_path} is a folder: copy or move its files one by one, or use a terminal to"
                " carry folders between your home and a bucket",
            )
        if not await self.file_exists(old_path):
            raise HTTPError(404, f"{old_path} does not exist; it may have been moved")
        old, new = self.bucket(old_path), self.bucket(new_path)
        if old is not None and new is not None:
            source, target = old[0].bucket, new[0].bucket
            await self._in_store(new_path, lambda: source.copy(old[1], target, new[1]))
        elif new is not None:
            await self._in_store(new_path, lambda: self._upload(old_path, *new))
        elif old is not None:
            await self._in_store(old_path, lambda: self._download(*old, new_path))

    def _upload(self, path: str, contents: BucketContents, key: str) -> None:
        with Path(self._get_os_path(path)).open("rb") as file:
            contents.bucket.upload(key, file)

    def _download(self, contents: BucketContents, key: str, path: str) -> None:
        target = Path(self._get_os_path(path))
        # Whole or not at all: a file that breaks off never bears the name.
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
            partial = Path(file.name)
            try:
                contents.bucket.download(key, file)
            except BaseException:
                partial.unlink()
                raise
        partial.rename(target)

    async def copy(self, from_path: str, to_path: str | None = None) -> Model:
        """Copy a file beside itself or into another folder; folders within the home only."""
        if self.bucket(from_path) is None and self.bucket(to_path or from_path) is None:
            copied: Model = await super().copy(from_path, to_path)
            return copied
        folder = from_path.rsplit("/", 1)[0] if to_path is None else to_path.strip("/")
        name = from_path.rsplit("/", 1)[-1]
        if await self.dir_exists(folder):
            to_path = f"{folder}/{await self.increment_filename(name, folder, insert='-Copy')}"
        assert to_path is not None
        self._refuse_mounts(to_path, "replaced")
        await self._transfer(from_path, to_path)
        return await self.get(to_path, content=False)

    async def file_exists(self, path: str) -> bool:
        """Whether a path is a file."""
        place = self.bucket(path)
        if place is None:
            return bool(await super().file_exists(path))
        entry = await self._in_store(path, lambda: place[0].bucket.entry(place[1]))
        return entry is not None and not entry.folder

    async def dir_exists(self, path: str) -> bool:
        """Whether a path is a folder; each of one's buckets is one."""
        place = self.bucket(path)
        if place is None:
            return bool(await super().dir_exists(path))
        if not place[1]:
            return place[0].bucket.name in await self._bucket_names()
        entry = await self._in_store(path, lambda: place[0].bucket.entry(place[1]))
        return entry is not None and entry.folder

    async def increment_filename(self, filename: str, path: str = "", insert: str = "") -> str:
        """A name that is free in the folder `path`: `a.txt`, then `a-Copy1.txt` for '-Copy'."""
        if self.bucket(path) is None:
            name: str = await super().increment_filename(filename, path, insert)
            return name
        taken = {item["name"] for item in (await self.get(path))["content"]}
        stem, dot, ending = filename.rpartition(".") if "." in filename else (filename, "", "")
        candidates = (f"{stem}{insert}{number}{dot}{ending}" for number in itertools.count(1))
        return next(name for name in itertools.chain([filename], candidates) if name not in taken)

    async def is_hidden(self, path: str) -> bool:
        """Names that begin with a dot are hidden, on the disk and in a bucket."""
        if self.bucket(path) is None:
            return bool(await super().is_hidden(path))
        return any(part.startswith(".") for part in path.split("/"))

    def _refuse_mounts(self, path: str, done: str) -> None:
        if "/" not in path.strip("/"):
            raise HTTPError(
                403,
                f"{path or 'the root'} cannot be {done} here:"
                " open 'home' or one of your buckets and work inside",
            )

    # Checkpoints are files beside the notebook on the local disk; a bucket has none.

    async def create_checkpoint(self, path: str) -> Model:
        """Lab asks for one after each save."""
        if self.bucket(path) is None:
            made: Model = await super().create_checkpoint(path)
            return made
        return {"id": "saved", "last_modified": datetime.now(UTC)}

    async def list_checkpoints(self, path: str) -> list[Model]:
        """None in a bucket."""
        if self.bucket(path) is not None:
            return []
        listed: list[Model] = await super().list_checkpoints(path)
        return listed

    async def restore_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Only in the home."""
        if self.bucket(path) is not None:
            raise HTTPError(404, f"{path} lies in a bucket, where no checkpoints are kept")
        await super().restore_checkpoint(checkpoint_id, path)

    async def delete_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Only in the home."""
        if self.bucket(path) is None:
            await super().delete_checkpoint(checkpoint_id, path)


def _folder(name: str, path: str) -> Model:
    now = datetime.now(UTC)
    return {
        "name": name,
        "path": path,
        "type": "directory",
        "created": now,
        "last_modified": now,
        "size": None,
        "content": None,
        "format": None,
        "mimetype": None,
        "writable": True,
    }

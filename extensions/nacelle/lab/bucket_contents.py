"""Jupyter's content models for one bucket: what Lab opens, saves, renames, uploads there."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from botocore.exceptions import BotoCoreError, ClientError
from tornado.web import HTTPError

from nacelle.lab.bucket import Bucket, Entry

LAST_CHUNK = -1

Model = dict[str, Any]


class BucketContents:
    """Models of one bucket. Paths are keys; every call blocks; errors are tornado's HTTPError."""

    def __init__(self, bucket: Bucket, spool: Path) -> None:
        self.bucket = bucket
        self._spool = spool

    def get(
        self, key: str, content: bool, type: str | None, format: str | None, algorithm: str = ""
    ) -> Model:
        """The model of a file, notebook or folder. 404 when there is none, 400 on a wrong type.

        With `algorithm`, a file's model has the hash by which Lab sees that it changed meanwhile.
        """
        entry = self.bucket.entry(key)
        if entry is None:
            raise HTTPError(404, f"{self._path(key)} does not exist; it may have been moved")
        if entry.folder and type in ("file", "notebook"):
            raise HTTPError(400, f"{self._path(key)} is a folder, not a {type}")
        if not entry.folder and type == "directory":
            raise HTTPError(400, f"{self._path(key)} is a file, not a folder")
        model = self._model(entry)
        if content and entry.folder:
            model["content"] = [self._model(child) for child in self.bucket.entries(key)]
            model["format"] = "json"
        elif content or algorithm:
            data = self.bucket.read(key)
            if content:
                self._fill(model, data, type or model["type"], format)
            if algorithm:
                model["hash"] = hashlib.new(algorithm, data).hexdigest()
                model["hash_algorithm"] = algorithm
        return model

    def save(self, key: str, model: Model) -> None:
        """Write a model, or one chunk of an upload."""
        kind = model.get("type")
        entry = None if kind == "directory" else self.bucket.entry(key)
        if entry is not None and entry.folder:
            raise HTTPError(409, f"{self._path(key)} is a folder; choose another name")
        if kind == "directory":
            self.bucket.make_folder(key)
        elif kind == "notebook":
            notebook = nbformat.from_dict(model["content"])
            self.bucket.write(key, nbformat.writes(notebook).encode())
        elif kind == "file" and "chunk" in model:
            self._save_chunk(key, model)
        elif kind == "file":
            self.bucket.write(key, _decode(model))
        else:
            raise HTTPError(400, f"type: {kind!r} cannot be saved; use file, notebook or directory")

    def _save_chunk(self, key: str, model: Model) -> None:
        """Chunks wait in a local file; the last one sends the whole, so no half is ever seen."""
        name = hashlib.sha256(self._path(key).encode()).hexdigest()
        part = self._spool / name
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        with part.open("wb" if model["chunk"] == 1 else "ab") as file:
            file.write(_decode(model))
        if model["chunk"] == LAST_CHUNK:
            with part.open("rb") as file:
                self.bucket.upload(key, file)
            part.unlink()

    def _model(self, entry: Entry) -> Model:
        # Some stores round a time up to the next second, and Lab would show a future one. The same
        # shift for all, since Lab compares. S3 knows no time of folders.
        modified = entry.modified - timedelta(seconds=1) if entry.modified else datetime.now(UTC)
        return {
            "name": entry.key.rsplit("/", 1)[-1] or self.bucket.name,
            "path": self._path(entry.key),
            "type": _type(entry),
            "created": modified,
            "last_modified": modified,
            "size": entry.size,
            "content": None,
            "format": None,
            "mimetype": None,
            "writable": True,
        }

    def _fill(self, model: Model, data: bytes, type: str, format: str | None) -> None:
        if type == "notebook":
            model["type"], model["format"] = type, "json"
            model["content"] = _notebook(data, model["path"])
            return
        model["type"] = "file"
        model["mimetype"] = mimetypes.guess_type(model["path"])[0]
        try:
            if format == "base64":
                raise UnicodeError
            model["content"], model["format"] = data.decode("utf-8"), "text"
            model["mimetype"] = model["mimetype"] or "text/plain"
        except UnicodeError:
            if format == "text":
                raise HTTPError(400, f"{model['path']} is not text in UTF-8") from None
            model["content"], model["format"] = base64.b64encode(data).decode(), "base64"
            model["mimetype"] = model["mimetype"] or "application/octet-stream"

    def _path(self, key: str) -> str:
        return f"{self.bucket.name}/{key}" if key else self.bucket.name


def as_http_error(error: Exception, path: str) -> HTTPError:
    """What a person is told when the store refuses or is away."""
    if isinstance(error, PermissionError):
        return HTTPError(403, f"{path}: {error}")
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            return HTTPError(403, f"{path}: you may not do this in this bucket")
        return HTTPError(status, f"{path}: {error.response['Error']['Message']}")
    if isinstance(error, BotoCoreError):
        return HTTPError(503, f"{path}: the store does not answer; try again in a minute")
    raise error


def _type(entry: Entry) -> str:
    if entry.folder:
        return "directory"
    return "notebook" if entry.key.endswith(".ipynb") else "file"


def _notebook(data: bytes, path: str) -> Any:
    try:
        return nbformat.reads(data.decode("utf-8"), as_version=4)
    except (UnicodeError, ValueError, nbformat.reader.NotJSONError) as error:
        raise HTTPError(400, f"{path} is not a notebook: {error}") from None


def _decode(model: Model) -> bytes:
    content = model.get("content")
    if not isinstance(content, str):
        raise HTTPError(400, "content: a file needs its content as text or base64")
    try:
        if model.get("format") == "base64":
            # Jupyter's own models break base64 into lines.
            return base64.b64decode("".join(content.split()), validate=True)
    except ValueError:
        raise HTTPError(400, "content: not base64, as 'format' says it is") from None
    return content.encode("utf-8")

"""Downloads: `/files/<path>` from the home's disk, or streamed from a bucket."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import AuthenticatedFileHandler
from tornado import web

from nacelle.lab.bucket import Bucket
from nacelle.lab.bucket_contents import as_http_error
from nacelle.lab.places import HOME

CHUNK = 2**20


class HomeAndBucketFiles(AuthenticatedFileHandler):  # type: ignore[misc]
    """Jupyter's own file handler, which learned to read from buckets."""

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file; `?download=1` makes the browser save it."""
        place = self.contents_manager.bucket(path)
        if place is None:
            # tornado resolves links: `home` is one, so the home itself is the root here.
            self.root = str(Path.home())
            inner = path.strip("/").removeprefix(HOME).lstrip("/")
            await super().get(inner, include_body=include_body)
            return
        self.check_xsrf_cookie()
        contents, key = place
        try:
            await self._stream(contents.bucket, key, include_body)
        except (ClientError, BotoCoreError) as error:
            raise as_http_error(error, path) from None

    @web.authenticated
    @authorized  # type: ignore[untyped-decorator]
    async def head(self, path: str) -> None:
        """The same without the content."""
        await self.get(path, include_body=False)  # type: ignore[misc]

    async def _stream(self, bucket: Bucket, key: str, include_body: bool) -> None:
        entry = await asyncio.to_thread(bucket.entry, key)
        if entry is None or entry.folder:
            raise web.HTTPError(404, f"{bucket.name}/{key} is not a file")
        name = key.rsplit("/", 1)[-1]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.set_header("Content-Type", kind)
        self.set_header("Content-Length", str(entry.size))
        if self.get_argument("download", ""):
            self.set_header("Content-Disposition", f"attachment; filename*=utf-8''{quote(name)}")
        if not include_body:
            return
        chunks = await asyncio.to_thread(bucket.chunks, key, CHUNK)
        while (chunk := await asyncio.to_thread(_next, chunks)) is not None:
            self.write(chunk)
            # Waits for a slow reader, so that memory stays flat.
            await self.flush()


def _next(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)

"""Results on their way to the store: while the notebook runs, and once more at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nacelle.jobs.running.journal import Journal

PAUSE_SECONDS = 5.0
# An upload that takes long is made less often: at most this part of the time goes into it.
_SHARE = 0.2
_RETRY_SECONDS = 1.0
CONTENT_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}


class NotWritten(Exception):
    """An object could not be written; the message says why."""


@dataclass
class _File:
    path: Path
    name: str
    sent: tuple[int, int] | None = None

    def state(self) -> tuple[int, int] | None:
        """What tells a newer content from an older; None when there is no file."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return None
        return now.st_mtime_ns, now.st_size


class Uploads:
    """Keeps the objects below `target` (s3://bucket/prefix) as new as the files of a run.

    `variables` name the store as a session's do; keys come from the environment of this process.
    """

    def __init__(self, target: str, variables: Mapping[str, str], journal: Journal) -> None:
        address = urlsplit(target)
        self.target = target
        self._bucket = address.netloc
        self._prefix = address.path.strip("/")
        self._variables = dict(variables)
        self._journal = journal
        self._files: list[_File] = []
        self._client: Any = None
        self._failing = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="uploads", daemon=True)

    def follow(self, path: Path, name: str) -> None:
        """Keep `path` in the store as `name`."""
        self._files.append(_File(path, name))

    def start(self) -> None:
        """Begin, beside the notebook; a failure is told in the log and tried again."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let what is under way end, for so long at most."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def finish(self, seconds: float) -> dict[str, str]:
        """Send what is not there yet, trying for `seconds`; addresses by name.

        Raises NotWritten when something could not be sent.
        """
        end = time.monotonic() + seconds
        for file in self._files:
            self._insist(file, end)
        return self.written()

    def written(self) -> dict[str, str]:
        """Addresses of what is in the store, in some state, by name."""
        return {one.name: f"{self.target}/{one.name}" for one in self._files if one.sent}

    def _insist(self, file: _File, end: float) -> None:
        while True:
            try:
                return self._send(file)
            except NotWritten:
                if time.monotonic() + _RETRY_SECONDS > end:
                    raise
                time.sleep(_RETRY_SECONDS)

    def _follow(self) -> None:
        wait = PAUSE_SECONDS
        while not self._over.wait(wait):
            began = time.monotonic()
            try:
                for file in list(self._files):
                    self._send(file)
                self._failing = False
            except NotWritten as error:
                if not self._failing:
                    self._journal.say(f"The results cannot be written yet: {error}")
                self._failing = True
            wait = max(PAUSE_SECONDS, (time.monotonic() - began) / _SHARE)

    def _send(self, file: _File) -> None:
        state = file.state()
        if state is None or state == file.sent:
            return
        # Late and in this thread: the SDK loads while the kernel starts.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._store().put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}/{file.name}",
                Body=file.path.read_bytes(),
                ContentType=CONTENT_TYPES[Path(file.name).suffix],
            )
        except ClientError as error:
            told = error.response.get("Error", {})
            raise NotWritten(str(told.get("Message") or told.get("Code") or error)) from None
        except BotoCoreError as error:
            raise NotWritten(str(error)) from None
        file.sent = state

    def _store(self) -> Any:
        if self._client is None:
            from botocore.config import Config
            from botocore.session import Session

            self._client = Session().create_client(
                "s3",
                endpoint_url=self._variables.get("AWS_ENDPOINT_URL"),
                region_name=self._variables.get("AWS_DEFAULT_REGION", "us-east-1"),
                verify=self._variables.get("AWS_CA_BUNDLE"),
                config=Config(
                    s3={"addressing_style": "path"},
                    connect_timeout=5,
                    read_timeout=20,
                    retries={"total_max_attempts": 2},
                ),
            )
        return self._client

"""The log of a pod, as it comes, into the folder that the service reads from.

The runner writes its log to its output, and between its lines its progress, each a line that
begins with a sign that no log holds. Read again from its start, what the folder has already is
passed over: nothing is written twice, whoever was killed in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from pydantic import ValidationError

from nacelle.jobs.kubernetes.cluster import Cluster, ClusterAway, ClusterRefused
from nacelle.jobs.kubernetes.telling import PROGRESS
from nacelle.jobs.manifest import CONTAINER
from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Progress

_AGAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


class Following:
    """One pod's log; `progressed` hears how far the notebook is, `is_over` says that it ended."""

    def __init__(
        self,
        cluster: Cluster,
        pod: str,
        folder: RunFolder,
        progressed: Callable[[Progress], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._cluster = cluster
        self._pod = pod
        self._folder = folder
        self._progressed = progressed
        self._is_over = is_over

    async def run(self) -> None:
        """Until the container's last line."""
        while True:
            over = self._is_over()
            try:
                await self._read()
                if over or self._is_over():
                    return
            except ClusterRefused as error:
                if over or self._is_over():
                    log.warning("a log is not to be had: %s", error, extra={"pod": self._pod})
                    return
            except ClusterAway as error:
                log.info("a log breaks off: %s", error, extra={"pod": self._pod})
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self) -> None:
        self._folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._folder.log.open("ab") as file:
            writing = _Writing(file)
            async for chunk in self._cluster.log(self._pod, CONTAINER):
                for line in writing.take(chunk):
                    self._tell(line)

    def _tell(self, line: bytes) -> None:
        with suppress(ValidationError):
            progress = Progress.model_validate_json(line[len(PROGRESS) :])
            self._folder.write_progress(progress)
            self._progressed(progress)


class _Writing:
    """Writes a log that comes in pieces, but for what its file holds already."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._known = file.tell()
        self._rest = b""
        self._at_line_start = True

    def take(self, chunk: bytes) -> list[bytes]:
        """Write what is of the log; the lines that are not."""
        self._rest += chunk
        told: list[bytes] = []
        while self._rest:
            line, end, rest = self._rest.partition(b"\n")
            if self._at_line_start and line.startswith(PROGRESS):
                if not end:
                    break
                told.append(line)
            else:
                self._write(line + end)
                self._at_line_start = bool(end)
            self._rest = rest
        self._file.flush()
        return told

    def _write(self, text: bytes) -> None:
        if self._known < len(text):
            self._file.write(text[self._known :])
        self._known = max(0, self._known - len(text))

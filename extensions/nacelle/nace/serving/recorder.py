"""Fresh records: JSON lines, in the kernel before an answer leaves."""

from __future__ import annotations

import errno
import fcntl
import hmac
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nacelle.nace.records import PredictionRecord, RecordsUnwritable
from nacelle.nace.serving.disk import sync_folder
from nacelle.nace.text import fold

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
# Of a file, without its ending: when it was begun, and a random number.
NAME = r"\d{8}T\d{6}Z-[0-9a-f]{16}"
_WORD = re.compile(r"\w+")
_CLOSED = -1


class Recorder:
    """Writes the records of one process into files of its own; its threads may share it.

    A file is locked (flock) for as long as it is written to, so whoever can take the lock knows
    that it is complete: a killed process frees it. It is closed at `rotate_bytes`, or when it is
    `rotate_seconds` old. Make one in each process after it was forked: a child would hold the lock.

    With `fsync`, `write` waits for the disk, and so does the event loop that calls it: all that
    waits meanwhile is answered, and written, together the next time. With `text_key`, a keyed hash
    stands for each text; the codes of the answer stay, and they tell much of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: bool,
        rotate_bytes: int,
        rotate_seconds: int,
        text_key: str | None,
    ) -> None:
        self._folder = folder
        self._fsync = fsync
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._text_key = text_key.encode() if text_key else None
        self._encode = msgspec.json.Encoder().encode_lines
        self._lock = threading.Lock()
        self._file = _CLOSED
        self._size = 0
        self._opened = 0.0
        self._failing = False
        self._ended = threading.Event()
        # A service that cannot record still says so, at each answer.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        threading.Thread(target=self._close_old_files, name="recorder", daemon=True).start()

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Hand the records to the kernel, all or none; they survive the process from here on.

        Raises RecordsUnwritable where the disk is full or the folder gone; the next call tries
        again.
        """
        if self._text_key:
            records = [_without_text(record, self._text_key) for record in records]
        lines = self._encode(records)
        with self._lock:
            try:
                self._append(lines)
            except OSError as error:
                self._undo()
                self._tell(error)
                raise RecordsUnwritable(
                    f"The answer cannot be recorded ({error.strerror}), so it is not given; try"
                    " again in a minute, or tell your administrator."
                ) from None
            if self._failing:
                self._tell(None)

    def close(self) -> None:
        """Close the file: it can be compacted."""
        self._ended.set()
        with self._lock:
            self._close()

    def _append(self, lines: bytes) -> None:
        # A file that was removed takes what is written to it, and nobody would ever read that.
        if self._file == _CLOSED or not os.fstat(self._file).st_nlink:
            self._open()
        # One call for all: a process killed between two would leave half an answer's records.
        written = os.write(self._file, lines)
        if written < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._fsync:
            os.fdatasync(self._file)
        self._size += written
        if self._size >= self._rotate_bytes:
            self._close()

    def _open(self) -> None:
        self._close()
        while True:
            start = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            path = self._folder / f"{start}-{secrets.token_hex(8)}{SUFFIX}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Before it was locked, a compaction may have removed it as empty.
                if os.fstat(file).st_nlink:
                    if self._fsync:
                        sync_folder(self._folder)
                    break
            except OSError:
                os.close(file)
                raise
            os.close(file)
        self._file, self._size, self._opened = file, 0, time.monotonic()

    def _close(self) -> None:
        if self._file != _CLOSED:
            os.close(self._file)
            self._file = _CLOSED

    def _undo(self) -> None:
        """Take away what may have been written of answers that are not given."""
        if self._file == _CLOSED:
            return
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            # What stays is torn at worst in its last line, which compaction sets apart.
            self._close()
            return
        # A limit of the file itself is not met by a new one; an empty one serves as well as that.
        if self._size:
            self._close()

    def _tell(self, error: OSError | None) -> None:
        """One line when writing begins to fail, one when it works again."""
        if error is None:
            log.info("records are written again", extra={"folder": str(self._folder)})
        elif not self._failing:
            log.error(
                "records cannot be written",
                extra={"folder": str(self._folder), "reason": error.strerror},
            )
        self._failing = error is not None

    def _close_old_files(self) -> None:
        """A file is closed in time even when nothing is written any more."""
        wait = float(self._rotate_seconds)
        while not self._ended.wait(wait):
            with self._lock:
                wait = self._rotate_seconds
                if self._file != _CLOSED:
                    wait += self._opened - time.monotonic()
                if wait <= 0:
                    self._close()
                    wait = self._rotate_seconds


def _without_text(record: PredictionRecord, key: bytes) -> PredictionRecord:
    # Short texts are few enough to hash them all: only a key keeps them from being found out.
    digest = hmac.digest(key, record.text.encode(), "sha256").hex()
    detail = record.detail
    if detail and _tells(detail, record.text):
        detail = ""
    return msgspec.structs.replace(record, text=f"hmac-sha256:{digest}", detail=detail)


def _tells(detail: str, text: str) -> bool:
    """Whether a reason repeats a word or number of the text, in whatever spelling."""
    words = _WORD.findall(fold(text).casefold())
    said = fold(detail).casefold()
    return any(word in said for word in words)

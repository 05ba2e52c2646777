"""The SQLite file under the store: a connection a thread, and transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from nacelle.jobs.store.schema import migrate

_BUSY_SECONDS = 15


class Database:
    """The file at `path` (0600), in WAL mode; many processes and threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._here = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(self._connect()) as db:
            db.execute("pragma journal_mode = wal")
            migrate(db, str(path))

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for reading."""
        db: sqlite3.Connection | None = getattr(self._here, "db", None)
        if db is None:
            db = self._connect()
            self._here.db = db
            with self._lock:
                self._opened.append(db)
        return db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see the same state."""
        db = self.connection
        db.execute("begin")
        try:
            yield db
        finally:
            db.execute("rollback")

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction; when `durable`, it outlives a power cut once this has returned."""
        db = self.connection
        db.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
        # Reading first and writing later in one transaction fails when another wrote in between.
        db.execute("begin immediate")
        with db:
            yield db

    def version(self) -> int:
        """Another number whenever another connection wrote to the file."""
        (number,) = self.connection.execute("pragma data_version").fetchone()
        return int(number)

    def close(self) -> None:
        """Close the connections of all threads; none may be in use."""
        with self._lock:
            for db in self._opened:
                db.close()
            self._opened.clear()
        self._here = threading.local()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.row_factory = sqlite3.Row
        db.execute("pragma foreign_keys = on")
        return db

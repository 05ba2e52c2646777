"""Notebooks by the SHA-256 of their bytes, and who brought them."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from nacelle.jobs.store.rows import stamp
from nacelle.jobs.store.tables import Part


class Notebooks(Part):
    """A file is never changed once it is there; a person may use only what they brought."""

    def keep_notebook(self, person: str, content: bytes) -> str:
        """Keep a notebook as brought by a person; its digest. Twice is as once."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.notebook_path(sha256)
        # The file within the transaction: what is unused is removed within one, too.
        with self._db.writing() as db:
            if not path.exists():
                _write_whole(path, content)
            db.execute(
                "insert into notebooks values (?, ?, ?) on conflict do update set"
                " brought = excluded.brought",
                (sha256, person, stamp(datetime.now(UTC))),
            )
        return sha256

    def notebook_of(self, sha256: str, person: str) -> bool:
        """Whether a person brought this notebook."""
        found = self._db.connection.execute(
            "select 1 from notebooks where sha256 = ? and person = ?", (sha256, person)
        ).fetchone()
        return found is not None

    def notebook_path(self, sha256: str) -> Path:
        """Where a notebook lies; it is there if somebody brought it."""
        return self._notebooks / f"{sha256}.ipynb"


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

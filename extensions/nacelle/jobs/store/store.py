"""The store of the local engine: jobs, runs, notebooks, messages."""

from __future__ import annotations

from pathlib import Path

from nacelle.jobs.store.database import Database
from nacelle.jobs.store.due import Due
from nacelle.jobs.store.ends import Ends
from nacelle.jobs.store.forget import Forget
from nacelle.jobs.store.jobs import Jobs
from nacelle.jobs.store.messages import Messages, Outbox
from nacelle.jobs.store.notebooks import Notebooks
from nacelle.jobs.store.runs import Runs
from nacelle.jobs.store.turns import Turns


class Store(Notebooks, Jobs, Runs, Ends, Due, Turns, Messages, Outbox, Forget):
    """The file at `path` (SQLite, 0600) and the folder `notebooks` beside it.

    The service and the engine each open it; every method may be called from any thread. What a
    method promised is on the disk when it returns. Raises sqlite3.OperationalError when the file
    stays locked or the disk is full: nothing was changed then.
    """

    def __init__(self, path: Path) -> None:
        self._db = Database(path)
        self._notebooks = path.parent / "notebooks"
        self._notebooks.mkdir(exist_ok=True, mode=0o700)

    def version(self) -> int:
        """Another number whenever another process or thread wrote; cheap enough to ask often."""
        return self._db.version()

    def close(self) -> None:
        """Close the file; no other thread may be using it."""
        self._db.close()

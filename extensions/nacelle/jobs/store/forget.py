"""What is too old, or belongs to nothing any more, is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import datetime

from nacelle.jobs.store.rows import stamp
from nacelle.jobs.store.tables import Part

# Runs a transaction.
_AT_ONCE = 200
# Runs that end before :before, but for the newest success of each job that is there; and those of
# jobs that were deleted with their runs, as soon as the last of them is over.
_TOO_OLD = """
select id from runs as old where ended < :before
    and (exists (select 1 from jobs where jobs.id = old.job and deleted is not null)
         or number <> ifnull((select max(number) from runs as good
                              where good.job = old.job and state = 'succeeded'), 0))
union
select runs.id from runs join jobs on jobs.id = runs.job
where jobs.deleted is not null and not jobs.keep_runs
    and not exists (select 1 from runs as alive
                    where alive.job = jobs.id and alive.ended is null)
"""
_UNUSED_NOTEBOOKS = """
select distinct sha256 from notebooks where
    not exists (select 1 from notebooks as other
                where other.sha256 = notebooks.sha256 and other.brought >= :before)
    and sha256 not in (select body ->> '$.notebook.sha256' from jobs where deleted is null)
    and sha256 not in (select body ->> '$.notebook.sha256' from snapshots)
"""


class Forget(Part):
    """History is kept for a while."""

    def forget(self, before: datetime) -> list[str]:
        """Remove runs that ended before a moment, and what nothing needs any more.

        Never the newest success of a job. Returns the ids of the runs that are gone, whose folders
        are the caller's.
        """
        values = {"before": stamp(before)}
        gone = [row["id"] for row in self._db.connection.execute(_TOO_OLD, values)]
        # What may go stays so; others write in between.
        for start in range(0, len(gone), _AT_ONCE):
            with self._db.writing() as db:
                some = gone[start : start + _AT_ONCE]
                db.executemany("delete from runs where id = ?", [(id,) for id in some])
        with self._db.writing() as db:
            db.execute(
                "delete from jobs where deleted is not null"
                " and not exists (select 1 from runs where runs.job = jobs.id)"
            )
            db.execute(
                "delete from snapshots"
                " where not exists (select 1 from runs where runs.version = snapshots.version)"
            )
            db.execute("delete from messages where at < :before", values)
            self._forget_notebooks(db, before)
        return gone

    def unknown_runs(self, ids: Collection[str]) -> set[str]:
        """Those of these ids that no run has."""
        rows = self._db.connection.execute("select id from runs")
        return set(ids) - {row["id"] for row in rows}

    def _forget_notebooks(self, db: sqlite3.Connection, before: datetime) -> None:
        """Within the transaction, so that nobody brings one again while its file is removed."""
        for row in db.execute(_UNUSED_NOTEBOOKS, {"before": stamp(before)}).fetchall():
            db.execute("delete from notebooks where sha256 = ?", (row["sha256"],))
            (self._notebooks / f"{row['sha256']}.ipynb").unlink(missing_ok=True)

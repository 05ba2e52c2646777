"""Ticks that are due become runs: each once, and all that follows from a tick in one transaction.

Which ticks run and which were missed is decided by nacelle.jobs.schedule. Then, each case with a
test of its number in tests/jobs/test_store_due.py:

1. A tick that runs is a pending run; a tick that was missed is a skipped one, and both happen once,
   whoever is killed in between.
2. `allow`: it runs beside those of the job that are not over.
3. `forbid`: on time while a run of the job is not over, it is skipped. One that is caught up waits
   instead: it is late already.
4. `replace`: all runs of the job that are not over are stopped, and it runs.
5. Ticks that are settled together stand in line: they neither exclude nor replace each other.
6. What a person asked for counts as a run that is not over, and is itself never skipped.
7. A job whose ticks cannot be settled is set aside (nacelle.jobs.store.aside); the others go on.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Job, Run
from nacelle.jobs.schedule import settle, ticks
from nacelle.jobs.store.aside import set_aside
from nacelle.jobs.store.ends import stop_all
from nacelle.jobs.store.rows import moment, stamp
from nacelle.jobs.store.tables import Part, insert_run

# A transaction is no longer than this, or one job: after a long outage there are many ticks to
# sort, and others have to write in between.
_SECONDS = 0.5

log = logging.getLogger(__name__)


class Due(Part):
    """What the clock asks for."""

    def next_due(self) -> datetime | None:
        """The next tick of any armed job."""
        row = self._db.connection.execute(
            "select min(next_due) from jobs where next_due is not null"
        ).fetchone()
        return moment(row[0]) if row[0] else None

    def due_from(self, job_id: str) -> datetime | None:
        """Since when the ticks of a job count; None when they do not."""
        row = self._db.connection.execute(
            "select last_settled from jobs where id = ?", (job_id,)
        ).fetchone()
        return moment(row[0]) if row and row[0] else None

    def settle_due(self, now: datetime, grace: timedelta, admins: Sequence[str] = ()) -> int:
        """Make runs of the ticks up to `now`, of as many jobs as a short while allows.

        A tick older than `grace` was missed: the job says what becomes of it. `admins` are told of
        jobs that are set aside. Returns how many jobs were looked at; 0 when none is due any more.
        """
        end, settled = time.monotonic() + _SECONDS, 0
        with self._db.writing() as db:
            rows = db.execute(
                "select id, body, last_settled from jobs where next_due <= ? order by next_due, id",
                (stamp(now),),
            ).fetchall()
            for row in rows:
                _settle_or_set_aside(db, row, now, grace, admins)
                settled += 1
                if time.monotonic() > end:
                    break
        return settled


def _settle_or_set_aside(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    now: datetime,
    grace: timedelta,
    admins: Sequence[str],
) -> None:
    db.execute("savepoint one_job")
    try:
        job = Job.model_validate_json(row["body"])
        _settle(db, job, moment(row["last_settled"]), now, grace)
    except sqlite3.Error:
        # The file's fault, not the job's: all is done again.
        raise
    except Exception:
        log.exception("a job cannot be settled and is set aside", extra={"job": row["id"]})
        db.execute("rollback to one_job")
        set_aside(db, row["id"], now, admins)
    db.execute("release one_job")


def _settle(
    db: sqlite3.Connection, job: Job, after: datetime, now: datetime, grace: timedelta
) -> None:
    assert job.schedule is not None
    settled = settle(job.schedule, job.missed, after, now, grace)
    for tick in settled.skipped:
        _insert(db, job, tick, now, explain("missed"))
    alive = db.execute(
        "select 1 from runs where job = ? and ended is null limit 1", (job.id,)
    ).fetchone()
    if settled.run and job.overlap == "replace":
        stop_all(db, job, explain("replaced"), now)
    for tick in settled.run:
        excluded = alive and job.overlap == "forbid" and now - tick <= grace
        _insert(db, job, tick, now, explain("overlap") if excluded else None)
    following = next(ticks(job.schedule, now), None)
    db.execute(
        "update jobs set last_settled = ?, next_due = ? where id = ?",
        (stamp(now), stamp(following) if following else None, job.id),
    )


def _insert(
    db: sqlite3.Connection, job: Job, tick: datetime, now: datetime, skipped: Exit | None
) -> None:
    """The run of a tick: pending, or skipped for a reason."""
    snapshot = job.snapshot
    run = Run(
        id=uuid.uuid4().hex,
        job=job.id,
        version=snapshot.version,
        cause="schedule",
        scheduled=tick,
        state="skipped" if skipped else "pending",
        exit=skipped,
        ended=now if skipped else None,
    )
    insert_run(db, run, snapshot, job, now, now)

"""What all parts of the store share: reading a row, writing a row, noting that it changed."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.schedule import ticks
from nacelle.jobs.store.database import Database
from nacelle.jobs.store.rows import ChangeKind, folded, stamp

_CHANGES_KEPT = 10_000


class Part:
    """A part of the store, over its file and the folder of notebooks beside it."""

    _db: Database
    _notebooks: Path


def note(
    db: sqlite3.Connection, kind: ChangeKind, id: str, owner: str, project: str | None
) -> None:
    """Write down that something changed, within the transaction that changed it."""
    made = db.execute(
        "insert into changes (kind, id, owner, project) values (?, ?, ?, ?)",
        (kind, id, owner, project),
    )
    db.execute("delete from changes where seq <= ?", ((made.lastrowid or 0) - _CHANGES_KEPT,))


def read_job(db: sqlite3.Connection, id: str, deleted: bool = False) -> Job | None:
    """A job; one that was deleted only when it is wanted too."""
    row = db.execute("select body, deleted from jobs where id = ?", (id,)).fetchone()
    if row is None or (row["deleted"] and not deleted):
        return None
    return Job.model_validate_json(row["body"])


def the_job(db: sqlite3.Connection, id: str, deleted: bool = False) -> Job:
    """A job that has to be there. Raises LookupError."""
    job = read_job(db, id, deleted)
    if job is None:
        raise LookupError(f"there is no job {id}")
    return job


def job_words(job: Job) -> str:
    return folded("\n".join((job.name, job.notebook.path, job.owner, job.project or "")))


def write_job(db: sqlite3.Connection, job: Job, before: Job | None, now: datetime) -> None:
    """Write a job that is there already, with the ticks it is due at."""
    db.execute(
        "update jobs set owner = ?, project = ?, name = ?, words = ?, state = ?, body = ?"
        " where id = ?",
        (
            job.owner,
            job.project,
            job.name,
            job_words(job),
            job.state,
            job.model_dump_json(),
            job.id,
        ),
    )
    if before is None or (before.state, before.schedule) != (job.state, job.schedule):
        _begin_ticks(db, job, now)
    note(db, "job", job.id, job.owner, job.project)


def _begin_ticks(db: sqlite3.Connection, job: Job, now: datetime) -> None:
    """Ticks count from now on, if the job is armed: those before were nobody's."""
    following = None
    if job.state == "armed" and job.schedule is not None:
        following = next(ticks(job.schedule, now), None)
    db.execute(
        "update jobs set last_settled = ?, next_due = ? where id = ?",
        (stamp(now) if following else None, stamp(following) if following else None, job.id),
    )


def read_run(db: sqlite3.Connection, id: str) -> Run | None:
    row = db.execute("select body from runs where id = ?", (id,)).fetchone()
    return Run.model_validate_json(row["body"]) if row else None


def the_run(db: sqlite3.Connection, id: str) -> Run:
    """A run that has to be there. Raises LookupError."""
    run = read_run(db, id)
    if run is None:
        raise LookupError(f"there is no run {id}")
    return run


def write_run(db: sqlite3.Connection, run: Run, job: Job) -> None:
    """Write a run that is there already."""
    words = f"{run.exit.said.en}\n{run.exit.said.fr}" if run.exit else ""
    db.execute(
        "update runs set state = ?, words = ?, ended = ?, body = ? where id = ?",
        (
            run.state,
            folded(words),
            stamp(run.ended) if run.ended else None,
            run.model_dump_json(),
            run.id,
        ),
    )
    note(db, "run", run.id, job.owner, job.project)


def insert_run(
    db: sqlite3.Connection,
    run: Run,
    snapshot: Snapshot,
    job: Job,
    asked: datetime,
    not_before: datetime,
) -> bool:
    """Write a new run; False when the run of its tick, or the retry it is, is there already."""
    db.execute(
        "insert or ignore into snapshots values (?, ?)", (run.version, snapshot_body(snapshot))
    )
    values: dict[str, Any] = {
        "id": run.id,
        "job": run.job,
        "version": run.version,
        "state": run.state,
        "cause": run.cause,
        "scheduled": stamp(run.scheduled),
        "retry_of": run.retry_of,
        "profile": snapshot.environment.profile,
        "words": folded(f"{run.exit.said.en}\n{run.exit.said.fr}") if run.exit else "",
        "asked": stamp(asked),
        "not_before": stamp(not_before),
        "ended": stamp(run.ended) if run.ended else None,
        "body": run.model_dump_json(),
    }
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    made = db.execute(
        f"insert into runs ({names}) values ({places})"
        " on conflict (job, scheduled) where cause = 'schedule' do nothing"
        " on conflict (retry_of) where retry_of is not null do nothing",
        values,
    )
    if made.rowcount == 1:
        note(db, "run", run.id, job.owner, job.project)
    return made.rowcount == 1


def snapshot_body(snapshot: Snapshot) -> str:
    """The JSON of a snapshot, of a job's own fields no more than those of its snapshot."""
    return snapshot.model_dump_json(include=set(Snapshot.model_fields))

"""Jobs: added, changed, searched, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Job, Snapshot
from nacelle.jobs.store.aside import readable
from nacelle.jobs.store.ends import stop_all
from nacelle.jobs.store.rows import JobFilter, Page, folded, stamp
from nacelle.jobs.store.tables import Part, job_words, note, read_job, the_job, write_job

# What counts for the limits.
_ACTIVE = "state <> 'suspended' and deleted is null"


class Jobs(Part):
    """Jobs by their id, and in pages."""

    def add_job(self, job: Job, now: datetime) -> None:
        """Keep a new job. Raises ValueError when its id is taken."""
        with self._db.writing() as db:
            if read_job(db, job.id, deleted=True):
                raise ValueError(f"there is a job {job.id} already")
            db.execute(
                "insert into jobs (id, owner, project, name, words, state, created, body)"
                " values (?, ?, ?, ?, ?, ?, ?, '')",
                (
                    job.id,
                    job.owner,
                    job.project,
                    job.name,
                    job_words(job),
                    job.state,
                    stamp(job.created),
                ),
            )
            write_job(db, job, None, now)

    def job(self, id: str) -> Job | None:
        """A job, unless it was deleted."""
        return read_job(self._db.connection, id)

    def was_deleted(self, id: str) -> bool:
        """Whether there was such a job, and somebody deleted it; forgotten with its last run."""
        db = self._db.connection
        return read_job(db, id) is None and read_job(db, id, deleted=True) is not None

    def job_of_run(self, run_id: str) -> Job | None:
        """The job of a run, be it deleted."""
        db = self._db.connection
        row = db.execute("select job from runs where id = ?", (run_id,)).fetchone()
        return read_job(db, row["job"], deleted=True) if row else None

    def change_job(
        self,
        id: str,
        change: Callable[[Job], Job],
        now: datetime,
        *,
        stop_runs: Exit | None = None,
    ) -> Job:
        """What `change` makes of a job, read and written in one transaction.

        Its `changed` becomes `now`. With `stop_runs`, all its runs that are not over are stopped
        for that reason in the same transaction, unless `change` leaves the job as it is. Raises
        LookupError when it is gone, and whatever `change` does: nothing is written then.
        """
        with self._db.writing() as db:
            before = the_job(db, id)
            job = change(before)
            if job == before:
                return before
            if job.id != before.id:
                raise ValueError("a job keeps its id")
            job = job.model_copy(update={"changed": max(now, before.changed)})
            write_job(db, job, before, now)
            if stop_runs:
                stop_all(db, job, stop_runs, now)
            return job

    def delete_job(self, id: str, by: str, now: datetime, *, keep_runs: bool) -> None:
        """Delete a job: it is seen no more, runs under way are stopped.

        Its runs stay until they are too old (see `forget`), or go as soon as all have ended.
        Raises LookupError when it is gone.
        """
        with self._db.writing() as db:
            job = the_job(db, id)
            db.execute(
                "update jobs set deleted = ?, keep_runs = ?, last_settled = null, next_due = null"
                " where id = ?",
                (stamp(now), keep_runs, id),
            )
            stop_all(db, job, explain("cancelled", by=by), now)
            note(db, "job", job.id, job.owner, job.project)

    def jobs(self, wanted: JobFilter) -> Page[Job]:
        """Jobs by name; one that cannot be read any more is left out."""
        where, values = _conditions(wanted)
        with self._db.reading() as db:
            (total,) = db.execute(f"select count(*) from jobs where {where}", values).fetchone()
            rows = db.execute(
                f"select id, body from jobs where {where} order by words, id"
                " limit :limit offset :offset",
                {**values, "limit": wanted.limit, "offset": wanted.offset},
            ).fetchall()
        return Page(readable(Job, rows), total)

    def count_active(self, owner: str) -> int:
        """Jobs of a person's own space, those of projects and suspended ones aside."""
        return self._count("owner = ? and project is null", owner)

    def count_active_of_project(self, project: str) -> int:
        """Jobs of a project, whoever owns them, suspended ones aside."""
        return self._count("project = ?", project)

    def owners(self) -> list[tuple[str, str | None]]:
        """Who owns armed jobs, with the project they are of."""
        rows = self._db.connection.execute(
            "select distinct owner, project from jobs where state = 'armed' and deleted is null"
        )
        return [(row["owner"], row["project"]) for row in rows]

    def snapshot(self, version: str) -> Snapshot:
        """What a run of this version does. Raises LookupError."""
        row = self._db.connection.execute(
            "select body from snapshots where version = ?", (version,)
        ).fetchone()
        if row is None:
            raise LookupError(f"there is no snapshot {version}")
        return Snapshot.model_validate_json(row["body"])

    def _count(self, condition: str, value: str) -> int:
        (count,) = self._db.connection.execute(
            f"select count(*) from jobs where {condition} and {_ACTIVE}", (value,)
        ).fetchone()
        return int(count)


def visible(owner: str | None, projects: tuple[str, ...] | None, values: dict[str, Any]) -> str:
    """The condition that a row of `jobs` may be seen; adds what it compares with to `values`."""
    if owner is None and projects is None:
        return "true"
    found = []
    if owner is not None:
        values["owner"] = owner
        found.append("jobs.owner = :owner")
    for place, project in enumerate(projects or ()):
        values[f"project{place}"] = project
        found.append(f"jobs.project = :project{place}")
    return f"({' or '.join(found)})" if found else "false"


def _conditions(wanted: JobFilter) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {}
    found = ["deleted is null", visible(wanted.owner, wanted.projects, values)]
    if wanted.state:
        values["state"] = wanted.state
        found.append("state = :state")
    if wanted.search:
        values["search"] = folded(wanted.search)
        found.append("instr(words, :search)")
    return " and ".join(found), values

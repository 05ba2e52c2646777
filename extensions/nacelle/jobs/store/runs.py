"""Runs: asked for, found, listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from nacelle.jobs.job import Run, Snapshot
from nacelle.jobs.store.jobs import visible
from nacelle.jobs.store.rows import Page, RunFilter, RunView, folded, stamp
from nacelle.jobs.store.tables import Part, insert_run, read_run, the_job, the_run

_FROM = "from runs join jobs on jobs.id = runs.job"
# The run's JSON with what a list shows of its job, put together without being read.
_VIEW = (
    "substr(runs.body, 1, length(runs.body) - 1)"
    " || ',\"job_name\":' || json_quote(jobs.name) || ',\"owner\":' || json_quote(jobs.owner)"
    " || ',\"project\":' || json_quote(jobs.project)"
    " || ',\"profile\":' || json_quote(runs.profile)"
    ", jobs.owner, jobs.project, runs.ended is not null"
)


class Runs(Part):
    """Runs by their id, and in pages."""

    def ask_run(self, run: Run, snapshot: Snapshot) -> Run:
        """Ask for a run of a snapshot; from its `scheduled` on it waits for its turn.

        A tick runs once: asked for again, the run that is there is given back. Raises LookupError
        when the job is gone, ValueError when the run is not pending or of another version.
        """
        if run.state != "pending" or run.version != snapshot.version:
            raise ValueError("a run that is asked for is pending and of its snapshot's version")
        with self._db.writing() as db:
            job = the_job(db, run.job)
            if insert_run(db, run, snapshot, job, run.scheduled, run.scheduled):
                return run
            row = db.execute(
                "select id from runs where (cause = 'schedule' and job = ? and scheduled = ?)"
                " or retry_of = ?",
                (run.job, stamp(run.scheduled), run.retry_of),
            ).fetchone()
            return the_run(db, row["id"])

    def run(self, id: str) -> Run | None:
        return read_run(self._db.connection, id)

    def runs(self, wanted: RunFilter) -> Page[Run]:
        """Runs, newest first."""
        rows = self._rows("runs.body", wanted)
        return Page([Run.model_validate_json(row[0]) for row in rows], self.count_runs(wanted))

    def run_views(self, wanted: RunFilter) -> Iterator[RunView]:
        """The same page as JSON, with job_name, owner, project and profile as well."""
        return map(RunView._make, self._rows(_VIEW, wanted))

    def count_runs(self, wanted: RunFilter) -> int:
        """How many there are in all, whatever the limit and `before`."""
        where, values = _conditions(wanted)
        (total,) = self._db.connection.execute(
            f"select count(*) {_FROM} where {where}", values
        ).fetchone()
        return int(total)

    def last_run(self, job_id: str) -> Run | None:
        """The newest run of a job that was not skipped; None when there is none."""
        row = self._db.connection.execute(
            "select body from runs where job = ? and state <> 'skipped'"
            " order by number desc limit 1",
            (job_id,),
        ).fetchone()
        return Run.model_validate_json(row["body"]) if row else None

    def _rows(self, columns: str, wanted: RunFilter) -> list[sqlite3.Row]:
        where, values = _conditions(wanted)
        if wanted.before:
            values["before"] = wanted.before
            where += " and runs.number < (select number from runs where id = :before)"
        values["limit"] = wanted.limit
        return self._db.connection.execute(
            f"select {columns} {_FROM} where {where} order by runs.number desc limit :limit", values
        ).fetchall()


def _conditions(wanted: RunFilter) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {}
    # Runs that go with their job are not shown while the last of them ends.
    found = [
        "(jobs.deleted is null or jobs.keep_runs)",
        visible(wanted.owner, wanted.projects, values),
    ]
    if wanted.job:
        values["job"] = wanted.job
        found.append("runs.job = :job")
    if wanted.state:
        values["state"] = wanted.state
        found.append("runs.state = :state")
    if wanted.search:
        values["search"] = folded(wanted.search)
        found.append("(instr(jobs.words, :search) or instr(runs.words, :search))")
    return " and ".join(found), values

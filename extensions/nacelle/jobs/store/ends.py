"""The end of a run: one transaction for all that follows from it.

Numbered, each with a test of its number in tests/jobs/test_store_ends.py:

1. The run has its end once; the same told again changes nothing, another is refused.
2. A success of the version that the job has proves it, and arms a draft.
3. A success of another version (edited parameters, or the job was edited since) does neither.
4. A failure, or a run out of time, is tried again as often as the job says, each time after a
   longer while; not when trying cannot help, not of a suspended or deleted job.
5. People are told of the last attempt alone.
6. Whoever asked for a stop, and why, is the exit of a run that was cancelled.
7. A run that was asked to stop neither proves its job nor is tried again, however it ended: whoever
   asked wants no more of it.
"""

from __future__ import annotations

import sqlite3
import uuid
from datetime import datetime, timedelta

from nacelle.jobs.exits import explain
from nacelle.jobs.job import ENDS, Exit, Job, Run, Snapshot
from nacelle.jobs.states import JobEvent, RunEvent, job_after, run_after
from nacelle.jobs.store.messages import add_message
from nacelle.jobs.store.rows import Outputs, Seen, stamp
from nacelle.jobs.store.tables import (
    Part,
    insert_run,
    note,
    the_job,
    the_run,
    write_job,
    write_run,
)
from nacelle.jobs.store.telling import is_told, is_tried_again, targets, what_to_say


class Ends(Part):
    """How runs come to their end."""

    def job_ends_run(
        self,
        run_id: str,
        event: RunEvent,
        exit: Exit | None,
        now: datetime,
        *,
        outputs: Outputs | None = None,
        seen: Seen | None = None,
    ) -> Run:
        """End a run by `event`, move its job on, plan another attempt, tell people.

        `seen` is what its runner wrote down of it; without, it ended `now`. Raises LookupError
        when it is gone, IllegalTransition when it ended otherwise before.
        """
        with self._db.writing() as db:
            return end_run(db, run_id, event, exit, now, outputs, seen)

    def ask_cancel(self, run_id: str, by: str, now: datetime) -> Run:
        """Stop a run because a person wants it. Raises LookupError, IllegalTransition."""
        with self._db.writing() as db:
            run = the_run(db, run_id)
            run_after(run.state, "cancelled")
            return ask_stop(db, run, explain("cancelled", by=by), now)

    def ask_stop(self, run_id: str, why: Exit, now: datetime) -> Run:
        """Stop a run for another reason; one that is over stays as it is. Raises LookupError."""
        with self._db.writing() as db:
            run = the_run(db, run_id)
            return run if run.state in ENDS else ask_stop(db, run, why, now)


def end_run(
    db: sqlite3.Connection,
    run_id: str,
    event: RunEvent,
    exit: Exit | None,
    now: datetime,
    outputs: Outputs | None = None,
    seen: Seen | None = None,
) -> Run:
    """`job_ends_run` within a transaction."""
    before = the_run(db, run_id)
    state = run_after(before.state, event)
    if state == before.state:
        return before
    if state not in ENDS:
        raise ValueError(f"{event} is no end of a run")
    asked = _asked(db, run_id)
    if state == "cancelled":
        exit = asked or exit
    given: dict[str, object] = {
        name: value for name, value in (outputs or Outputs())._asdict().items() if value
    }
    seen = seen or Seen()
    given["started"] = before.started or seen.started
    given["progress"] = seen.progress or before.progress
    run = Run.model_validate(
        before.model_dump() | given | {"state": state, "exit": exit, "ended": seen.ended or now}
    )
    job = the_job(db, run.job, deleted=True)
    write_run(db, run, job)
    wanted = asked is None and _is_there(db, job)
    if wanted:
        job = _moved_on(db, job, run, now)
    if not (wanted and _plan_retry(db, job, run, now)):
        _tell(db, job, run, now)
    return run


def ask_stop(db: sqlite3.Connection, run: Run, why: Exit, now: datetime) -> Run:
    """Have a run that is not over stopped: at once if it was not launched, else by the engine."""
    row = db.execute("select launched from runs where id = ?", (run.id,)).fetchone()
    if row["launched"] is None:
        return end_run(db, run.id, "cancelled", why, now)
    # The first who asked is named.
    asked = db.execute(
        "update runs set stop = ?, stop_asked = ? where id = ? and stop is null",
        (why.model_dump_json(), stamp(now), run.id),
    )
    if asked.rowcount:
        job = the_job(db, run.job, deleted=True)
        note(db, "run", run.id, job.owner, job.project)
    return run


def stop_all(db: sqlite3.Connection, job: Job, why: Exit, now: datetime) -> None:
    """Have every run of a job stopped that is not over."""
    rows = db.execute("select body from runs where job = ? and ended is null", (job.id,))
    for row in rows.fetchall():
        ask_stop(db, Run.model_validate_json(row["body"]), why, now)


def _asked(db: sqlite3.Connection, run_id: str) -> Exit | None:
    row = db.execute("select stop from runs where id = ?", (run_id,)).fetchone()
    return Exit.model_validate_json(row["stop"]) if row["stop"] else None


def _is_there(db: sqlite3.Connection, job: Job) -> bool:
    row = db.execute("select deleted from jobs where id = ?", (job.id,)).fetchone()
    return row["deleted"] is None


def _moved_on(db: sqlite3.Connection, job: Job, run: Run, now: datetime) -> Job:
    """The job after its run: proved and armed, or as it was."""
    events: dict[str, JobEvent] = {"succeeded": "run-succeeded", "failed": "run-failed"}
    event = events.get("failed" if run.state == "timed-out" else run.state)
    if event is None or run.version != job.snapshot.version:
        return job
    proved = run.version if run.state == "succeeded" else job.proved
    moved = job.model_copy(update={"state": job_after(job.state, event), "proved": proved})
    if moved != job:
        write_job(db, moved, job, now)
    return moved


def _plan_retry(db: sqlite3.Connection, job: Job, run: Run, now: datetime) -> bool:
    """Another attempt at what `run` was to do; False when there is none."""
    if not is_tried_again(job, run):
        return False
    again = Run(
        id=uuid.uuid4().hex,
        job=run.job,
        version=run.version,
        attempt=run.attempt + 1,
        cause="retry",
        retry_of=run.id,
        asked_by=run.asked_by,
        scheduled=run.scheduled,
    )
    row = db.execute("select body from snapshots where version = ?", (run.version,)).fetchone()
    snapshot = Snapshot.model_validate_json(row["body"])
    wait = timedelta(seconds=job.retry.wait_after(run.attempt))
    insert_run(db, again, snapshot, job, now, now + wait)
    return True


def _tell(db: sqlite3.Connection, job: Job, run: Run, now: datetime) -> None:
    if not is_told(job, run):
        return
    if job.notify.in_lab:
        add_message(db, job.owner, what_to_say(job, run), now, job.id, run.id)
    for channel, target in targets(job):
        db.execute(
            "insert into outbox (run, channel, target, not_before) values (?, ?, ?, ?)",
            (run.id, channel, target, stamp(now)),
        )

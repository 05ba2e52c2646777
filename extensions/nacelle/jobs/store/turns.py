"""Runs that wait for their turn, and those that have had it: what the engine works from."""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime

from pydantic import ValidationError

from nacelle.jobs.job import ENDS, Exit, Progress, Run
from nacelle.jobs.states import run_after
from nacelle.jobs.store.ends import end_run
from nacelle.jobs.store.rows import Launched, Waiting, moment, stamp
from nacelle.jobs.store.tables import Part, the_job, the_run, write_run

# Runs of one owner that are looked at together; one who asks for thousands hides nobody else's.
_OF_ONE_OWNER = 100

log = logging.getLogger(__name__)


class Turns(Part):
    """Pending runs become launched ones, are given back, or are seen to have begun."""

    def waiting(self, now: datetime) -> list[Waiting]:
        """Pending runs whose moment has come, oldest first."""
        rows = self._db.connection.execute(
            "select * from (select runs.id, runs.job, runs.cause, runs.not_before, runs.number,"
            " jobs.owner, jobs.state, jobs.body ->> '$.overlap' as overlap, row_number() over"
            " (partition by jobs.owner order by runs.not_before, runs.number) as place"
            " from runs join jobs on jobs.id = runs.job"
            " where runs.ended is null and runs.launched is null and runs.not_before <= ?)"
            " where place <= ? order by not_before, number",
            (stamp(now), _OF_ONE_OWNER),
        )
        return [
            Waiting(
                run=row["id"],
                job=row["job"],
                owner=row["owner"],
                alone=row["overlap"] != "allow",
                let_go=row["state"] == "suspended" and row["cause"] in ("schedule", "retry"),
            )
            for row in rows
        ]

    def next_waiting(self, now: datetime) -> datetime | None:
        """When the next run that waits for its moment may start, later than `now`."""
        row = self._db.connection.execute(
            "select min(not_before) from runs where ended is null and launched is null"
            " and not_before > ?",
            (stamp(now),),
        ).fetchone()
        return moment(row[0]) if row[0] else None

    def take(self, run_id: str, now: datetime) -> Run | None:
        """Take a waiting run to launch it; None when it was taken or is over."""
        with self._db.writing() as db:
            taken = db.execute(
                "update runs set launched = ?, launches = launches + 1"
                " where id = ? and launched is null and ended is null",
                (stamp(now), run_id),
            )
            return the_run(db, run_id) if taken.rowcount else None

    def take_again(self, run_id: str, now: datetime) -> int:
        """Launch a taken run once more that did not begin. Returns how often it was launched."""
        with self._db.writing() as db:
            row = db.execute(
                "update runs set launched = ?, launches = launches + 1 where id = ?"
                " returning launches",
                (stamp(now), run_id),
            ).fetchone()
        return int(row["launches"])

    def put_back(self, run_id: str, again: datetime, now: datetime) -> None:
        """Let a taken run wait again until `again`: it was not launched; stopped, it is over."""
        with self._db.writing() as db:
            row = db.execute("select stop from runs where id = ?", (run_id,)).fetchone()
            db.execute(
                "update runs set launched = null, launches = launches - 1, not_before = ?"
                " where id = ?",
                (stamp(again), run_id),
            )
            if row["stop"]:
                end_run(db, run_id, "cancelled", None, now)

    def launched(self) -> list[Launched]:
        """Runs that were taken and are not over, oldest first; what cannot be read is left out."""
        rows = self._db.connection.execute(
            "select runs.*, jobs.owner, jobs.name,"
            " snapshots.body ->> '$.timeout_seconds' as timeout_seconds"
            " from runs join jobs on jobs.id = runs.job"
            " join snapshots on snapshots.version = runs.version"
            " where runs.ended is null and runs.launched is not null order by runs.number"
        )
        found = []
        for row in rows:
            try:
                found.append(_launched(row))
            except ValidationError:
                log.exception("a run cannot be read", extra={"run": row["id"]})
        return found

    def begun(self, run_id: str, at: datetime) -> Run:
        """A run has started, at `at`. Raises LookupError."""
        with self._db.writing() as db:
            before = the_run(db, run_id)
            if before.state in ENDS or before.started:
                return before
            state = run_after(before.state, "started")
            run = Run.model_validate(before.model_dump() | {"state": state, "started": at})
            write_run(db, run, the_job(db, run.job, deleted=True))
            return run

    def progressed(self, run_id: str, progress: Progress) -> None:
        """A run is at another cell; lost at a power cut, it is told again."""
        with self._db.writing(durable=False) as db:
            before = the_run(db, run_id)
            if before.state not in ENDS and before.progress != progress:
                run = before.model_copy(update={"progress": progress})
                write_run(db, run, the_job(db, run.job, deleted=True))

    def keep_token(self, run_id: str, owner: str, token_id: str) -> None:
        """A token was made for a run: it has to be revoked when the run is over."""
        with self._db.writing() as db:
            db.execute("insert or ignore into tokens values (?, ?, ?)", (token_id, owner, run_id))

    def tokens_to_revoke(self, limit: int = 100) -> list[tuple[str, str]]:
        """Owner and id of tokens whose run is over or gone."""
        rows = self._db.connection.execute(
            "select tokens.owner, tokens.id from tokens left join runs on runs.id = tokens.run"
            " where runs.id is null or runs.ended is not null limit ?",
            (limit,),
        )
        return [(row["owner"], row["id"]) for row in rows]

    def forget_token(self, owner: str, token_id: str) -> None:
        """It is revoked."""
        with self._db.writing() as db:
            db.execute("delete from tokens where owner = ? and id = ?", (owner, token_id))


def _launched(row: sqlite3.Row) -> Launched:
    return Launched(
        run=Run.model_validate_json(row["body"]),
        owner=row["owner"],
        job_name=row["name"],
        timeout_seconds=int(row["timeout_seconds"]),
        launched=moment(row["launched"]),
        launches=row["launches"],
        stop=Exit.model_validate_json(row["stop"]) if row["stop"] else None,
        stop_asked=moment(row["stop_asked"]) if row["stop_asked"] else None,
    )

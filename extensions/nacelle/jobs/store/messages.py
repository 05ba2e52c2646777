"""Messages to people, notices to send, and the list of changes that pages follow."""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime

from pydantic import ValidationError

from nacelle.jobs.job import Job, Run, Sentence
from nacelle.jobs.store.rows import Change, Message, Notice, moment, stamp
from nacelle.jobs.store.tables import Part, note

log = logging.getLogger(__name__)


class Messages(Part):
    """What is said to people in Lab and on the hub's page."""

    def messages_of(self, person: str, after: int = 0, limit: int = 200) -> list[Message]:
        """Messages later than the one of number `after`, oldest first; the newest `limit`."""
        rows = self._db.connection.execute(
            "select * from (select * from messages where person = ? and id > ?"
            " order by id desc limit ?) order by id",
            (person, after, limit),
        )
        return [_message(row) for row in rows]

    def add_message(
        self,
        person: str,
        said: Sentence,
        now: datetime,
        *,
        job: str | None = None,
        run: str | None = None,
    ) -> None:
        """Say something to a person, about a job or a run of theirs."""
        with self._db.writing() as db:
            add_message(db, person, said, now, job, run)

    def read_messages(self, person: str, up_to: int) -> None:
        """A person has read all up to this number."""
        with self._db.writing() as db:
            done = db.execute(
                "update messages set read = 1 where person = ? and id <= ? and not read",
                (person, up_to),
            )
            if done.rowcount:
                note(db, "message", str(up_to), person, None)

    def changes_since(self, seq: int, limit: int = 1000) -> list[Change]:
        """What changed after `seq`, oldest first; only some thousands of the newest are kept."""
        rows = self._db.connection.execute(
            "select * from changes where seq > ? order by seq limit ?", (seq, limit)
        )
        return [Change(*row) for row in rows]

    def newest_change(self) -> int:
        """The number of the newest change; 0 when there was none."""
        row = self._db.connection.execute("select max(seq) from changes").fetchone()
        return int(row[0] or 0)

    def oldest_change(self) -> int:
        """The number of the oldest change that is kept; 0 when there is none."""
        row = self._db.connection.execute("select min(seq) from changes").fetchone()
        return int(row[0] or 0)


class Outbox(Part):
    """Notices by mail and to webhooks, until they are delivered or given up."""

    def notices_due(self, now: datetime, limit: int = 50) -> list[Notice]:
        """Notices whose moment has come, oldest first.

        What cannot be read any more is given up, with a word to the owner.
        """
        rows = self._db.connection.execute(
            "select outbox.*, runs.body as run_body, jobs.body as job_body, jobs.id as job,"
            " jobs.owner, jobs.name from outbox"
            " join runs on runs.id = outbox.run join jobs on jobs.id = runs.job"
            " where outbox.not_before <= ? order by outbox.not_before, outbox.id limit ?",
            (stamp(now), limit),
        ).fetchall()
        found = []
        for row in rows:
            try:
                found.append(_notice(row))
            except ValidationError:
                log.exception("a notice cannot be read", extra={"run": row["run"]})
                self._leave_out(row, now)
        return found

    def notice_sent(self, id: int) -> None:
        with self._db.writing() as db:
            db.execute("delete from outbox where id = ?", (id,))

    def notice_failed(self, id: int, again: datetime) -> None:
        """It could not be delivered: try it again at `again`."""
        with self._db.writing() as db:
            db.execute(
                "update outbox set attempts = attempts + 1, not_before = ? where id = ?",
                (stamp(again), id),
            )

    def notice_given_up(self, notice: Notice, said: Sentence, now: datetime) -> None:
        """It is not tried again; the job's owner is told so."""
        with self._db.writing() as db:
            db.execute("delete from outbox where id = ?", (notice.id,))
            add_message(db, notice.job.owner, said, now, notice.job.id, notice.run.id)

    def _leave_out(self, row: sqlite3.Row, now: datetime) -> None:
        with self._db.writing() as db:
            db.execute("delete from outbox where id = ?", (row["id"],))
            add_message(db, row["owner"], _untold(row["name"]), now, row["job"], row["run"])


def add_message(
    db: sqlite3.Connection,
    person: str,
    said: Sentence,
    now: datetime,
    job: str | None,
    run: str | None,
) -> None:
    """Say something to a person, within a transaction."""
    made = db.execute(
        "insert into messages (person, at, en, fr, job, run) values (?, ?, ?, ?, ?, ?)",
        (person, stamp(now), said.en, said.fr, job, run),
    )
    note(db, "message", str(made.lastrowid), person, None)


def _notice(row: sqlite3.Row) -> Notice:
    """Raises ValidationError."""
    return Notice(
        row["id"],
        Run.model_validate_json(row["run_body"]),
        Job.model_validate_json(row["job_body"]),
        row["channel"],
        row["target"],
        row["attempts"],
    )


def _untold(name: str) -> Sentence:
    return Sentence(
        en=f"A run of “{name}” ended, and nobody else could be told: the job cannot be read any"
        " more.",
        fr=f"Une exécution de « {name} » est finie, et personne d'autre n'a pu en être averti : le"
        " travail ne peut plus être lu.",
    )


def _message(row: sqlite3.Row) -> Message:
    said = Sentence(en=row["en"], fr=row["fr"])
    return Message(row["id"], moment(row["at"]), said, row["job"], row["run"], bool(row["read"]))

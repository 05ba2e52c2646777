"""What nobody can read or follow any more is set aside, so that all else goes on.

A job that was valid need not stay so: its zone may be gone from the machine, a rule be stricter.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nacelle.jobs.job import Job, Sentence, Suspension
from nacelle.jobs.store.messages import add_message
from nacelle.jobs.store.tables import note, write_job

PLATFORM = "platform"

Kind = TypeVar("Kind", bound=BaseModel)

log = logging.getLogger(__name__)


def readable(kind: type[Kind], rows: Iterable[sqlite3.Row]) -> list[Kind]:
    """Those of some rows (id, body) that can be read; the others are logged."""
    found = []
    for row in rows:
        try:
            found.append(kind.model_validate_json(row["body"]))
        except ValidationError:
            log.exception("a %s cannot be read", kind.__name__.lower(), extra={"id": row["id"]})
    return found


def set_aside(db: sqlite3.Connection, job_id: str, now: datetime, admins: Sequence[str]) -> None:
    """Suspend a job whose ticks cannot be settled, without its schedule if that is at fault.

    Where even that makes no job of it, it is due no more. Its owner and administrators are told.
    """
    row = db.execute("select owner, project, name, body from jobs where id = ?", (job_id,))
    owner, project, name, body = row.fetchone()
    if job := _suspended(body, job_id, now):
        assert job.suspension is not None
        write_job(db, job, None, now)
        said = _about(name, job.suspension.why)
    else:
        db.execute("update jobs set last_settled = null, next_due = null where id = ?", (job_id,))
        note(db, "job", job_id, owner, project)
        said = _about(name, _unreadable(job_id))
    for person in dict.fromkeys((owner, *admins)):
        add_message(db, person, said, now, job_id, None)


def _suspended(body: str, job_id: str, now: datetime) -> Job | None:
    plain = json.loads(body)
    schedule = plain.get("schedule") or {}
    lost = _lost(str(schedule.get("cron")), str(schedule.get("zone")))
    for why, change in ((_failed(job_id), {}), (lost, {"schedule": None})):
        suspension = Suspension(by=PLATFORM, at=now, why=why).model_dump(mode="json")
        changed = {"state": "suspended", "suspension": suspension, **change}
        try:
            job = Job.model_validate_json(json.dumps(plain | changed))
        except ValidationError:
            continue
        return job.model_copy(update={"changed": max(now, job.changed)})
    return None


def _lost(cron: str, zone: str) -> Sentence:
    return Sentence(
        en=f"It was suspended: its schedule ({cron}, {zone}) cannot be read any more. Give it"
        " another one, then resume it.",
        fr=f"Il a été suspendu : son calendrier ({cron}, {zone}) ne peut plus être lu. Donnez-lui"
        " en un autre, puis reprenez-le.",
    )


def _failed(job_id: str) -> Sentence:
    number = job_id[:8]
    return Sentence(
        en="It was suspended: the platform failed to follow its schedule. Resume it; if this comes"
        f" back, give an administrator the number {number}.",
        fr="Il a été suspendu : la plateforme n'a pas pu suivre son calendrier. Reprenez-le ; si"
        f" cela se répète, donnez le numéro {number} à un administrateur.",
    )


def _unreadable(job_id: str) -> Sentence:
    number = job_id[:8]
    return Sentence(
        en="It cannot be read any more, and its schedule is not followed. Make the job anew; an"
        f" administrator finds the reason in the engine's log under {number}.",
        fr="Il ne peut plus être lu, et son calendrier n'est pas suivi. Recréez le travail ; un"
        f" administrateur en trouve la raison dans le journal du moteur sous {number}.",
    )


def _about(name: str, why: Sentence) -> Sentence:
    return Sentence(en=f"“{name}”: {why.en}", fr=f"« {name} » : {why.fr}")

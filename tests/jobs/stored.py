"""A store with jobs and runs to test with."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.job import Job, Run, Schedule
from nacelle.jobs.store import RunFilter, Store
from tests.jobs import samples

NOW = datetime(2026, 3, 2, 6, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GRACE = timedelta(seconds=60)
EACH_MINUTE = Schedule(cron="* * * * *")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "jobs.sqlite")
    yield made
    made.close()


def add(store: Store, now: datetime = NOW, **changes: Any) -> Job:
    """A job that is there; armed and each minute unless told otherwise."""
    plain = {"id": uuid.uuid4().hex, "state": "armed", "schedule": EACH_MINUTE}
    made = samples.job(**plain | changes)
    store.add_job(made, now)
    return made


def ask(store: Store, job: Job, now: datetime = NOW, **changes: Any) -> Run:
    """A run that a person asked for."""
    plain = {
        "id": uuid.uuid4().hex,
        "job": job.id,
        "version": job.snapshot.version,
        "cause": "manual",
        "asked_by": job.owner,
        "scheduled": now,
    }
    return store.ask_run(samples.run(**plain | changes), job.snapshot)


def spoil(folder: Path, job_id: str, **changes: Any) -> None:
    """Write into a job's row what no job may hold."""
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as db, db:
        (body,) = db.execute("select body from jobs where id = ?", (job_id,)).fetchone()
        spoiled = json.dumps(json.loads(body) | changes)
        db.execute("update jobs set body = ? where id = ?", (spoiled, job_id))


def runs_of(store: Store, job: Job) -> list[Run]:
    """Runs of a job, oldest first."""
    return store.runs(RunFilter(job=job.id, limit=1000)).items[::-1]


def under_way(store: Store, run: Run, now: datetime = NOW) -> Run:
    """A run that was launched and has begun."""
    assert store.take(run.id, now)
    return store.begun(run.id, now)

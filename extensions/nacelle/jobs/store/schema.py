"""The tables of the store, and how an older file becomes one of today.

Jobs, snapshots and runs are kept as their JSON, beside it the columns that are searched and sorted.
Moments are text of one width in UTC, so that they sort as they are.
"""

from __future__ import annotations

import sqlite3

_FIRST = """
create table notebooks (
    sha256 text not null, person text not null, brought text not null,
    primary key (sha256, person)
) strict, without rowid;

create table snapshots (version text primary key, body text not null) strict, without rowid;

create table jobs (
    id text primary key,
    owner text not null, project text, name text not null, words text not null,
    state text not null, created text not null,
    -- Set while the job is armed and has a schedule: what was settled, when it is due again.
    last_settled text, next_due text,
    -- A job that was deleted stays for the sake of its runs, and is shown no more.
    deleted text, keep_runs integer not null default 1,
    body text not null
) strict;
create index jobs_of_owner on jobs (owner);
create index jobs_of_project on jobs (project) where project is not null;
create index jobs_due on jobs (next_due) where next_due is not null;

create table runs (
    number integer primary key autoincrement,
    id text not null unique,
    job text not null references jobs (id) on delete cascade,
    version text not null references snapshots (version),
    state text not null, cause text not null, scheduled text not null, retry_of text,
    profile text not null, words text not null default '',
    asked text not null, not_before text not null,
    -- When the engine took it to be launched, and how often it did.
    launched text, launches integer not null default 0,
    -- The exit it shall have because it was asked to stop, and since when.
    stop text, stop_asked text,
    ended text,
    body text not null
) strict;
create index runs_of_job on runs (job, number);
create index runs_of_version on runs (version);
create index runs_alive on runs (not_before) where ended is null;
create index runs_ended on runs (ended) where ended is not null;
-- These two are what makes a tick, and a retry, happen once.
create unique index runs_of_tick on runs (job, scheduled) where cause = 'schedule';
create unique index runs_again on runs (retry_of) where retry_of is not null;

create table tokens (
    id text not null, owner text not null, run text not null, primary key (owner, id)
) strict, without rowid;

create table messages (
    id integer primary key autoincrement,
    person text not null, at text not null, en text not null, fr text not null,
    job text, run text, read integer not null default 0
) strict;
create index messages_of on messages (person, id);

create table outbox (
    id integer primary key autoincrement,
    run text not null references runs (id) on delete cascade,
    channel text not null, target text not null,
    attempts integer not null default 0, not_before text not null
) strict;
create index outbox_due on outbox (not_before);
create index outbox_of_run on outbox (run);

create table changes (
    seq integer primary key autoincrement,
    kind text not null, id text not null, owner text not null, project text
) strict;
"""

# Each leads from the version of its place to the next; what was given out is never changed.
MIGRATIONS = (_FIRST,)


class StoreTooNew(Exception):
    """The file was written by a later Nacelle; the message says what to do."""


def migrate(db: sqlite3.Connection, name: str) -> None:
    """Bring the file `name`, open as `db`, to this version, in one transaction."""
    db.execute("begin immediate")
    with db:
        (version,) = db.execute("pragma user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreTooNew(
                f"{name} was written by a later version of Nacelle (format {version}, this one"
                f" knows {len(MIGRATIONS)}): install that version again, or put back a copy of the"
                " file from before"
            )
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                db.execute(statement)
        db.execute(f"pragma user_version = {len(MIGRATIONS)}")


def _statements(script: str) -> list[str]:
    """The statements of a script one by one: executescript would end the transaction."""
    found, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found

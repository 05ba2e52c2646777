"""API keys: `nacelle_<id>_<secret>`, shown once when they are made, kept as hashes in SQLite.

A secret is 256 random bits. Slow hashes protect words that people choose and others can guess; this
one cannot be guessed, so that SHA-256 is enough, and fast enough for each request.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PREFIX = "nacelle_"
ANONYMOUS_SLOT = 0

_TOKEN = re.compile(r"nacelle_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
# Revoked keys of one owner that stay listed; the table must not grow with each key ever made.
_REMEMBERED = 20
_BUSY_SECONDS = 5
_DAY = 86_400
_SCHEMA = """
create table if not exists keys (
    id text primary key, name text not null, owner text not null, scopes text not null,
    rate real not null, burst integer not null, daily_quota integer not null,
    created text not null, revoked text, last_used text, digest blob not null
) strict;
create unique index if not exists live_names on keys (owner, name) where revoked is null;
create table if not exists slots (slot integer primary key, caller text unique) strict;
insert or ignore into slots values (0, 'anonymous');
"""

log = logging.getLogger(__name__)


class KeyRefused(Exception):
    """A key that cannot be made; the message says why and what to do, `kind` names it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class KeysUnusable(Exception):
    """The file of the keys cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may ask: `rate` in requests a second, `burst` requests at once, `daily_quota` in
    texts a UTC day (0: no limit)."""

    scopes: frozenset[str]
    rate: float
    burst: int
    daily_quota: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. Times are ISO, in UTC; `last_used` is a day."""

    id: str
    name: str
    owner: str
    allowance: Allowance
    created: str
    revoked: str | None
    last_used: str | None
    slot: int | None
    digest: bytes = field(repr=False)


class KeyStore:
    """The keys and the slots of all callers, in `file` (SQLite, 0600); many processes may share it.

    Reading is from memory, and from the file as soon as somebody else wrote to it. `clear` is told
    each slot that is given to a new caller; there are `slots` of them.
    """

    def __init__(self, file: Path, clear: Callable[[int], None], slots: int) -> None:
        self._file = file
        self._clear = clear
        self._most = slots
        self._version = -1
        self._keys: dict[str, ApiKey] = {}
        self._slots: dict[str, int] = {}
        self._days: dict[str, int] = {}
        with _readable(file):
            self._create()
            self._db = self._connect()
        self._later = ThreadPoolExecutor(1, "keys")

    def find(self, token: str) -> ApiKey | None:
        """The key that `token` opens, revoked ones too; None for any other text.

        Raises KeysUnusable when the file cannot be read: a revoked key must not stay good.
        """
        match = _TOKEN.fullmatch(token)
        key = self._current().get(match[1]) if match else None
        if match is None or key is None:
            return None
        return key if hmac.compare_digest(_digest(match[2]), key.digest) else None

    def get(self, key_id: str) -> ApiKey | None:
        """A key by its id. Raises KeysUnusable."""
        return self._current().get(key_id)

    def all(self) -> list[ApiKey]:
        """Every key, live ones first, then by owner and name. Raises KeysUnusable."""
        order = sorted(self._current().values(), key=lambda key: (key.owner, key.name, key.created))
        return sorted(order, key=lambda key: key.revoked is not None)

    def make(
        self, owner: str, name: str, allowance: Allowance, most: int | None
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can tell later. `most`: live keys of an owner.

        Raises KeyRefused or KeysUnusable.
        """
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with _readable(self._file), self._writing() as db:
            live = [
                row[0]
                for row in db.execute(
                    "select name from keys where owner = ? and revoked is null", (owner,)
                )
            ]
            if name in live:
                raise KeyRefused(
                    "name-in-use",
                    f"You have a live key named {name!r}; choose another name, or revoke it first.",
                )
            if most is not None and len(live) >= most:
                raise KeyRefused(
                    "too-many-keys",
                    f"You have {len(live)} live keys and may have {most}; revoke one first.",
                )
            self._forget_old(db, owner)
            slot = self._allot(db, f"key:{key_id}")
            made = ApiKey(key_id, name, owner, allowance, _now(), None, None, slot, _digest(secret))
            db.execute("insert into keys values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(made))
        return made, f"{PREFIX}{key_id}_{secret}"

    def revoke(self, key_id: str) -> None:
        """End a key for good; nothing happens when it has ended. Raises KeysUnusable."""
        with _readable(self._file), self._writing() as db:
            db.execute(
                "update keys set revoked = ? where id = ? and revoked is null", (_now(), key_id)
            )
            db.execute("update slots set caller = null where caller = ?", (f"key:{key_id}",))

    def used(self, key: ApiKey) -> None:
        """Note the day on which a key was used: once a day, a moment later, or not at all."""
        day = int(time.time() // _DAY)
        if self._days.get(key.id) == day:
            return
        self._days[key.id] = day
        today = _now()[:10]
        if key.last_used != today:
            self._later.submit(self._note_use, key.id, today)

    def slot(self, caller: str) -> int | None:
        """The slot of a caller that is no key, from memory; None when `allot` has to be called."""
        return self._slots.get(caller)

    def allot(self, caller: str) -> int:
        """The slot of a caller, given now if it has none. Raises KeysUnusable."""
        with _readable(self._file), self._writing() as db:
            slot = self._slots[caller] = self._allot(db, caller)
        return slot

    def close(self) -> None:
        """Let go of the file."""
        self._later.shutdown()
        self._db.close()

    def _current(self) -> dict[str, ApiKey]:
        # Asked at each request, so without the context manager's few microseconds.
        try:
            # Changes with each commit of another connection, those of this process included.
            (version,) = self._db.execute("pragma data_version").fetchone()
            if version != self._version:
                self._keys = {key.id: key for key in self._read()}
                self._version = version
                self._days = {one: day for one, day in self._days.items() if one in self._keys}
        except sqlite3.Error as error:
            raise _unusable(self._file, error) from None
        return self._keys

    def _read(self) -> Iterator[ApiKey]:
        rows = self._db.execute(
            "select keys.*, slot from keys left join slots on caller = 'key:' || id"
        )
        for row in rows:
            (
                key_id,
                name,
                owner,
                scopes,
                rate,
                burst,
                quota,
                created,
                revoked,
                used,
                digest,
                slot,
            ) = row
            allowance = Allowance(frozenset(scopes.split()), rate, burst, quota)
            yield ApiKey(key_id, name, owner, allowance, created, revoked, used, slot, digest)

    def _allot(self, db: sqlite3.Connection, caller: str) -> int:
        found = db.execute("select slot from slots where caller = ?", (caller,)).fetchone()
        if found:
            return int(found[0])
        (free,) = db.execute("select min(slot) from slots where caller is null").fetchone()
        if free is None:
            (free,) = db.execute("select max(slot) + 1 from slots").fetchone()
        if free >= self._most:
            raise KeysUnusable(
                f"all {self._most} places for callers are taken; revoke keys that nobody uses"
            )
        db.execute("insert or replace into slots values (?, ?)", (free, caller))
        self._clear(free)
        return int(free)

    def _forget_old(self, db: sqlite3.Connection, owner: str) -> None:
        db.execute(
            "delete from keys where id in (select id from keys where owner = ?"
            " and revoked is not null order by revoked desc, rowid desc limit -1 offset ?)",
            (owner, _REMEMBERED),
        )

    def _note_use(self, key_id: str, today: str) -> None:
        try:
            with self._writing() as db:
                db.execute("update keys set last_used = ? where id = ?", (today, key_id))
        except sqlite3.Error as error:
            log.warning("use of a key not noted", extra={"key": key_id, "reason": str(error)})

    def _create(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # Workers start at once, and SQLite does not wait for the lock that changing the mode needs.
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with closing(self._connect()) as db:
                db.execute("pragma journal_mode = wal")
                db.executescript(f"begin immediate; {_SCHEMA} commit;")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection of its own, so that threads may write."""
        with closing(self._connect()) as db:
            # A revocation must hold after a power cut.
            db.execute("pragma synchronous = full")
            db.execute("begin immediate")
            with db:
                yield db

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _unusable(file, error) from None


def _unusable(file: Path, error: Exception) -> KeysUnusable:
    return KeysUnusable(
        f"{file}: cannot be used ({error}); make room on the disk, or put back a good copy"
    )


def _row(key: ApiKey) -> tuple[object, ...]:
    allowed = key.allowance
    scopes = " ".join(sorted(allowed.scopes))
    limits = (allowed.rate, allowed.burst, allowed.daily_quota)
    times = (key.created, key.revoked, key.last_used)
    return (key.id, key.name, key.owner, scopes, *limits, *times, key.digest)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

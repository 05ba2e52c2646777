"""API keys: what is kept of them, who sees a revocation, and what two processes may do at once."""

from __future__ import annotations

import multiprocessing
import re
import sqlite3
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from nacelle.nace.serving.keys import Allowance, ApiKey, KeyRefused, KeyStore, KeysUnusable
from tests.support.waiting import wait_for

ALLOWED = Allowance(frozenset({"classify"}), 50.0, 100, 200_000)


def opened(folder: Path, slots: int = 64) -> KeyStore:
    return KeyStore(folder / "keys.sqlite", lambda slot: None, slots)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = opened(tmp_path)
    yield store
    store.close()


def make(
    keys: KeyStore, name: str, owner: str = "alice", most: int | None = 3
) -> tuple[ApiKey, str]:
    return keys.make(owner, name, ALLOWED, most)


def test_a_key_opens_and_its_secret_is_nowhere(keys: KeyStore, tmp_path: Path) -> None:
    made, token = make(keys, "register")
    assert re.fullmatch(r"nacelle_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", token)
    found = keys.find(token)
    assert found == made
    assert found is not None and found.allowance == ALLOWED and found.slot not in (None, 0)
    secret = token.split("_", 2)[2]
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file
        assert file.stat().st_mode & 0o077 == 0 or file.suffix == ".lock"
    assert secret not in repr(made)


def test_any_other_text_opens_nothing(keys: KeyStore) -> None:
    _, token = make(keys, "register")
    _, other = make(keys, "desk")
    crossed = token.rsplit("_", 1)[0][:20] + "_" + other[21:]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    for text in ("", "nacelle_", crossed, wrong, token + "x", " " + token, token.upper(), "é" * 64):
        assert keys.find(text) is None


def test_every_process_sees_a_revocation_at_once(keys: KeyStore, tmp_path: Path) -> None:
    other = opened(tmp_path)
    made, token = make(keys, "register")
    seen = other.find(token)
    assert seen is not None and seen.revoked is None
    other.revoke(made.id)
    for store in (keys, other):
        ended = store.find(token)
        assert ended is not None and ended.revoked and ended.slot is None
    first = other.get(made.id)
    keys.revoke(made.id)
    assert other.get(made.id) == first
    other.close()


def test_names_are_unique_among_live_keys_of_an_owner(keys: KeyStore) -> None:
    made, _ = make(keys, "register")
    make(keys, "register", owner="bob")
    with pytest.raises(KeyRefused, match="live key named 'register'; choose another"):
        make(keys, "register")
    keys.revoke(made.id)
    make(keys, "register")


def test_an_owner_has_no_more_than_allowed(keys: KeyStore) -> None:
    first, _ = make(keys, "1")
    for name in "23":
        make(keys, name)
    with pytest.raises(KeyRefused, match="3 live keys and may have 3; revoke one"):
        make(keys, "4")
    make(keys, "4", owner="bob")
    make(keys, "5", most=None)
    keys.revoke(first.id)
    with pytest.raises(KeyRefused):
        make(keys, "4")


def test_revoked_keys_and_slots_do_not_grow_without_end(tmp_path: Path) -> None:
    cleared: list[int] = []
    keys = KeyStore(tmp_path / "keys.sqlite", cleared.append, 4)
    last = ""
    for number in range(50):
        made, last = make(keys, str(number))
        keys.revoke(made.id)
    assert keys.find(last) is not None
    assert len(keys.all()) <= 21
    # One place served them all, and was emptied for each.
    assert cleared == [1] * 50
    make(keys, "a"), make(keys, "b"), make(keys, "c")
    with pytest.raises(KeysUnusable, match="all 4 places for callers are taken"):
        make(keys, "d", most=None)
    keys.close()


def test_callers_keep_their_slots(keys: KeyStore, tmp_path: Path) -> None:
    assert keys.slot("user:alice") is None
    slot = keys.allot("user:alice")
    assert keys.slot("user:alice") == slot
    other = opened(tmp_path)
    assert other.allot("user:bob") != slot
    assert other.allot("user:alice") == slot
    other.close()


def test_the_day_of_use_is_noted_once(keys: KeyStore) -> None:
    made, token = make(keys, "register")
    keys.used(made)

    def noted() -> str | None:
        found = keys.find(token)
        return found.last_used if found else None

    day = wait_for(noted, 10, "the day of use")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(KeysUnusable, match=r"keys\.sqlite: cannot be used .* put back a good copy"):
        opened(tmp_path)


def test_a_file_that_cannot_be_read_opens_nothing(keys: KeyStore, tmp_path: Path) -> None:
    _, token = make(keys, "register")
    assert keys.find(token)
    with sqlite3.connect(tmp_path / "keys.sqlite") as db:
        db.execute("drop table keys")
    db.close()
    with pytest.raises(KeysUnusable):
        keys.find(token)


def _make_some(folder: Path, number: int, result: Connection) -> None:
    keys = opened(folder)
    made = refused = 0
    for name in range(8):
        try:
            keys.make("alice", f"{number}-{name}", ALLOWED, 10)
            made += 1
        except KeyRefused:
            refused += 1
    keys.allot("user:alice")
    result.send((made, refused, keys.slot("user:alice")))
    keys.close()


def test_processes_that_start_and_write_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ends, workers = [], []
    for number in range(3):
        mine, theirs = spawn.Pipe()
        workers.append(spawn.Process(target=_make_some, args=(tmp_path, number, theirs)))
        ends.append(mine)
        workers[-1].start()
    results = [end.recv() for end in ends]
    for worker in workers:
        worker.join(20)
    assert sum(made for made, _, _ in results) == 10
    assert sum(refused for _, refused, _ in results) == 14
    assert len({slot for _, _, slot in results}) == 1
    keys = opened(tmp_path)
    slots = [key.slot for key in keys.all()]
    assert len(set(slots)) == len(slots) == 10
    keys.close()

"""Changes as server-sent events: those of one's own, as they happen, and from where one was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from nacelle.credentials.identity import PROOF_HEADER, Person
from nacelle.jobs.service.live import concerns
from nacelle.jobs.store import Change, Store
from tests.jobs.serving import ADMIN, ALICE, BOB, CAROL
from tests.jobs.started import Started, started_service
from tests.jobs.stored import add, ask


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Started]:
    with started_service(tmp_path) as started:
        yield started


@pytest.fixture
def store(service: Started) -> Iterator[Store]:
    """Written to by another process than the service, as the engine does."""
    opened = Store(service.folder / "data" / "jobs" / "jobs.sqlite")
    yield opened
    opened.close()


@contextmanager
def following(service: Started, person: Person, since: str = "") -> Iterator[Iterator[Any]]:
    """Events with their ids, the first of which says from where on they come."""
    headers = {PROOF_HEADER: service.proof(person)} | ({"Last-Event-ID": since} if since else {})
    with httpx.stream(
        "GET", f"{service.url}/v1/changes", headers=headers, timeout=30, trust_env=False
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Any]:
    number = ""
    for line in lines:
        if line.startswith("id: "):
            number = line.removeprefix("id: ")
        if line.startswith("data: "):
            yield number, json.loads(line.removeprefix("data: "))


def test_one_hears_of_one_s_own_as_it_happens(service: Started, store: Store) -> None:
    with following(service, ALICE) as events:
        assert next(events)[1] == {}
        add(store, owner="bob")
        job = add(store, owner="alice")
        assert next(events)[1] == {"kind": "job", "id": job.id}
        run = ask(store, job)
        seen, event = next(events)
        assert event == {"kind": "run", "id": run.id}
    # Whoever comes back hears of what was missed, and of nothing twice.
    store.ask_cancel(run.id, "alice", run.scheduled)
    with following(service, ALICE, since=seen) as events:
        assert next(events)[0] == seen
        assert next(events)[1] == {"kind": "run", "id": run.id}


@pytest.mark.parametrize(
    ("kind", "owner", "project", "who"),
    [
        ("run", "alice", None, {"alice"}),
        ("run", "alice", "prix", {"alice", "carol"}),
        ("message", "alice", "prix", {"alice"}),
        ("job", "dave", "prix", {"alice", "carol"}),
    ],
)
def test_who_hears_of_a_change(kind: Any, owner: str, project: str | None, who: set[str]) -> None:
    change = Change(1, kind, "1" * 32, owner, project)
    people = (ALICE, BOB, CAROL, ADMIN)
    assert {person.name for person in people if concerns(person, change)} == who

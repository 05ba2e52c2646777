"""Whose turn it is: waiting runs are taken to be launched, or let go, whatever the engine."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from nacelle.jobs.engine.admission import Limits, choose
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Run
from nacelle.jobs.states import IllegalTransition
from nacelle.jobs.store import Store
from nacelle.jobs.store.rows import Launched

log = logging.getLogger(__name__)


class Turns(NamedTuple):
    """The runs that were taken, whether the store changed, and when the next may be taken."""

    taken: list[Run]
    changed: bool
    following: datetime | None


def take_turns(store: Store, launched: Iterable[Launched], limits: Limits, now: datetime) -> Turns:
    """Take the waiting runs that may start beside those that are launched."""
    waiting = store.waiting(now)
    gone = [_let_go(store, one.run, now) for one in waiting if one.let_go]
    under_way = [(one.owner, one.run.job) for one in launched]
    kept = [one for one in waiting if not one.let_go]
    found = [_take(store, one.run, now) for one in choose(kept, under_way, limits)]
    taken = [run for run in found if run is not None]
    return Turns(taken, any(gone) or bool(taken), store.next_waiting(now))


def _let_go(store: Store, run_id: str, now: datetime) -> bool:
    try:
        store.job_ends_run(run_id, "skipped", explain("suspended"), now)
        return True
    except (IllegalTransition, LookupError):
        # Somebody cancelled it, or deleted its job, since it was read.
        log.info("a run is over already", extra={"run": run_id})
    except ValidationError:
        log.exception("a run cannot be let go", extra={"run": run_id})
    return False


def _take(store: Store, run_id: str, now: datetime) -> Run | None:
    try:
        return store.take(run_id, now)
    except ValidationError:
        log.exception("a run cannot be read", extra={"run": run_id})
        return None

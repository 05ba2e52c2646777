"""What the engine needs of the world outside it; drills and tests bring others of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from nacelle.credentials.issuer import Identity
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Job, Run, Snapshot
from nacelle.jobs.order import Order
from nacelle.jobs.parts import Sentence
from nacelle.language import InBoth


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime: ...

    def seconds_until(self, moment: datetime) -> float:
        """How long to wait for a moment; less than nothing when it is past."""


class SystemClock:
    """This machine's."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()


@dataclass(frozen=True)
class Token:
    """A token of the hub; the id is for revoking it."""

    id: str
    text: str = field(repr=False)


class HubAway(Exception):
    """The hub gives no answer that can be relied on: ask again later, conclude nothing."""


class NotGiven(Exception):
    """The hub gives no token for this person, and will not by asking again."""


class Hub(Protocol):
    """People, and the tokens of their runs. Everything here raises HubAway."""

    async def person(self, name: str) -> Identity | None:
        """Somebody as they are now; None when the hub knows them no more."""

    async def mint(self, owner: str, run_id: str, seconds: int) -> Token:
        """A token with the least rights, for so many seconds. Raises NotGiven."""

    async def revoke(self, owner: str, token_id: str) -> None:
        """End a token; one that is gone already is no error."""


class Unrunnable(Exception):
    """A run cannot start; `exit` says why."""

    def __init__(self, exit: Exit) -> None:
        super().__init__(exit.code)
        self.exit = exit


class Orders(Protocol):
    """What a runner is to do."""

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Order:
        """Raises Unrunnable: this person may not, or this machine cannot, run it so."""


def explain_said(code: str, message: InBoth, **details: str | int) -> Exit:
    """An exit whose message exists in both languages."""
    en = explain(code, message=message.en, **details)
    fr = explain(code, message=message.fr, **details)
    return Exit(code=code, said=Sentence(en=en.said.en, fr=fr.said.fr), cell=en.cell)

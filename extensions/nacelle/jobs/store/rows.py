"""What goes into the store and comes out of it beside jobs and runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Literal, NamedTuple, TypeVar

from nacelle.jobs.job import Exit, Job, JobState, Progress, Run, RunState, Sentence

Item = TypeVar("Item")
ChangeKind = Literal["job", "run", "message"]
Channel = Literal["mail", "webhook"]


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of what was asked for, and how many there are in all."""

    items: list[Item]
    total: int

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class JobFilter:
    """Which jobs: visible are those of `owner` or of one of `projects`, all when both are None.

    `search` stands in the job's name, path, owner or project, whatever its case and accents.
    """

    owner: str | None = None
    projects: tuple[str, ...] | None = None
    state: JobState | None = None
    search: str = ""
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True)
class RunFilter:
    """Which runs, by the same rules as jobs; newest first, and `before` is the id of a run."""

    job: str | None = None
    owner: str | None = None
    projects: tuple[str, ...] | None = None
    state: RunState | None = None
    search: str = ""
    limit: int = 100
    before: str | None = None


class Change(NamedTuple):
    """Something became another; `owner` and `project` say who may hear of it."""

    seq: int
    kind: ChangeKind
    id: str
    owner: str
    project: str | None


class Message(NamedTuple):
    """What the platform has to say to a person."""

    id: int
    at: datetime
    said: Sentence
    job: str | None
    run: str | None
    read: bool


class Notice(NamedTuple):
    """Somebody outside to be told of the end of a run; `attempts` were made before."""

    id: int
    run: Run
    job: Job
    channel: Channel
    target: str
    attempts: int


class RunView(NamedTuple):
    """A run as a list shows it: its JSON object without the brace at its end, and whose it is."""

    open_json: str
    owner: str
    project: str | None
    over: bool


class Outputs(NamedTuple):
    """Addresses of what a run produced, in the owner's or project's bucket."""

    notebook: str | None = None
    html: str | None = None
    log: str | None = None


class Seen(NamedTuple):
    """What the runner of a run wrote down, be it long before it is read."""

    started: datetime | None = None
    ended: datetime | None = None
    progress: Progress | None = None


@dataclass(frozen=True)
class Waiting:
    """A pending run whose moment has come, and what decides when it may start."""

    run: str
    job: str
    owner: str
    # No two runs of its job may be under way at once.
    alone: bool
    # Its job is suspended: what the schedule asked for is let go.
    let_go: bool


@dataclass(frozen=True)
class Launched:
    """A run that the engine took to be launched and that is not over."""

    run: Run
    owner: str
    job_name: str
    timeout_seconds: int
    launched: datetime
    launches: int
    stop: Exit | None
    stop_asked: datetime | None


def stamp(moment: datetime) -> str:
    """A moment as the store writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """A moment as the store wrote it."""
    return datetime.fromisoformat(text)


def folded(text: str) -> str:
    """A text without case and accents, to be searched."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))

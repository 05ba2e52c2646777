"""What the REST interface takes and gives, beside Job and Run themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from nacelle.jobs.job import Job, ParameterName, Run
from nacelle.jobs.parameters import Form
from nacelle.jobs.parts import (
    Environment,
    Finding,
    Frozen,
    Git,
    Missed,
    Notebook,
    Notify,
    Overlap,
    Person,
    Retry,
    Schedule,
    Sentence,
    Sha256,
    UtcTime,
    Value,
)
from nacelle.jobs.presets import Preset

First = Literal["run", "arm", "nothing"]
# Plain values, typed by the notebook's form.
Given = Annotated[dict[ParameterName, Any], Field(max_length=200)]


class NewJob(Frozen):
    """A job to be made. `first`: run it once, and arm it if that succeeds; arm it now; or neither.

    `override` takes the notebook although keys seem to stand in it, and is recorded.
    """

    name: str
    project: Person | None = None
    notebook: Notebook
    git: Git | None = None
    parameters: Given = Field(default_factory=dict)
    environment: Environment
    schedule: Schedule | None = None
    timeout_seconds: Annotated[int, Field(ge=10, le=7 * 86_400)] = 3600
    retry: Retry = Retry()
    overlap: Overlap = "forbid"
    missed: Missed = Missed()
    notify: Notify = Notify()
    override: bool = False
    first: First = "run"


class JobChange(Frozen):
    """What is to be changed; what is left out stays, a schedule of null is taken away."""

    name: str | None = None
    notebook: Notebook | None = None
    git: Git | None = None
    parameters: Given | None = None
    environment: Environment | None = None
    schedule: Schedule | None = None
    timeout_seconds: Annotated[int, Field(ge=10, le=7 * 86_400)] | None = None
    retry: Retry | None = None
    overlap: Overlap | None = None
    missed: Missed | None = None
    notify: Notify | None = None
    override: bool = False
    first: First = "nothing"


class RunOptions(Frozen):
    """Parameters for one run, over the job's own; null for the job's as they are."""

    parameters: Given | None = None


class HandOver(Frozen):
    """The project that is to share a job."""

    project: Person


class MayJob(Frozen):
    """What the reader may do to a job."""

    edit: bool
    run: bool
    suspend: bool
    delete: bool
    take_over: bool
    hand_over: bool
    read: bool


class MayRun(Frozen):
    """What the reader may do to a run."""

    cancel: bool
    again: bool
    read: bool


class RunView(Run):
    """A run with what a list shows of its job. `parameters` only where one run is asked for."""

    job_name: str
    owner: Person
    project: Person | None
    may: MayRun
    profile: str
    parameters: dict[str, Value] | None = None


class JobView(Job):
    """A job with its next times, its schedule in words, and its last run."""

    next: tuple[UtcTime, ...]
    sentence: Sentence | None
    last_run: Run | None
    mine: bool
    may: MayJob
    form: Form | None = None


class MadeJob(Frozen):
    """A new or changed job, and the run that was asked for with it."""

    job: JobView
    run: Run | None = None


class Runs(Frozen):
    """Some runs, newest first, of how many that fit."""

    runs: tuple[RunView, ...]
    total: int


class Jobs(Frozen):
    """Some jobs, of how many that fit."""

    jobs: tuple[JobView, ...]
    total: int


class FoundKey(Finding):
    """Where a key or token seems to stand, in words."""

    said: Sentence


class NotebookView(Frozen):
    """A notebook that was taken in: what a form asks for, and where keys seem to stand."""

    sha256: Sha256
    path: str
    kernel: str
    language: str
    form: Form
    findings: tuple[FoundKey, ...]


class Shift(Frozen):
    """A time that the clocks skip or show twice: on the wall (ISO, no zone), and when it runs."""

    wall: str
    tick: UtcTime
    twice: bool


class Preview(Frozen):
    """What a schedule means."""

    cron: str
    sentence: Sentence
    next: tuple[UtcTime, ...]
    shortest_interval_seconds: int
    shifted: tuple[Shift, ...]
    preset: Preset | None


class Equivalent(Frozen):
    """The same as a command, and as the manifest of a Kubernetes CronJob."""

    command: str
    manifest: str


class Deleted(Frozen):
    """What stays of a deleted job."""

    kept: Sentence


class ReadMessages(Frozen):
    """The newest message that was read."""

    up_to: Annotated[int, Field(ge=0, le=2**53, strict=True)]


class MessageView(Frozen):
    """What the platform says to a person, about a job or a run of theirs."""

    id: int
    at: UtcTime
    said: Sentence
    job: str | None
    run: str | None
    read: bool

"""Job and Run (contract 3): one type for the REST interface, the store, the commands and Lab."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from nacelle.jobs.naming import job_name
from nacelle.jobs.parts import (
    Environment,
    Exit,
    Finding,
    Frozen,
    Git,
    Identifier,
    Missed,
    Notebook,
    Notify,
    Overlap,
    Override,
    Person,
    Progress,
    Retry,
    Schedule,
    Sentence,
    Sha256,
    Suspension,
    UtcTime,
    Value,
)

__all__ = [
    "Environment",
    "Exit",
    "Finding",
    "Git",
    "Job",
    "JobState",
    "Missed",
    "Notebook",
    "Notify",
    "Overlap",
    "Override",
    "Progress",
    "Retry",
    "Run",
    "RunCause",
    "RunState",
    "Schedule",
    "Sentence",
    "Snapshot",
    "Suspension",
    "Value",
]

JobState = Literal["draft", "armed", "suspended"]
RunState = Literal["pending", "running", "succeeded", "failed", "timed-out", "skipped", "cancelled"]
RunCause = Literal["schedule", "manual", "first", "retry"]
ParameterName = Annotated[str, Field(pattern=r"^[^\W\d][\w.!]*$", max_length=100)]

ENDS: frozenset[RunState] = frozenset(("succeeded", "failed", "timed-out", "skipped", "cancelled"))


class Snapshot(Frozen):
    """All that decides what a run does: two runs of one snapshot run the same."""

    notebook: Notebook
    git: Git | None = None
    parameters: Annotated[dict[ParameterName, Value], Field(max_length=200)] = Field(
        default_factory=dict
    )
    environment: Environment
    timeout_seconds: Annotated[int, Field(ge=10, le=7 * 86_400)] = 3600

    @property
    def version(self) -> str:
        """SHA-256 of the canonical JSON of these fields: sorted names, no spaces, UTF-8."""
        plain = self.model_dump(mode="json", include=set(Snapshot.model_fields))
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Job(Snapshot):
    """A notebook to be run as its owner, on a schedule or on demand.

    `project` is None for a job of the owner's own space. `proved` is the version that last
    succeeded: a job is armed only with a version that did, or because its owner said so.
    """

    id: Identifier
    name: Annotated[str, AfterValidator(job_name)]
    owner: Person
    project: Person | None = None
    schedule: Schedule | None = None
    retry: Retry = Retry()
    overlap: Overlap = "forbid"
    missed: Missed = Missed()
    notify: Notify = Notify()
    state: JobState = "draft"
    suspension: Suspension | None = None
    proved: Sha256 | None = None
    override: Override | None = None
    created: UtcTime
    changed: UtcTime

    @model_validator(mode="after")
    def _agrees(self) -> Job:
        if (self.state == "suspended") != (self.suspension is not None):
            raise ValueError("a suspended job says who suspended it and why, and no other does")
        if self.changed < self.created:
            raise ValueError("changed before it was created: set changed to created or later")
        return self

    @property
    def snapshot(self) -> Snapshot:
        """What a run of this job as it stands would do."""
        return Snapshot(**{name: getattr(self, name) for name in Snapshot.model_fields})


class Run(Frozen):
    """One attempt at running a job.

    `version` is the snapshot that it runs, the job's own or one with edited parameters.
    `scheduled` is the tick, or for other causes the moment of asking; the attempts of one tick
    share it. `retry_of` is the run that failed before, `again_of` the one that somebody asked to
    run once more, as it was: a pipeline goes on from the step that failed. Addresses are of the
    owner's or the project's bucket (s3://...).
    """

    id: Identifier
    job: Identifier
    version: Sha256
    attempt: Annotated[int, Field(ge=1)] = 1
    cause: RunCause
    retry_of: Identifier | None = None
    again_of: Identifier | None = None
    asked_by: Person | None = None
    scheduled: UtcTime
    started: UtcTime | None = None
    ended: UtcTime | None = None
    state: RunState = "pending"
    exit: Exit | None = None
    progress: Progress | None = None
    notebook: str | None = None
    html: str | None = None
    log: str | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Run:
        over = self.state in ENDS
        if over != (self.ended is not None):
            raise ValueError(f"a run that is {self.state} {'has an' if over else 'has no'} end")
        if over and self.state != "succeeded" and self.exit is None:
            raise ValueError(f"a run that is {self.state} says why")
        if self.state == "running" and self.started is None:
            raise ValueError("a run that is running has a start")
        if (self.cause == "retry") != (self.retry_of is not None):
            raise ValueError("a retry names the run that it repeats, and no other run does")
        if (self.attempt > 1) != (self.cause == "retry"):
            raise ValueError("attempts after the first are retries")
        return self

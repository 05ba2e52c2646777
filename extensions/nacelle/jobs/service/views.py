"""Jobs and runs as a reader sees them."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from urllib.parse import urlsplit

from nacelle.credentials.identity import Person
from nacelle.jobs.job import ENDS, Job, Run, Snapshot
from nacelle.jobs.parameters import Form
from nacelle.jobs.parts import Sentence, Value
from nacelle.jobs.schedule import next_times
from nacelle.jobs.service.rights import may, of_job
from nacelle.jobs.service.wire import JobView, MayJob, MayRun, RunView
from nacelle.jobs.wording import sentence

TIMES = 5


def job_view(
    person: Person, job: Job, last_run: Run | None, now: datetime, form: Form | None = None
) -> JobView:
    """A job with its next times, which only an armed one has."""
    rights = of_job(person, job)._asdict()
    job = shown_to(person, job)
    armed = job.schedule is not None and job.state == "armed"
    return JobView(
        **dict(job),
        next=tuple(next_times(job.schedule, now, TIMES)) if job.schedule and armed else (),
        sentence=Sentence.of(sentence(job.schedule)) if job.schedule else None,
        last_run=last_run,
        mine=job.owner == person.name,
        may=MayJob(**{name: rights[name] for name in MayJob.model_fields}),
        form=form,
    )


def shown_to(person: Person, job: Job) -> Job:
    """A job without what its owner alone should know: a webhook's path is as good as its key."""
    if job.owner == person.name or job.notify.webhook is None:
        return job
    parts = urlsplit(job.notify.webhook)
    notify = job.notify.model_copy(update={"webhook": f"{parts.scheme}://{parts.netloc}/"})
    return job.model_copy(update={"notify": notify})


def run_view(person: Person, run: Run, job: Job, snapshot: Snapshot | None = None) -> RunView:
    """A run with what a list shows of its job, and what it ran where `snapshot` is given."""
    ran = snapshot or job
    return RunView(
        **dict(run),
        job_name=job.name,
        owner=job.owner,
        project=job.project,
        may=may_run(person, job.owner, job.project, run.state in ENDS),
        profile=ran.environment.profile,
        parameters=ran.parameters if snapshot else None,
    )


def may_run(person: Person, owner: str, project: str | None, over: bool) -> MayRun:
    """What a reader may do to a run of a job of `owner` in `project`."""
    rights = may(person, owner, project)
    return MayRun(cancel=rights.suspend and not over, again=rights.run and over, read=rights.read)


def command(job: Job) -> str:
    """`nacelle jobs create ...` that makes this job again."""
    path = job.notebook.path
    # What starts so would be an option.
    words = ["nacelle", "jobs", "create", f"./{path}" if path.startswith("-") else path]
    words += ["--name", job.name]
    if job.project:
        words += ["--project", job.project]
    environment = job.environment
    words += ["--profile", environment.profile, "--kernel", environment.kernel]
    for name, chosen in environment.options.items():
        words += ["--option", f"{name}={chosen}"]
    for package in environment.packages:
        words += ["--package", package]
    for name, value in job.parameters.items():
        words += ["--parameter", f"{name}={_written(value)}"]
    if job.schedule:
        words += ["--schedule", job.schedule.cron, "--zone", job.schedule.zone]
    words += ["--timeout", str(job.timeout_seconds)]
    if job.retry.count:
        words += ["--retries", str(job.retry.count), "--backoff", str(job.retry.backoff_seconds)]
    words += ["--overlap", job.overlap, "--missed", job.missed.policy]
    words += [word for mail in job.notify.mail for word in ("--mail", mail)]
    if job.notify.webhook:
        words += ["--webhook", job.notify.webhook]
    if job.notify.when == "always":
        words.append("--tell-always")
    if job.override:
        words.append("--override-keys")
    return shlex.join(words)


def _written(value: Value) -> str:
    if isinstance(value.value, tuple):
        return json.dumps(value.value, ensure_ascii=False)
    return str(value.value).lower() if isinstance(value.value, bool) else str(value.value)

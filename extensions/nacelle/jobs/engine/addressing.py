"""Where a run's results go."""

from __future__ import annotations

import re

from nacelle.jobs.job import Job, Run
from nacelle.jobs.store.rows import folded
from nacelle.storage.slug import project_bucket, user_bucket

_LONGEST_SLUG = 40


def target(job: Job, run: Run) -> str:
    """The address under which a run's results are kept, in the project's bucket or the owner's."""
    bucket = project_bucket(job.project) if job.project else user_bucket(job.owner)
    when = run.scheduled.strftime("%Y%m%dT%H%M%SZ")
    return f"s3://{bucket}/jobs/{readable(job.name)}-{job.id[:8]}/{when}-{run.id[:8]}"


def readable(name: str) -> str:
    """A name as a part of an address: not unlike any other, so the job's id stands beside it."""
    return re.sub(r"[^a-z0-9]+", "-", folded(name)).strip("-")[:_LONGEST_SLUG].rstrip("-") or "job"

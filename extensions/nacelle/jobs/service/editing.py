"""New jobs and changed ones, checked. Pure, as `making`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Job, Snapshot
from nacelle.jobs.service import making
from nacelle.jobs.service.examining import Examined
from nacelle.jobs.service.making import Checks, Rules
from nacelle.jobs.service.wire import JobChange
from nacelle.jobs.states import JobEvent, job_after

_TERMS = ("name", "schedule", "retry", "overlap", "missed", "notify", "timeout_seconds")


def new_job(snapshot: Snapshot, terms: dict[str, Any], person: Person, now: datetime) -> Job:
    """A draft. Raises ValidationError for terms that no job may have."""
    work = {name: getattr(snapshot, name) for name in Snapshot.model_fields}
    return Job(id=uuid.uuid4().hex, owner=person.name, created=now, changed=now, **work, **terms)


def edited(
    job: Job, asked: JobChange, person: Person, examined: Examined, rules: Rules, now: datetime
) -> Job:
    """`job` with what was asked for. Raises Problem with all that is wrong."""
    checks, given = Checks(), asked.model_fields_set
    terms = {
        name: getattr(asked, name)
        for name in _TERMS
        if name in given and (name == "schedule" or getattr(asked, name) is not None)
    }
    making.check_terms(checks, rules, terms, person, now)
    notebook = asked.notebook or job.notebook
    plain = {name: value.value for name, value in job.parameters.items()}
    if asked.parameters is None and asked.notebook is not None:
        # What the new notebook no longer asks for is left out.
        known = {field.name for field in examined.form.fields}
        plain = {name: value for name, value in plain.items() if name in known}
    snapshot = making.make_snapshot(
        checks,
        rules,
        person,
        notebook,
        examined,
        plain if asked.parameters is None else asked.parameters,
        asked.environment or job.environment,
        terms.get("timeout_seconds", job.timeout_seconds),
        asked.git if "git" in given or asked.notebook else job.git,
    )
    checks.end()
    assert snapshot is not None, "a check that gave nothing has told a problem"
    update = {**terms, **{name: getattr(snapshot, name) for name in Snapshot.model_fields}}
    if notebook.sha256 != job.notebook.sha256:
        update["override"] = making.check_findings(examined, notebook, person, asked.override, now)
    event: JobEvent = "terms-edited" if snapshot.version == job.version else "work-edited"
    update["state"] = job_after(job.state, event)
    # Not model_copy: a new name has to be checked.
    changed: Job | None = checks.run(lambda: Job.model_validate({**dict(job), **update}))
    checks.end()
    assert changed is not None, "a check that gave nothing has told a problem"
    return changed

"""Who may do what to a job.

The cases, each with a test of its number in tests/jobs/test_service_rights.py:

1. A job is seen by its owner, by the members of its project, and by administrators.
2. To change it, or run it with other parameters, is for its owner alone: it runs with the owner's
   keys, so whoever could change it could read all that the owner can.
3. Members of its project may run it as it is, suspend it, cancel its runs, and take it over.
   What it was before (an older version, a run with other parameters) is for its owner alone.
4. Administrators may suspend and delete every job and cancel every run; they read no output. What
   they suspended, they resume.
5. Outputs and logs are read by whoever may read the bucket that they went to: of a job's own runs
   the owner, of a project's the members of the project at that time.
6. Whoever takes a job over becomes its owner; its version is then unproved, for it has never run
   with their keys.
7. A job is handed to a project by its owner, if they belong to it, or by an administrator once its
   owner has left.
8. Who left the project of their job sees it, and no more.
"""

from __future__ import annotations

from typing import NamedTuple

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Job


class May(NamedTuple):
    """What somebody may do to a job."""

    see: bool
    edit: bool
    run: bool
    suspend: bool
    delete: bool
    take_over: bool
    hand_over: bool
    read: bool


def may(person: Person, owner: str, project: str | None) -> May:
    """What `person` may do to a job of `owner` in `project`."""
    member = project is not None and project in person.projects
    owns = person.name == owner and (project is None or member)
    return May(
        see=person.name == owner or member or person.admin,
        edit=owns,
        run=owns or member,
        suspend=owns or member or person.admin,
        delete=owns or person.admin,
        take_over=member and not owns,
        hand_over=owns or person.admin,
        read=owns or member,
    )


def of_job(person: Person, job: Job) -> May:
    """What `person` may do to `job`."""
    return may(person, job.owner, job.project)

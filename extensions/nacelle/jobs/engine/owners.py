"""When an owner leaves, or leaves a project: their jobs are suspended and people told.

The cases, each with a test of its number in tests/jobs/test_engine_owners.py:

1. Whom the hub knows no more: all their armed jobs are suspended, administrators are told.
2. Who left a project: their armed jobs of that project are; administrators and they are told.
3. A hub that does not answer, or refuses to, says nothing: nobody is taken for gone.
4. A job that was handed over or changed meanwhile is judged as it is now.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nacelle.jobs.engine.outside import Clock, Hub, HubAway
from nacelle.jobs.job import Job, Suspension
from nacelle.jobs.parts import Sentence
from nacelle.jobs.states import job_after
from nacelle.jobs.store import JobFilter, Store
from nacelle.jobs.store.aside import PLATFORM as PLATFORM

_MANY = 100_000

log = logging.getLogger(__name__)


class Owners:
    """Asks the hub about the owners of armed jobs; `admins` are told of those who left."""

    def __init__(self, store: Store, hub: Hub, clock: Clock, admins: Sequence[str]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._admins = admins

    async def look(self) -> None:
        """One round over all owners."""
        owned: dict[str, set[str | None]] = {}
        for owner, project in self._store.owners():
            owned.setdefault(owner, set()).add(project)
        for owner, projects in owned.items():
            try:
                person = await self._hub.person(owner)
            except HubAway as error:
                log.warning("owners of jobs cannot be looked up: %s", error)
                return
            if person is None:
                self._suspend(owner, None, _gone(owner))
                continue
            for project in sorted(one for one in projects if one is not None):
                if project not in person.projects:
                    self._suspend(owner, project, _left(owner, project))

    def _suspend(self, owner: str, project: str | None, why: Sentence) -> None:
        """Suspend the armed jobs of an owner, of one project or all, and say so."""
        wanted = JobFilter(owner=owner, state="armed", limit=_MANY)
        now = self._clock.now()
        count = 0

        def suspended(job: Job) -> Job:
            nonlocal count
            theirs = job.owner == owner and (project is None or job.project == project)
            if job.state != "armed" or not theirs:
                return job
            count += 1
            suspension = Suspension(by=PLATFORM, at=now, why=why)
            state = job_after(job.state, "suspended")
            return job.model_copy(update={"state": state, "suspension": suspension})

        for job in self._store.jobs(wanted):
            try:
                self._store.change_job(job.id, suspended, now)
            except LookupError:
                continue
        if count:
            log.warning("jobs suspended: their owner left", extra={"owner": owner, "jobs": count})
            told = [*self._admins, *([owner] if project else [])]
            for person in dict.fromkeys(told):
                self._store.add_message(person, _said(count, why), now)


def _gone(owner: str) -> Sentence:
    return Sentence(
        en=f"{owner} is no longer on this platform. Take the job over, or hand it to a project.",
        fr=f"{owner} n'est plus sur cette plateforme. Reprenez le travail, ou confiez-le à un"
        " projet.",
    )


def _left(owner: str, project: str) -> Sentence:
    return Sentence(
        en=f"{owner} is no longer in the project {project}. A member can take the job over.",
        fr=f"{owner} n'est plus dans le projet {project}. Un membre peut reprendre le travail.",
    )


def _said(count: int, why: Sentence) -> Sentence:
    many = count > 1
    return Sentence(
        en=f"{count} {'jobs were' if many else 'job was'} suspended: {why.en}",
        fr=f"{count} {'travaux ont été suspendus' if many else 'travail a été suspendu'} :"
        f" {why.fr}",
    )

"""What people ask the service to do with their jobs: every change of a job goes through here.

Rights are looked at inside the transaction that changes a job: who is its owner may have changed
since it was read.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from nacelle.credentials.identity import Person
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Job, Run, Snapshot
from nacelle.jobs.parts import Sentence, Suspension
from nacelle.jobs.service import making
from nacelle.jobs.service.editing import edited, new_job
from nacelle.jobs.service.library import Library
from nacelle.jobs.service.making import Checks, Given, Rules
from nacelle.jobs.service.problems import Problem, forbidden, missing
from nacelle.jobs.service.rights import May, of_job
from nacelle.jobs.service.wire import JobChange, NewJob
from nacelle.jobs.states import IllegalTransition, JobEvent, job_after
from nacelle.jobs.store import JobFilter, RunFilter, Store
from nacelle.jobs.store.aside import PLATFORM
from nacelle.language import Said

log = logging.getLogger(__name__)

Change = Callable[[Job], Job]
NO_JOB = ("job", "Ce travail")
NO_RUN = ("run", "Cette exécution")


@dataclass(frozen=True)
class Desk:
    """Makes and changes jobs for people. Every method raises Problem where it refuses."""

    store: Store
    library: Library
    rules: Rules
    now: Callable[[], datetime]
    # Between counting somebody's jobs and making one more; this process alone makes jobs.
    counting: Lock = field(default_factory=Lock)

    def make(self, person: Person, asked: NewJob) -> tuple[Job, Run | None]:
        """A new job, and its first run where one was asked for."""
        now, rules, checks = self.now(), self.rules, Checks()
        examined = self.library.of(person, asked.notebook)
        making.check_terms(checks, rules, dict(asked), person, now)
        snapshot = making.make_snapshot(
            checks,
            rules,
            person,
            asked.notebook,
            examined,
            asked.parameters,
            asked.environment,
            asked.timeout_seconds,
            asked.git,
        )
        job = None
        if snapshot is not None and not checks.problems:
            terms = {
                name: getattr(asked, name)
                for name in ("name", "project", "schedule", "retry", "overlap", "missed", "notify")
            }
            job = checks.run(lambda: new_job(snapshot, terms, person, now))
        checks.end()
        assert job is not None, "a check that gave nothing has told a problem"
        override = making.check_findings(examined, asked.notebook, person, asked.override, now)
        if asked.first == "run":
            # Before there is a job: a refusal leaves none.
            self._check_queue(person.name)
        state = "armed" if asked.first == "arm" else "draft"
        job = job.model_copy(update={"override": override, "state": state})
        with self.counting:
            self._room(rules, person, job.project)
            kept = self.store.jobs(JobFilter(owner=person.name, limit=0)).total
            if kept >= rules.settings.limits.jobs_each:
                raise _full(rules.settings.limits.jobs_each, person.name)
            self.store.add_job(job, now)
        log.info("job made", extra={"job": job.id, "owner": job.owner, "override": bool(override)})
        run = self.ask_run(person, job, "first") if asked.first == "run" else None
        return job, run

    def change(self, person: Person, job_id: str, asked: JobChange) -> tuple[Job, Run | None]:
        """A job with some fields changed; other work makes it a draft again."""
        now, rules = self.now(), self.rules
        # Read outside: examining a notebook takes longer than a transaction may.
        seen = self.seen(person, job_id)
        examined = (
            self.library.of(person, asked.notebook)
            if asked.notebook
            else self.library.examined(seen.notebook)
        )

        def changed(job: Job) -> Job:
            self._demand(of_job(person, job), "edit")
            if job.notebook != seen.notebook:
                raise _changed_meanwhile()
            return edited(job, asked, person, examined, rules, now)

        if asked.first == "run":
            self._check_queue(seen.owner)
        job = self._changed(person, job_id, changed, now)
        if asked.first == "arm" and job.state == "draft":
            job = self.arm(person, job_id)
        run = self.ask_run(person, job, "first") if asked.first == "run" else None
        return job, run

    def suspend(self, person: Person, job_id: str) -> Job:
        """No more runs on schedule until it is resumed."""
        why = Sentence(en=f"{person.name} suspended it.", fr=f"{person.name} l'a suspendu.")
        now = self.now()

        def suspended(job: Job) -> Job:
            self._demand(of_job(person, job), "suspend")
            if job.state == "suspended":
                return job
            state = job_after(job.state, "suspended")
            # Of an administrator who has nothing else to do with it: they end it, too.
            held = person.admin and not of_job(person, job).run
            suspension = Suspension(by=person.name, at=now, why=why, held=held)
            return job.model_copy(update={"state": state, "suspension": suspension})

        return self._changed(person, job_id, suspended)

    def resume(self, person: Person, job_id: str) -> Job:
        """The end of a suspension: armed if what it would run was proved, else a draft."""
        rules = self.rules

        def resumed(job: Job) -> Job:
            if not (person.admin and job.suspension and job.suspension.held):
                self._demand(of_job(person, job), "edit")
            _check_not_held(job, person)
            self._room(rules, person, job.project)
            event: JobEvent = "resumed-proved" if job.proved == job.version else "resumed-unproved"
            state = _after(job, event)
            return job.model_copy(update={"state": state, "suspension": None})

        return self._changed(person, job_id, resumed)

    def arm(self, person: Person, job_id: str) -> Job:
        """Arm a draft without a run that succeeded: its owner says so."""

        def armed(job: Job) -> Job:
            self._demand(of_job(person, job), "edit")
            return job.model_copy(update={"state": _after(job, "armed-by-hand")})

        return self._changed(person, job_id, armed)

    def take_over(self, person: Person, job_id: str) -> Job:
        """Make a member of the job's project its owner; what runs, or waits to, is stopped."""
        rules, before = self.rules, self.seen(person, job_id)

        def taken(job: Job) -> Job:
            self._demand(of_job(person, job), "take_over")
            checks = Checks()
            checks.run(lambda: making.check_environment(rules, person, job.environment))
            checks.end()
            state = "draft" if job.state == "armed" else job.state
            return job.model_copy(update={"owner": person.name, "proved": None, "state": state})

        job = self._changed(person, job_id, taken, stop_runs=explain("taken-over", by=person.name))
        said = Sentence(
            en=f"{person.name} took your job “{job.name}” over.",
            fr=f"{person.name} a repris votre travail « {job.name} ».",
        )
        self.store.add_message(before.owner, said, self.now(), job=job.id)
        return job

    def hand_over(self, person: Person, job_id: str, project: str) -> Job:
        """Share a job with a project, whose members can then take it over."""
        rules = self.rules

        def handed(job: Job) -> Job:
            self._demand(of_job(person, job), "hand_over")
            if job.owner == person.name:
                checks = Checks()
                making.check_terms(checks, rules, {"project": project}, person, self.now())
                checks.end()
            elif job.suspension is None or job.suspension.by != PLATFORM:
                raise forbidden(
                    "Only a job whose owner has left is handed over by an administrator.",
                    "Un administrateur ne confie que les travaux dont le propriétaire est parti.",
                )
            self._room(rules, None, project)
            return job.model_copy(update={"project": project})

        return self._changed(person, job_id, handed)

    def delete(self, person: Person, job_id: str) -> Job:
        """Forget a job; what it wrote to a bucket stays there."""
        job = self.seen(person, job_id)
        self._demand(of_job(person, job), "delete")
        try:
            self.store.delete_job(job_id, person.name, self.now(), keep_runs=False)
        except LookupError:
            raise missing(*NO_JOB) from None
        log.info("job deleted", extra={"job": job_id, "by": person.name})
        return job

    def run(self, person: Person, job_id: str, given: Given | None) -> Run:
        """Run a job now, with its own parameters or with some others."""
        job = self.seen(person, job_id)
        self._demand(of_job(person, job), "run")
        _check_not_held(job, person)
        snapshot = job.snapshot
        if given is not None:
            self._demand(of_job(person, job), "edit")
            snapshot = self._with_values(person, snapshot, given)
        return self.ask_run(person, job, "manual", snapshot)

    def again(self, person: Person, run: Run, given: Given | None) -> Run:
        """Run what a run ran once more, with the same or with some other parameters."""
        job = self.seen(person, run.job)
        self._demand(of_job(person, job), "run")
        snapshot = self.store.snapshot(run.version)
        # What ran before may be other code, which runs with the keys of the owner of today.
        if given is not None or run.version != job.version:
            self._demand(of_job(person, job), "edit")
        if given is not None:
            snapshot = self._with_values(person, snapshot, given)
        return self.ask_run(person, job, "manual", snapshot, again_of=run.id)

    def cancel(self, person: Person, run: Run) -> None:
        """Stop a run, or keep it from starting."""
        job = self.seen(person, run.job)
        self._demand(of_job(person, job), "suspend")
        try:
            self.store.ask_cancel(run.id, person.name, self.now())
        except LookupError:
            raise missing(*NO_RUN) from None
        except IllegalTransition as error:
            raise Problem(409, error.said, kind="not-now") from None

    def seen(self, person: Person, job_id: str) -> Job:
        """A job that the person may see."""
        job = self.store.job(job_id)
        if job is None or not of_job(person, job).see:
            raise missing(*NO_JOB)
        return job

    def ask_run(
        self,
        person: Person,
        job: Job,
        cause: Any,
        snapshot: Snapshot | None = None,
        again_of: str | None = None,
    ) -> Run:
        """Put a run into the queue, for the engine to start."""
        self._check_queue(job.owner)
        now, snapshot = self.now(), snapshot or job.snapshot
        run = Run(
            id=uuid.uuid4().hex,
            job=job.id,
            version=snapshot.version,
            cause=cause,
            again_of=again_of,
            asked_by=person.name,
            scheduled=now,
        )
        try:
            return self.store.ask_run(run, snapshot)
        except LookupError:
            raise missing(*NO_JOB) from None

    def _check_queue(self, owner: str) -> None:
        """Raise Problem where one more run of somebody may not wait."""
        limit = self.rules.settings.limits.waiting_runs
        if self.store.count_runs(RunFilter(owner=owner, state="pending")) >= limit:
            raise Problem(
                429,
                Said(
                    f"{limit} runs of {owner} are waiting already; wait until some are over, or"
                    " cancel some.",
                    f"{limit} exécutions de {owner} attendent déjà ; attendez que certaines"
                    " finissent, ou annulez-en.",
                ),
                kind="too-many-runs",
            )

    def run_seen(self, person: Person, run_id: str) -> tuple[Run, Job]:
        """A run, with its job, that the person may see."""
        run = self.store.run(run_id)
        job = self.store.job(run.job) if run else None
        if run is None or job is None or not of_job(person, job).see:
            raise missing(*NO_RUN)
        return run, job

    def _with_values(self, person: Person, snapshot: Snapshot, given: Given) -> Snapshot:
        examined, checks = self.library.examined(snapshot.notebook), Checks()
        values = checks.run(lambda: making.typed_values(given, examined))
        checks.end()
        return snapshot.model_copy(update={"parameters": values})

    def _changed(
        self,
        person: Person,
        job_id: str,
        change: Change,
        now: datetime | None = None,
        stop_runs: Exit | None = None,
    ) -> Job:
        def checked(job: Job) -> Job:
            if not of_job(person, job).see:
                raise missing(*NO_JOB)
            return change(job)

        try:
            return self.store.change_job(job_id, checked, now or self.now(), stop_runs=stop_runs)
        except LookupError:
            raise missing(*NO_JOB) from None
        except IllegalTransition as error:
            raise Problem(409, error.said, kind="not-now") from None

    def _demand(self, may: May, right: str) -> None:
        if not getattr(may, right):
            raise forbidden(
                "Only its owner may do this to the job; a member of its project may take it over"
                " first.",
                "Seul son propriétaire peut faire cela au travail ; un membre de son projet peut"
                " d'abord le reprendre.",
            )

    def _room(self, rules: Rules, person: Person | None, project: str | None) -> None:
        """Raise Problem where one more job is too many for a person or a project."""
        limits = rules.settings.limits
        # Jobs of a project are counted for it, not for whoever owns them.
        if person and not project and self.store.count_active(person.name) >= limits.active_jobs:
            raise _full(limits.active_jobs, person.name)
        if project and self.store.count_active_of_project(project) >= limits.project_jobs:
            raise _full(limits.project_jobs, project)


def _after(job: Job, event: JobEvent) -> Any:
    return job_after(job.state, event)


def _check_not_held(job: Job, person: Person) -> None:
    """Raise Problem where an administrator suspended a job and another wants it to go on."""
    if job.suspension and job.suspension.held and not person.admin:
        raise forbidden(
            f"{job.suspension.by}, an administrator, suspended this job; ask them to resume it.",
            f"{job.suspension.by}, qui administre, a suspendu ce travail ; demandez-lui de le"
            " reprendre.",
        )


def _changed_meanwhile() -> Problem:
    return Problem(
        409,
        Said(
            "The job was changed by somebody else meanwhile; look at it again.",
            "Le travail a été modifié entre-temps ; regardez-le à nouveau.",
        ),
        kind="changed-meanwhile",
    )


def _full(limit: int, who: str) -> Problem:
    return Problem(
        409,
        Said(
            f"{who} has {limit} jobs, as many as allowed; suspend or delete one first.",
            f"{who} a {limit} travaux, le maximum permis ; suspendez-en ou supprimez-en un"
            " d'abord.",
        ),
        kind="too-many-jobs",
    )

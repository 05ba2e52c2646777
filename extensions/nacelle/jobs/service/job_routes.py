"""/v1/jobs: make, list, change, arm, suspend, run and delete jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Job, JobState
from nacelle.jobs.manifest import manifest_of
from nacelle.jobs.parts import Sentence
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.entrance import Caller
from nacelle.jobs.service.openapi import refusals
from nacelle.jobs.service.problems import forbidden
from nacelle.jobs.service.views import command, job_view, run_view, shown_to
from nacelle.jobs.service.wire import (
    Deleted,
    Equivalent,
    HandOver,
    JobChange,
    Jobs,
    JobView,
    MadeJob,
    NewJob,
    RunOptions,
    RunView,
)
from nacelle.jobs.store import JobFilter

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of a job.")]


def make_job_routes(desk: Desk) -> APIRouter:
    """The routes of jobs."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=refusals(401, 403, 422, 503))
    store = desk.store

    def view(person: Person, job: Job, with_form: bool = False) -> JobView:
        form = desk.library.form_of(job.notebook) if with_form else None
        return job_view(person, job, store.last_run(job.id), desk.now(), form)

    @router.get("", summary="Jobs that one may see; `everybody` shows all to administrators")
    def list_jobs(
        person: Caller,
        search: Annotated[str, Query(max_length=200)] = "",
        state: JobState | None = None,
        project: Annotated[str | None, Query(max_length=255)] = None,
        everybody: bool = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> Jobs:
        owner, projects = visible(person, project, everybody)
        page = store.jobs(JobFilter(owner, projects, state, search, limit, offset))
        return Jobs(jobs=tuple(view(person, job) for job in page), total=page.total)

    @router.post("", status_code=201, summary="Make a job", responses=refusals(400, 409, 429))
    def make_job(person: Caller, asked: NewJob) -> MadeJob:
        job, run = desk.make(person, asked)
        return MadeJob(job=view(person, job), run=run)

    @router.get("/{job_id}", summary="One job, with its form", responses=refusals(404))
    def one_job(person: Caller, job_id: JobId) -> JobView:
        return view(person, desk.seen(person, job_id), with_form=True)

    @router.patch("/{job_id}", summary="Change a job", responses=refusals(400, 404, 409, 429))
    def change_job(person: Caller, job_id: JobId, asked: JobChange) -> MadeJob:
        job, run = desk.change(person, job_id, asked)
        return MadeJob(job=view(person, job), run=run)

    @router.delete("/{job_id}", summary="Delete a job", responses=refusals(404))
    def delete_job(person: Caller, job_id: JobId) -> Deleted:
        job = desk.delete(person, job_id)
        return Deleted(kept=_kept(job))

    @router.post("/{job_id}/suspend", summary="Suspend a job", responses=refusals(404))
    def suspend(person: Caller, job_id: JobId) -> JobView:
        return view(person, desk.suspend(person, job_id))

    @router.post("/{job_id}/resume", summary="End a suspension", responses=refusals(404, 409))
    def resume(person: Caller, job_id: JobId) -> JobView:
        return view(person, desk.resume(person, job_id))

    @router.post(
        "/{job_id}/arm", summary="Arm a job that no run has proved", responses=refusals(404, 409)
    )
    def arm(person: Caller, job_id: JobId) -> JobView:
        return view(person, desk.arm(person, job_id))

    @router.post(
        "/{job_id}/run",
        status_code=201,
        summary="Run a job now",
        responses=refusals(400, 404, 429),
    )
    def run(person: Caller, job_id: JobId, asked: RunOptions | None = None) -> RunView:
        made = desk.run(person, job_id, asked.parameters if asked else None)
        return run_view(person, made, desk.seen(person, job_id))

    @router.post(
        "/{job_id}/take-over",
        summary="Become the owner of a job of one's project",
        responses=refusals(404, 409),
    )
    def take_over(person: Caller, job_id: JobId) -> JobView:
        return view(person, desk.take_over(person, job_id))

    @router.post(
        "/{job_id}/hand-over",
        summary="Share a job with a project",
        responses=refusals(400, 404, 409),
    )
    def hand_over(person: Caller, job_id: JobId, asked: HandOver) -> JobView:
        return view(person, desk.hand_over(person, job_id, asked.project))

    @router.get(
        "/{job_id}/equivalent",
        summary="The same as a command and as a manifest",
        responses=refusals(404),
    )
    def equivalent(person: Caller, job_id: JobId) -> Equivalent:
        job = desk.seen(person, job_id)
        job = shown_to(person, job)
        return Equivalent(
            command=command(job), manifest=manifest_of(job, part=desk.library.part_of(job))
        )

    return router


def visible(
    person: Person, project: str | None, everybody: bool
) -> tuple[str | None, tuple[str, ...] | None]:
    """Owner and projects to filter by: one's own and one's projects', one project's, or all."""
    if everybody:
        if not person.admin:
            raise forbidden(
                "Only administrators see everybody's jobs.",
                "Seuls les administrateurs voient les travaux de tous.",
            )
        return None, None
    if project is not None:
        if project not in person.projects:
            raise forbidden(
                f"You are not a member of a project {project!r}.",
                f"Vous n'êtes pas membre d'un projet « {project} ».",
            )
        return None, (project,)
    return person.name, person.projects


def _kept(job: Job) -> Sentence:
    where = f"projet-{job.project}" if job.project else f"user-{job.owner}"
    return Sentence(
        en=f"What its runs wrote stays in the bucket ({where}, folder jobs/); the list of its runs"
        " and their logs here are gone.",
        fr=f"Ce que ses exécutions ont écrit reste dans le bucket ({where}, dossier jobs/) ; la"
        " liste de ses exécutions et leurs journaux ici sont effacés.",
    )

"""The order of a run: its environment as the catalogue has it now, and where its results go."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from nacelle.credentials.issuer import Identity
from nacelle.environments.machine import Machine
from nacelle.environments.profile import Choice, Profile
from nacelle.environments.profiles import ProfileError, check, lacking
from nacelle.environments.variables import local_addresses, make_environment
from nacelle.jobs.engine.outside import Unrunnable, explain_said
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Environment, Job, Run, Snapshot
from nacelle.jobs.order import Order
from nacelle.jobs.store.rows import folded
from nacelle.kernels import NAMES, jupyter_path
from nacelle.layout import Layout
from nacelle.settings import User
from nacelle.storage.slug import project_bucket, user_bucket

_LONGEST_SLUG = 40
# What only a session has: its own token, what it offers and does at its start.
OF_SESSIONS = ("MLFLOW_TRACKING_TOKEN", "NACELLE_PART", "NACELLE_KERNELS", "NACELLE_INIT")


class LocalOrders:
    """Orders for runners of this machine. `notebook` gives a notebook's file by its digest."""

    def __init__(
        self,
        layout: Layout,
        profiles: Callable[[], Sequence[Profile]],
        machine: Machine,
        notebook: Callable[[str], Path],
    ) -> None:
        self._layout = layout
        self._profiles = profiles
        self._machine = machine
        self._notebook = notebook

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Order:
        """Raises Unrunnable: this person may not, or this machine cannot, run it so."""
        choice = self._choice(snapshot.environment, person)
        return Order(
            run=run,
            snapshot=snapshot,
            job_name=job.name,
            owner=person.name,
            zone=job.schedule.zone if job.schedule else "UTC",
            notebook_file=self._notebook(snapshot.notebook.sha256),
            kernel=snapshot.environment.kernel,
            variables=self._variables(person, choice),
            memory_bytes=choice.memory.limit,
            target=target(job, run),
            broker_url=self._layout.broker_url,
        )

    def _choice(self, wanted: Environment, person: Identity) -> Choice:
        options = {"profile": wanted.profile, **wanted.options}
        try:
            choice = check(self._profiles(), options, person.projects)
        except ProfileError as error:
            raise Unrunnable(explain_said("environment", error.said)) from None
        if wanted.image and wanted.image != choice.image:
            choice = choice.model_copy(update={"image": wanted.image, "other_image": True})
        if said := lacking(choice, self._machine):
            raise Unrunnable(explain_said("environment", said))
        if wanted.kernel not in {NAMES[kernel] for kernel in choice.kernels}:
            raise Unrunnable(explain("kernel-missing", kernel=wanted.kernel))
        return choice

    def _variables(self, person: Identity, choice: Choice) -> dict[str, str]:
        known = {user.name: user for user in self._layout.settings.users}
        user = known.get(person.name) or User.model_construct(name=person.name, mail=None)
        addresses = local_addresses(self._layout)
        made = make_environment(user, person.projects, choice, addresses, token="")
        kept = {name: value for name, value in made.items() if name not in OF_SESSIONS}
        return {**kept, "JUPYTER_PATH": str(jupyter_path(self._layout))}


def target(job: Job, run: Run) -> str:
    """The address under which a run's results are kept, in the project's bucket or the owner's."""
    bucket = project_bucket(job.project) if job.project else user_bucket(job.owner)
    when = run.scheduled.strftime("%Y%m%dT%H%M%SZ")
    return f"s3://{bucket}/jobs/{readable(job.name)}-{job.id[:8]}/{when}-{run.id[:8]}"


def readable(name: str) -> str:
    """A name as a part of an address: not unlike any other, so the job's id stands beside it."""
    return re.sub(r"[^a-z0-9]+", "-", folded(name)).strip("-")[:_LONGEST_SLUG].rstrip("-") or "job"

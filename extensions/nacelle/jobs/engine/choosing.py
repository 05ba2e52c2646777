"""The part of an order that is the same for all engines: the environment as the catalogue has it
now for the owner, and what a run is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nacelle.credentials.issuer import Identity
from nacelle.environments.profile import Choice, Profile
from nacelle.environments.profiles import ProfileError, check
from nacelle.environments.variables import Addresses, make_environment
from nacelle.jobs.engine.addressing import target
from nacelle.jobs.engine.outside import Unrunnable, explain_said
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Environment, Job, Run, Snapshot
from nacelle.jobs.order import Order
from nacelle.kernels import NAMES
from nacelle.language import Said
from nacelle.settings import User

# What only a session has: its own token, what it offers and does at its start.
OF_SESSIONS = ("MLFLOW_TRACKING_TOKEN", "NACELLE_PART", "NACELLE_KERNELS", "NACELLE_INIT")


def choose_environment(
    profiles: Sequence[Profile],
    wanted: Environment,
    person: Identity,
    hindrance: Callable[[Choice, Profile], Said | None],
) -> Choice:
    """What a job asks for, checked; `hindrance` says why an engine cannot run it.

    Raises Unrunnable: this person may not run it so.
    """
    try:
        options = {"profile": wanted.profile, **wanted.options}
        choice = check(profiles, options, person.projects)
    except ProfileError as error:
        raise Unrunnable(explain_said("environment", error.said)) from None
    if wanted.image and wanted.image != choice.image:
        choice = choice.model_copy(update={"image": wanted.image, "other_image": True})
    profile = next(one for one in profiles if one.name == choice.profile)
    if said := hindrance(choice, profile):
        raise Unrunnable(explain_said("environment", said))
    if wanted.kernel not in {NAMES[kernel] for kernel in choice.kernels}:
        raise Unrunnable(explain("kernel-missing", kernel=wanted.kernel))
    return choice


def variables_of(
    person: Identity, choice: Choice, addresses: Addresses, users: Iterable[User]
) -> dict[str, str]:
    """The kernel's environment, as a session's but for what only a session has."""
    known = {user.name: user for user in users}
    user = known.get(person.name) or User.model_construct(name=person.name, mail=None)
    made = make_environment(user, person.projects, choice, addresses, token="")
    return {name: value for name, value in made.items() if name not in OF_SESSIONS}


def make_order(
    run: Run,
    snapshot: Snapshot,
    job: Job,
    person: Identity,
    choice: Choice,
    *,
    notebook_file: Path,
    variables: dict[str, str],
    broker_url: str,
) -> Order:
    """What a runner is to do."""
    return Order(
        run=run,
        snapshot=snapshot,
        job_name=job.name,
        owner=person.name,
        zone=job.schedule.zone if job.schedule else "UTC",
        notebook_file=notebook_file,
        kernel=snapshot.environment.kernel,
        variables=variables,
        memory_bytes=choice.memory.limit,
        target=target(job, run),
        broker_url=broker_url,
    )

"""The order of a run on a cluster, and the place where it takes place: both from its environment.

What a job asks for is checked against the catalogue each time: a profile that its owner may no
longer use, or an image that no pattern of the profile allows, runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from nacelle.credentials.issuer import Identity
from nacelle.environments.profile import Choice, Profile
from nacelle.environments.variables import cluster_addresses
from nacelle.jobs.engine.choosing import choose_environment, make_order, variables_of
from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.kubernetes.storing import NOTEBOOK_FILE
from nacelle.jobs.manifest import Place
from nacelle.jobs.order import Order
from nacelle.language import Said
from nacelle.settings import Settings

# A tag, a digest, both or none.
_VERSION = r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
_HALF_A_DAY = 43_200
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Planned(NamedTuple):
    """What a runner is to do, and where."""

    order: Order
    place: Place


class ClusterOrders:
    """Orders for pods; `profiles` reads the catalogue as it is now."""

    def __init__(self, settings: Settings, profiles: Callable[[], Sequence[Profile]]) -> None:
        self._settings = settings
        self._addresses = cluster_addresses(settings)
        self._profiles = profiles

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Planned:
        """Raises Unrunnable: this person may not run it so."""
        choice = choose_environment(self._profiles(), snapshot.environment, person, _hindrance)
        order = make_order(
            run,
            snapshot,
            job,
            person,
            choice,
            notebook_file=Path(NOTEBOOK_FILE),
            variables=variables_of(person, choice, self._addresses, self._settings.users),
            broker_url=self._addresses.broker,
        )
        return Planned(order, place_of(choice, self._settings))

    def make_for_ticks(self, job: Job, person: Identity) -> Planned:
        """The order of all runs that a CronJob will ask for; each fills in its own id and tick."""
        run = Run(
            id=job.id,
            job=job.id,
            version=job.snapshot.version,
            cause="schedule",
            scheduled=_NEVER,
        )
        return self.make(run, job.snapshot, job, person)


def place_of(choice: Choice, settings: Settings) -> Place:
    """Where a checked choice is run.

    A Job goes before its run is forgotten: seen again after that, it would be taken for another.
    """
    jobs = settings.jobs.kubernetes
    return Place(
        namespace=jobs.namespace,
        image=choice.image,
        cpu_request=choice.cpu.guarantee,
        cpu_limit=choice.cpu.limit,
        memory_request=choice.memory.guarantee,
        memory_limit=choice.memory.limit,
        gpu=choice.gpu,
        node_selector=choice.node_selector,
        tolerations=choice.tolerations,
        pull_secrets=settings.cluster.pull_secrets,
        start_seconds=jobs.start_seconds,
        # Each index of a sweep is as large as a run alone: as many as one person's runs.
        at_once=settings.jobs.limits.runs_at_once_each,
        keep_seconds=min(jobs.keep_seconds, settings.jobs.keep_days * _HALF_A_DAY),
    )


def _hindrance(choice: Choice, profile: Profile) -> Said | None:
    """Why a pod may not have this image; None when it may."""
    return None if _allows(profile, choice.image) else _not_allowed(choice.image)


def _allows(profile: Profile, image: str) -> bool:
    """Whether a profile has this image in some version, or lets people choose it.

    A job keeps the version that it was made with when its profile goes on to another.
    """
    known = [profile.image]
    for option in profile.options.values():
        known += [one.image for one in option.choices.values() if one.image]
        if option.other and re.fullmatch(option.other.pattern, image):
            return True
    names = "|".join(re.escape(_without_version(one)) for one in known)
    return re.fullmatch(rf"(?:{names}){_VERSION}", image) is not None


def _without_version(image: str) -> str:
    return re.sub(rf"{_VERSION}$", "", image)


def _not_allowed(image: str) -> Said:
    return Said(
        f"the image {image} is not allowed in it",
        f"l'image {image} n'y est pas autorisée",
    )

"""One launch: from a run that was taken to a runner that has its token.

Whatever kills the engine in between, the run is taken and its folder not begun: it is launched
again, and the folder lets one runner begin.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

from nacelle.credentials.issuer import Identity
from nacelle.jobs.engine.folder import forestall
from nacelle.jobs.engine.launcher import Child, Launcher
from nacelle.jobs.engine.outside import (
    Clock,
    Hub,
    HubAway,
    NotGiven,
    Orders,
    Unrunnable,
    explain_said,
)
from nacelle.jobs.job import Job, Run
from nacelle.jobs.order import RunFolder
from nacelle.jobs.store import Store
from nacelle.language import Said

# A run may load, write its results and make its HTML beside its own time.
TOKEN_MARGIN = 600
HUB_AWAY_SECONDS = 10

log = logging.getLogger(__name__)


class Launching:
    """Launches runs into folders below `runs`."""

    def __init__(
        self, store: Store, runs: Path, clock: Clock, hub: Hub, orders: Orders, launcher: Launcher
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._hub = hub
        self._orders = orders
        self._launcher = launcher

    async def launch(self, run: Run) -> Child | None:
        """Launch a run that was taken for the first time; None when it waits again or is over."""
        try:
            return await self._launch(run)
        except HubAway as error:
            log.warning("a run waits for the hub: %s", error, extra={"run": run.id})
            now = self._clock.now()
            self._store.put_back(run.id, now + timedelta(seconds=HUB_AWAY_SECONDS), now)
        except Unrunnable as error:
            self._store.job_ends_run(run.id, "failed", error.exit, self._clock.now())
        return None

    async def launch_again(self, run: Run) -> Child | None:
        """Launch a run whose runner never began, or was never started.

        A runner of an engine before may yet begin, so nothing ends the run here. Raises HubAway.
        """
        try:
            return await self._launch(run, again=True)
        except Unrunnable as error:
            if forestall(self._folder(run)):
                self._store.job_ends_run(run.id, "failed", error.exit, self._clock.now())
            return None

    async def _launch(self, run: Run, again: bool = False) -> Child:
        job, snapshot = self._store.job_of_run(run.id), self._store.snapshot(run.version)
        if job is None:
            raise LookupError(f"the run {run.id} has no job")
        person = await find_owner(self._hub, job)
        order = self._orders.make(run, snapshot, job, person)
        try:
            token = await self._hub.mint(job.owner, run.id, snapshot.timeout_seconds + TOKEN_MARGIN)
        except NotGiven as error:
            raise no_keys(job, str(error), str(error)) from None
        self._store.keep_token(run.id, job.owner, token.id)
        folder = self._folder(run)
        folder.write_order(order)
        if again:
            self._store.take_again(run.id, self._clock.now())
        child = self._launcher.launch(folder, token.text)
        log.info("run launched", extra={"run": run.id, "job": job.id, "owner": job.owner})
        return child

    def _folder(self, run: Run) -> RunFolder:
        return RunFolder(self._runs / run.id)


async def find_owner(hub: Hub, job: Job) -> Identity:
    """The owner of a job as they are now. Raises Unrunnable when they have no right to run it."""
    person = await hub.person(job.owner)
    if person is None:
        raise no_keys(
            job,
            f"the hub does not know {job.owner} any more",
            f"le hub ne connaît plus {job.owner}",
        )
    if job.project and job.project not in person.projects:
        raise no_keys(
            job,
            f"{job.owner} is not in the project {job.project} any more",
            f"{job.owner} n'est plus dans le projet {job.project}",
        )
    return person


def no_keys(job: Job, en: str, fr: str) -> Unrunnable:
    """That a run gets no keys, and why in both languages."""
    return Unrunnable(explain_said("keys-refused", Said(en, fr), owner=job.owner))

"""Runs that somebody asked for become Jobs: a suspended Job, its Secret, then its pod.

Whatever kills the engine in between, the run is taken and its Job is there, or is not, under a name
that only it has: what is missing is made by whoever looks next.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from nacelle.jobs.engine.launching import TOKEN_MARGIN, find_owner, no_keys
from nacelle.jobs.engine.outside import Clock, Hub, HubAway, NotGiven, Unrunnable
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Job, Run
from nacelle.jobs.kubernetes.cluster import JOBS, SECRETS, Cluster, ClusterRefused
from nacelle.jobs.kubernetes.orders import ClusterOrders, Planned
from nacelle.jobs.kubernetes.secret import make_secret
from nacelle.jobs.kubernetes.storing import NoKeys, StoreRefused, Storing, notebook_address
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.manifest import make_job
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.store import Store

log = logging.getLogger(__name__)


class Launching:
    """Makes Jobs of runs; folders of runs are below `runs`."""

    def __init__(
        self,
        store: Store,
        runs: Path,
        cluster: Cluster,
        hub: Hub,
        orders: ClusterOrders,
        storing: Storing,
        clock: Clock,
    ) -> None:
        self._store = store
        self._runs = runs
        self._cluster = cluster
        self._hub = hub
        self._orders = orders
        self._storing = storing
        self._clock = clock

    def was_made(self, run: Run) -> bool:
        """Whether the Job of a run was there once."""
        return (self._runs / run.id / "made").exists()

    def remember(self, run: Run) -> None:
        """The Job of a run is there: when it is not, it was taken away."""
        folder = self._runs / run.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "made").touch()

    async def make(self, run: Run) -> None:
        """Make the Job of a run that was taken. Raises Passing."""
        try:
            job, planned = await self._plan(run)
            snapshot = self._store.snapshot(run.version)
            made = make_job(job, planned.place, run, snapshot)
            there = await self._cluster.create(JOBS, made)
            if there is not None:
                self.remember(run)
                await self._complete(run, job, planned, there)
        except Unrunnable as error:
            self._fail(run, error)
        except ClusterRefused as error:
            self._fail(run, Unrunnable(explain("environment", message=error.message)))

    async def complete(self, run: Run, made: dict[str, Any]) -> None:
        """Give a Job its Secret and let its pod start. Raises Passing."""
        try:
            job, planned = await self._plan(run)
            await self._complete(run, job, planned, made)
        except Unrunnable as error:
            self._fail(run, error)

    async def _plan(self, run: Run) -> tuple[Job, Planned]:
        job, snapshot = self._store.job_of_run(run.id), self._store.snapshot(run.version)
        if job is None:
            raise LookupError(f"the run {run.id} has no job")
        try:
            person = await find_owner(self._hub, job)
        except HubAway as error:
            raise Passing(f"a run waits for the hub: {error}") from None
        return job, self._orders.make(run, snapshot, job, person)

    async def _complete(self, run: Run, job: Job, planned: Planned, made: dict[str, Any]) -> None:
        order = planned.order
        seconds = order.snapshot.timeout_seconds + planned.place.start_seconds + TOKEN_MARGIN
        token = await mint(self._hub, job, run.id, seconds)
        self._store.keep_token(run.id, job.owner, token.id)
        await put_notebook(self._storing, self._store, job, order, token.text)
        RunFolder(self._runs / run.id).write_order(order)
        await self._cluster.apply(SECRETS, make_secret(job.id, made, token.text, [order]))
        name = str(made["metadata"]["name"])
        await self._cluster.patch(JOBS, name, {"spec": {"suspend": False}})
        log.info("run launched", extra={"run": run.id, "job": job.id, "owner": job.owner})

    def _fail(self, run: Run, error: Unrunnable) -> None:
        self._store.job_ends_run(run.id, "failed", error.exit, self._clock.now())


async def mint(hub: Hub, job: Job, what: str, seconds: int) -> Any:
    """A token of a job's owner. Raises Passing, Unrunnable."""
    try:
        return await hub.mint(job.owner, what, seconds)
    except HubAway as error:
        raise Passing(f"a token waits for the hub: {error}") from None
    except NotGiven as error:
        raise no_keys(job, str(error), str(error)) from None


async def put_notebook(storing: Storing, store: Store, job: Job, order: Order, token: str) -> None:
    """Have the notebook where the pod fetches it, and here. Raises Passing, Unrunnable."""
    file = store.notebook_path(order.snapshot.notebook.sha256)
    try:
        if file.exists():
            await storing.put_notebook(order, token, file)
        else:
            # The store of jobs was lost with its notebooks.
            store.keep_notebook(job.owner, await storing.bring_notebook(order, token))
    except NoKeys as error:
        raise no_keys(job, str(error), str(error)) from None
    except StoreRefused as error:
        address = notebook_address(order)
        raise Unrunnable(explain("storage", address=address, message=str(error))) from None
    except OSError as error:
        message = error.strerror or "it is gone"
        raise Unrunnable(explain("notebook", message=message)) from None

"""Runs that somebody asked for become Jobs: a suspended Job, its Secret, then its pod.

Whatever kills the engine in between, the run is taken and its Job is there, or is not, under a name
that only it has: what is missing is made by whoever looks next.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from nacelle.jobs.engine.launching import TOKEN_MARGIN, find_owner, no_keys
from nacelle.jobs.engine.outside import Clock, Hub, HubAway, NotGiven, Unrunnable
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Job, Run
from nacelle.jobs.kubernetes.cluster import JOBS, SECRETS, Cluster, ClusterRefused
from nacelle.jobs.kubernetes.naming import is_of_cron_job
from nacelle.jobs.kubernetes.orders import ClusterOrders, Planned
from nacelle.jobs.kubernetes.secret import make_secret
from nacelle.jobs.kubernetes.storing import NoKeys, StoreRefused, Storing, notebook_address
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.manifest import Part, make_job
from nacelle.jobs.order import Order, RunFolder, Stage
from nacelle.jobs.pipelines.records import RECORD
from nacelle.jobs.store import Store

log = logging.getLogger(__name__)


class Turn(NamedTuple):
    """The step of a run whose turn it is: its part of the run's Jobs, and what its pods are told;
    all of a run that is not spread."""

    part: Part = Part()
    stage: Stage | None = None


_ALL = Turn()


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

    def was_made(self, run: Run, place: int = 0) -> bool:
        """Whether the Job of a run, or of one of its steps, was there once."""
        return self._mark(run, place).exists()

    def remember(self, run: Run, place: int = 0) -> None:
        """The Job of a run is there: when it is not, it was taken away."""
        mark = self._mark(run, place)
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()

    async def make(self, run: Run, turn: Turn = _ALL) -> None:
        """Make the Job of a run that was taken, or of one of its steps. Raises Passing."""
        try:
            job, planned = await self._plan(run)
            snapshot = self._store.snapshot(run.version)
            made = make_job(job, planned.place, run, snapshot, turn.part)
            there = await self._cluster.create(JOBS, made)
            if there is not None:
                self.remember(run, turn.part.place)
                await self._complete(run, job, planned, there, turn)
        except Unrunnable as error:
            self._fail(run, error)
        except ClusterRefused as error:
            self._fail(run, Unrunnable(explain("environment", message=error.message)))

    async def complete(self, run: Run, made: dict[str, Any], turn: Turn = _ALL) -> None:
        """Give a Job its Secret and let its pods start. Raises Passing."""
        if is_of_cron_job(made):
            # It has the Secret of its CronJob, and waited for its turn only.
            return await self._let_start(made)
        try:
            job, planned = await self._plan(run)
            await self._complete(run, job, planned, made, turn)
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

    async def _complete(
        self, run: Run, job: Job, planned: Planned, made: dict[str, Any], turn: Turn
    ) -> None:
        order, folder = planned.order, RunFolder(self._runs / run.id)
        seconds = order.snapshot.timeout_seconds + planned.place.start_seconds + TOKEN_MARGIN
        token = await mint(self._hub, job, run.id, seconds)
        self._store.keep_token(run.id, job.owner, token.id)
        await put_notebook(self._storing, self._store, job, order, token.text)
        folder.write_order(order)
        if turn.stage and turn.stage.goes_on:
            await give(self._storing, order, token.text, [(folder.path / RECORD, RECORD)])
        told = order.model_copy(update={"stage": turn.stage})
        await self._cluster.apply(SECRETS, make_secret(job.id, made, token.text, [told]))
        await self._let_start(made)
        log.info("run launched", extra={"run": run.id, "job": job.id, "owner": job.owner})

    async def _let_start(self, made: dict[str, Any]) -> None:
        name = str(made["metadata"]["name"])
        await self._cluster.patch(JOBS, name, {"spec": {"suspend": False}})

    def _mark(self, run: Run, place: int) -> Path:
        return self._runs / run.id / (f"made-{place}" if place else "made")

    def _fail(self, run: Run, error: Unrunnable) -> None:
        self._store.job_ends_run(run.id, "failed", error.exit, self._clock.now())


async def give(storing: Storing, order: Order, token: str, files: list[tuple[Path, str]]) -> None:
    """Put files beside a run's results. Raises Passing, Unrunnable."""
    try:
        await storing.give(order, token, files)
    except StoreRefused as error:
        raise Unrunnable(explain("storage", address=order.run_target, message=str(error))) from None


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

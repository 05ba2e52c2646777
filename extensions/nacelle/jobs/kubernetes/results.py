"""Results in buckets, as their owners: copies of them where the service shows them from, as on one
machine, and what the engine itself puts beside them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nacelle.jobs.engine.launching import find_owner
from nacelle.jobs.engine.outside import Hub, HubAway, NotGiven, Unrunnable
from nacelle.jobs.job import Run
from nacelle.jobs.kubernetes.orders import ClusterOrders
from nacelle.jobs.kubernetes.storing import StoreRefused, Storing
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.store import Store

# For reading and writing some objects.
_TOKEN_SECONDS = 600

log = logging.getLogger(__name__)


class NotHad(Exception):
    """The owner may not, or the store does not let them; the message says why."""


class Results:
    """Reaches the results of runs, each time with a token for just that."""

    def __init__(
        self, store: Store, runs: Path, hub: Hub, orders: ClusterOrders, storing: Storing
    ) -> None:
        self._store = store
        self._runs = runs
        self._hub = hub
        self._orders = orders
        self._storing = storing
        self._tried: set[str] = set()

    async def take(self, run: Run) -> None:
        """Have copies of the results of a run that has any. Raises Passing."""
        folder = RunFolder(self._runs / run.id)
        wanted = ((run.notebook, folder.notebook), (run.html, folder.html))
        missing = [(address, file) for address, file in wanted if address and not file.exists()]
        if not missing or run.id in self._tried:
            return
        try:
            async with self.as_owner(run) as (order, token):
                await self._storing.take(order, token, missing)
        except NotHad as error:
            log.warning("results are not to be had: %s", error, extra={"run": run.id})
        self._tried.add(run.id)

    async def take_items(self, run: Run, names: list[str], files: tuple[str, ...]) -> None:
        """Have copies of what items of a run left. Raises Passing, NotHad."""
        folder = self._runs / run.id
        async with self.as_owner(run) as (order, token):
            wanted = [
                (f"{order.target}/steps/{name}/{file}", folder / "steps" / name / file)
                for name in names
                for file in files
            ]
            await self._storing.take_some(order, token, wanted)

    async def give(self, run: Run, files: list[tuple[Path, str]]) -> dict[str, str]:
        """Put files beside the results of a run; addresses by name. Raises Passing, NotHad."""
        async with self.as_owner(run) as (order, token):
            await self._storing.give(order, token, files)
            return {name: f"{order.target}/{name}" for _, name in files}

    async def bring_notebook(self, run: Run) -> None:
        """Have the notebook of a run here again: it lies in the bucket. Raises Passing, NotHad."""
        async with self.as_owner(run) as (order, token):
            content = await self._storing.bring_notebook(order, token)
            self._store.keep_notebook(order.owner, content)

    @asynccontextmanager
    async def as_owner(self, run: Run) -> AsyncIterator[tuple[Order, str]]:
        """The order of a run, and a token that ends with this. Raises Passing, NotHad."""
        job = self._store.job_of_run(run.id)
        if job is None:
            raise NotHad("its job is gone")
        try:
            person = await find_owner(self._hub, job)
            order = self._orders.make(run, self._store.snapshot(run.version), job, person).order
            token = await self._hub.mint(job.owner, run.id, _TOKEN_SECONDS)
            try:
                yield order, token.text
            finally:
                await self._hub.revoke(job.owner, token.id)
        except HubAway as error:
            raise Passing(f"results wait for the hub: {error}") from None
        except (Unrunnable, NotGiven, StoreRefused) as error:
            raise NotHad(str(error)) from None

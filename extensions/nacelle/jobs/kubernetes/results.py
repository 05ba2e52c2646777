"""Copies of what runs left in buckets, where the service shows them from, as on one machine."""

from __future__ import annotations

import logging
from pathlib import Path

from nacelle.jobs.engine.launching import find_owner
from nacelle.jobs.engine.outside import Hub, HubAway, NotGiven, Unrunnable
from nacelle.jobs.job import Run
from nacelle.jobs.kubernetes.orders import ClusterOrders
from nacelle.jobs.kubernetes.storing import StoreRefused, Storing
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.order import RunFolder
from nacelle.jobs.store import Store

# For reading two objects.
_TOKEN_SECONDS = 600

log = logging.getLogger(__name__)


class Results:
    """Takes the results of ended runs as their owners, each with a token for just that."""

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
            await self._take(run, missing)
        except HubAway as error:
            raise Passing(f"results wait for the hub: {error}") from None
        except (Unrunnable, NotGiven, StoreRefused) as error:
            log.warning("results are not to be had: %s", error, extra={"run": run.id})
        self._tried.add(run.id)

    async def _take(self, run: Run, missing: list[tuple[str, Path]]) -> None:
        job = self._store.job_of_run(run.id)
        if job is None:
            return
        person = await find_owner(self._hub, job)
        order = self._orders.make(run, self._store.snapshot(run.version), job, person).order
        token = await self._hub.mint(job.owner, run.id, _TOKEN_SECONDS)
        try:
            await self._storing.take(order, token.text, missing)
        finally:
            await self._hub.revoke(job.owner, token.id)

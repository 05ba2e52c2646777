"""The controller as an installation's settings have it."""

from __future__ import annotations

from pathlib import Path

from nacelle.environments.profiles import load_profiles
from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.outside import Clock, Hub
from nacelle.jobs.kubernetes.cluster import connect
from nacelle.jobs.kubernetes.controller import Controller
from nacelle.jobs.kubernetes.orders import ClusterOrders
from nacelle.jobs.kubernetes.storing import Storing
from nacelle.jobs.store import Store
from nacelle.settings import Settings


async def on_cluster(
    settings: Settings, store: Store, folder: Path, clock: Clock, hub: Hub
) -> Controller:
    """A controller of the cluster that this process runs in, or that KUBECONFIG names."""
    jobs = settings.jobs
    return Controller(
        store,
        folder,
        await connect(jobs.kubernetes.namespace),
        hub,
        ClusterOrders(settings, lambda: load_profiles(settings.profiles)),
        Storing(),
        clock,
        Limits(jobs.limits.runs_at_once, jobs.limits.runs_at_once_each),
        jobs.kubernetes,
    )

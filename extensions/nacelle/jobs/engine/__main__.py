"""The engine of jobs: `python -m nacelle.jobs.engine`, a supervised part without a port.

One works at a time: another waits until it is gone. Runs go on while it is down.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from nacelle.environments.machine import probe_machine
from nacelle.environments.profiles import load_profiles
from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.engine.engine import Engine
from nacelle.jobs.engine.history import History
from nacelle.jobs.engine.hub import HubClient
from nacelle.jobs.engine.launcher import Launcher
from nacelle.jobs.engine.mail import Mailer
from nacelle.jobs.engine.notices import Notices
from nacelle.jobs.engine.orders import LocalOrders
from nacelle.jobs.engine.outside import SystemClock
from nacelle.jobs.engine.owners import Owners
from nacelle.jobs.engine.tokens import Revoking
from nacelle.jobs.engine.webhook import Webhooks
from nacelle.jobs.store import Store
from nacelle.jobs.store.schema import StoreTooNew
from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.secrets import read_secret
from nacelle.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from nacelle.jobs.kubernetes.controller import Controller

OWNERS_SECONDS = 60.0
NOTICES_SECONDS = 1.0
TOKENS_SECONDS = 2.0
HISTORY_SECONDS = 3600.0
_MAIL_PASSWORD = "jobs.mail"

Duty = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


def main() -> int:
    """Work until SIGTERM or SIGINT."""
    log_to_stdout("jobs-engine")
    os.umask(0o077)
    try:
        settings = load_settings()
        layout = Layout(settings)
        folder = layout.folder("jobs")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(folder / "engine.lock"):
            asyncio.run(_until_told(work(settings, folder)))
    except (SettingsError, StoreTooNew) as error:
        log.error("%s", error)
        return 2
    return 0


async def work(settings: Settings, folder: Path) -> None:
    """The engine and its duties, side by side, until cancelled."""
    layout, jobs = Layout(settings), settings.jobs
    store, clock, hub = Store(folder / "jobs.sqlite"), SystemClock(), HubClient()
    engine = await make_engine(settings, store, folder, clock, hub)
    notices = Notices(
        store,
        clock,
        Mailer(jobs.mail, _mail_password(layout)),
        Webhooks([ip_network(text) for text in jobs.webhook_networks]),
        lambda run_id: f"{settings.url.rstrip('/')}/hub/jobs/runs/{run_id}",
    )
    owners = Owners(store, hub, clock, _admins(settings))
    history = History(store, folder / "runs", clock, jobs.keep_days)

    async def look_at_owners() -> None:
        await owners.look()
        engine.wake()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.run())
            group.create_task(every(OWNERS_SECONDS, look_at_owners))
            group.create_task(every(NOTICES_SECONDS, notices.deliver))
            group.create_task(every(TOKENS_SECONDS, Revoking(store, hub).revoke))
            group.create_task(every(HISTORY_SECONDS, history.forget))
    finally:
        await hub.close()
        store.close()


async def make_engine(
    settings: Settings, store: Store, folder: Path, clock: SystemClock, hub: HubClient
) -> Engine | Controller:
    """The engine that the settings name."""
    if settings.jobs.engine == "kubernetes":
        # Here, for the client of a cluster's API takes a second to load.
        from nacelle.jobs.kubernetes.working import on_cluster

        return await on_cluster(settings, store, folder, clock, hub)
    limits = settings.jobs.limits
    orders = LocalOrders(
        Layout(settings),
        lambda: load_profiles(settings.profiles),
        probe_machine(),
        store.notebook_path,
    )
    at_once = Limits(limits.runs_at_once, limits.runs_at_once_each)
    outside = (clock, hub, orders, Launcher(), at_once)
    return Engine(store, folder, *outside, admins=_admins(settings))


async def every(seconds: float, duty: Duty) -> None:
    """Do a duty, again `seconds` after it is done, until cancelled; one that fails is logged."""
    while True:
        try:
            await duty()
        except Exception:
            log.exception("a duty failed")
        await asyncio.sleep(seconds)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock of the engine; wait for it while another does."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another engine works; waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def _until_told(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def _admins(settings: Settings) -> list[str]:
    return [user.name for user in settings.users if user.admin]


def _mail_password(layout: Layout) -> str | None:
    try:
        return read_secret(layout, _MAIL_PASSWORD)
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())

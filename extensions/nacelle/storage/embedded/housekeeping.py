"""What Swift leaves for later, done in this process: late updates, reclaimed space, stale uploads.

Swift runs these as daemons of their own. Here they take turns in one green thread, so that nothing
runs beside the store and nothing stays behind when it stops.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from swift.account.replicator import AccountReplicator
from swift.common.concurrency import eventlet, tpool
from swift.common.utils import get_logger, readconf
from swift.container.replicator import ContainerReplicator
from swift.container.updater import ContainerUpdater
from swift.obj.replicator import ObjectReplicator
from swift.obj.updater import ObjectUpdater

from nacelle.storage.embedded import conf, uploads

STALE_UPLOAD = timedelta(days=7)
_FIRST_SECONDS = 20
_DISK_THREADS = 4


@dataclass
class Job:
    """One piece of upkeep, done every so many seconds."""

    name: str
    every: float
    run: Callable[[], object]
    due: float


class Housekeeping:
    """Runs each job when it is due, one after the other; a job that fails is logged and retried."""

    def __init__(self, plan: conf.Plan, app: Any) -> None:
        self._plan = plan
        self._app = app
        self._logger = get_logger(self._conf("object", "updater"), "housekeeping")
        self._wake = eventlet.queue.LightQueue(1)
        first = time.monotonic() + _FIRST_SECONDS
        # Listings come first: an object whose listing entry is late cannot be seen by its owner.
        self._jobs = [
            Job("late listing entries", 60, self._update_listings, first),
            Job("bucket statistics", 600, self._update_statistics, first),
            Job("reclaimed space", 86400, self._reclaim, first + 3600),
            Job("stale uploads", 86400, self._abort_stale_uploads, first + 1800),
        ]
        # Flushes to disk wait in threads; one disk needs few, and each thread costs memory.
        tpool.set_num_threads(_DISK_THREADS)

    def start(self) -> None:
        eventlet.spawn(self._loop)

    def run_all_now(self) -> None:
        """Make every job due; used by an administrator (SIGUSR1) who does not want to wait."""
        for job in self._jobs:
            job.due = 0.0
        if self._wake.empty():
            self._wake.put(True)

    def _loop(self) -> None:
        while True:
            pause = min(job.due for job in self._jobs) - time.monotonic()
            with contextlib.suppress(eventlet.queue.Empty):
                self._wake.get(timeout=max(pause, 0.1))
            for job in self._jobs:
                if job.due <= time.monotonic():
                    self._run(job)

    def _run(self, job: Job) -> None:
        try:
            job.run()
        except (Exception, eventlet.Timeout):
            self._logger.exception("upkeep failed, to be tried again: %s", job.name)
        job.due = time.monotonic() + job.every

    def _conf(self, server: str, daemon: str) -> dict[str, str]:
        file = self._plan.etc / f"{server}-server.conf"
        found: dict[str, str] = readconf(str(file), f"{server}-{daemon}")
        return found

    def _update_listings(self) -> None:
        # One sweep instead of `run_once`, which would fork this process.
        updater = ObjectUpdater(self._conf("object", "updater"))
        updater.get_container_ring()
        updater.begin = time.time()
        updater.object_sweep(str(self._plan.devices / conf.DEVICE))

    def _update_statistics(self) -> None:
        ContainerUpdater(self._conf("container", "updater")).run_once()

    def _reclaim(self) -> None:
        """With one copy of everything, replication only forgets what was deleted a week ago."""
        AccountReplicator(self._conf("account", "replicator")).run_once()
        ContainerReplicator(self._conf("container", "replicator")).run_once()
        ObjectReplicator(self._conf("object", "replicator")).run_once()

    def _abort_stale_uploads(self) -> None:
        uploads.abort_stale(self._app, STALE_UPLOAD, datetime.now(UTC))

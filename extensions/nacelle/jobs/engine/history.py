"""Runs that are too old go, with their folders."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from datetime import timedelta
from pathlib import Path

from nacelle.jobs.engine.outside import Clock
from nacelle.jobs.store import Store

# A folder that no run has is of one that was removed while the engine was killed.
_STRAY_SECONDS = 3600

log = logging.getLogger(__name__)


class History:
    """Keeps runs, and the folders below `runs`, for so many days."""

    def __init__(self, store: Store, runs: Path, clock: Clock, keep_days: int) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._keep = timedelta(days=keep_days)

    async def forget(self) -> None:
        """One round: what is too old, and what belongs to nothing."""
        await asyncio.to_thread(self._forget)

    def _forget(self) -> None:
        gone = self._store.forget(self._clock.now() - self._keep)
        if gone:
            log.info("old runs forgotten", extra={"runs": len(gone)})
        for id in {*gone, *self._stray()}:
            shutil.rmtree(self._runs / id, ignore_errors=True)

    def _stray(self) -> set[str]:
        before = time.time() - _STRAY_SECONDS
        old = [path.name for path in self._runs.iterdir() if path.stat().st_mtime < before]
        return self._store.unknown_runs(old)

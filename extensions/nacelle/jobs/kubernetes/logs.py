"""The logs of pods that run, each followed once into the folder of its run or step."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nacelle.cluster.pods import container_state
from nacelle.jobs.kubernetes.cluster import Cluster
from nacelle.jobs.kubernetes.following import Following
from nacelle.jobs.kubernetes.naming import Object
from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Progress

# For what is left of a log once its pod has ended.
_LOG_SECONDS = 20.0

log = logging.getLogger(__name__)


class Logs:
    """Follows one pod for each key: a run's id, or that of a run with the name of its step."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._followed: dict[str, tuple[str, asyncio.Task[None]]] = {}

    def follow(
        self,
        key: str,
        pod: Object,
        folder: RunFolder,
        progressed: Callable[[Progress], None],
        has_ended: Callable[[], bool],
    ) -> None:
        """Follow a pod, unless it is followed; one that took the place of another begins anew."""
        name = str(pod["metadata"]["name"])
        before = self._followed.get(key)
        if before and before[0] == name and not _has_failed(before[1]):
            return
        if before:
            before[1].cancel()
        _begin(folder, name)
        following = Following(self._cluster, name, folder, progressed, has_ended)
        task = asyncio.create_task(following.run())
        self._followed[key] = name, task
        task.add_done_callback(_tell_failure)

    async def finish(self, key: str) -> None:
        """Let a log come to its end, for a while."""
        if found := self._followed.get(key):
            done, _ = await asyncio.wait({found[1]}, timeout=_LOG_SECONDS)
            if not done:
                log.warning("a log did not come to its end", extra={"run": key})

    def forget(self, run_id: str) -> None:
        """Follow nothing of a run any more."""
        for key in [one for one in self._followed if one.partition("/")[0] == run_id]:
            self._followed.pop(key)[1].cancel()

    def close(self) -> None:
        """Follow no more logs."""
        for _, task in self._followed.values():
            task.cancel()


def has_log(pod: Object | None) -> bool:
    """Whether a pod's container began: before that it has no log."""
    state = container_state(pod)
    return "running" in state or "terminated" in state


def _begin(folder: RunFolder, pod: str) -> None:
    """What an earlier pod wrote is not the beginning of what this one writes."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = folder.path / "pod"
    if mark.exists() and mark.read_text(encoding="utf-8") != pod:
        folder.log.unlink(missing_ok=True)
    mark.write_text(pod, encoding="utf-8")


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("a log cannot be followed", exc_info=error)

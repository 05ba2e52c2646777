"""What is seen of each run on the cluster: its Jobs and pods as they are, or were when they went.

A run has one Job, or one for each of its steps (stages); a Job has one pod, or one for each index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nacelle.jobs.kubernetes.naming import (
    Object,
    index_of,
    job_id_of,
    run_id_of,
    run_id_of_pod,
    stage_of,
)

_MOST_WARNINGS = 5_000


@dataclass
class SeenRun:
    """A Job and the newest pod of each of its indexes; `gone` is of the Job."""

    job: dict[str, Any] | None = None
    pods: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: bool = False

    @property
    def pod(self) -> dict[str, Any] | None:
        """The pod of a Job that has one."""
        return self.pods.get(0)


class Sights:
    """Takes in what watches tell; says which runs and jobs have to be looked at again."""

    def __init__(self, run_changed: Callable[[str], None], job_changed: Callable[[str], None]):
        self._run_changed = run_changed
        self._job_changed = job_changed
        self._runs: dict[str, dict[int, SeenRun]] = {}
        self._runs_of_uids: dict[str, str] = {}
        self._warnings: dict[str, tuple[str, str]] = {}

    def of(self, run_id: str, stage: int = 0) -> SeenRun:
        """What is seen of a run, or of a stage of it; nothing at all is also an answer."""
        return self._runs.get(run_id, {}).get(stage, SeenRun())

    def stages(self, run_id: str) -> list[SeenRun]:
        """All Jobs that are seen of a run."""
        return list(self._runs.get(run_id, {}).values())

    def warning(self, seen: SeenRun, index: int = 0) -> tuple[str, str]:
        """Reason and message of the last warning about the pod of an index, or else the Job."""
        for found in (seen.pods.get(index), seen.job):
            if found and (warning := self._warnings.get(_uid(found))):
                return warning
        return "", ""

    def forget(self, run_id: str) -> None:
        """A run is over and nothing of it is left."""
        for seen in self._runs.pop(run_id, {}).values():
            for found in (seen.job, *seen.pods.values()):
                if found:
                    self._runs_of_uids.pop(_uid(found), None)
                    self._warnings.pop(_uid(found), None)

    def runs(self) -> list[str]:
        return list(self._runs)

    def live_jobs(self, job_id: str) -> list[Object]:
        """Jobs of a job that are there, ended ones too."""
        return [
            seen.job
            for stages in self._runs.values()
            for seen in stages.values()
            if seen.job and not seen.gone and job_id_of(seen.job) == job_id
        ]

    def see_cron_job(self, found: dict[str, Any], gone: bool) -> None:
        if id := job_id_of(found):
            self._job_changed(id)

    def see_job(self, found: dict[str, Any], gone: bool) -> None:
        if id := run_id_of(found):
            seen = self._seen(id, found)
            seen.job, seen.gone = found, gone
            self._run_changed(id)
            if job_id := job_id_of(found):
                self._job_changed(job_id)

    def see_pod(self, found: dict[str, Any], gone: bool) -> None:
        """A pod that is gone is kept as it was: how it ended stands in it alone."""
        if id := run_id_of_pod(found):
            seen, index = self._seen(id, found), index_of(found)
            before = seen.pods.get(index)
            if before is None or _uid(before) == _uid(found) or _is_newer(found, before, gone):
                seen.pods[index] = found
            self._run_changed(id)

    def see_event(self, found: dict[str, Any], gone: bool) -> None:
        about = found.get("involvedObject") or {}
        uid = str(about.get("uid", ""))
        if gone or found.get("type") != "Warning" or about.get("kind") not in ("Job", "Pod"):
            return
        self._warnings.pop(uid, None)
        self._warnings[uid] = (str(found.get("reason", "")), str(found.get("message", "")))
        if len(self._warnings) > _MOST_WARNINGS:
            del self._warnings[next(iter(self._warnings))]
        if id := self._runs_of_uids.get(uid):
            self._run_changed(id)

    def _seen(self, run_id: str, found: Object) -> SeenRun:
        self._runs_of_uids[_uid(found)] = run_id
        return self._runs.setdefault(run_id, {}).setdefault(stage_of(found), SeenRun())


def _is_newer(pod: Object, before: Object, gone: bool) -> bool:
    """Whether a pod took the place of another: an index that begins again has a second one."""
    return not gone and _created(pod) >= _created(before)


def _created(found: Object) -> str:
    return str(found["metadata"].get("creationTimestamp", ""))


def _uid(found: Object) -> str:
    return str(found["metadata"].get("uid", ""))

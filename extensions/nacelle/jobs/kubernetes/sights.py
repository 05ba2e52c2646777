"""What is seen of each run on the cluster: its Job and pod as they are, or were when they went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nacelle.jobs.kubernetes.naming import Object, job_id_of, run_id_of, run_id_of_pod

_MOST_WARNINGS = 5_000


@dataclass
class SeenRun:
    """A Job and its pod; `gone` is of the Job."""

    job: dict[str, Any] | None = None
    pod: dict[str, Any] | None = None
    gone: bool = False


class Sights:
    """Takes in what watches tell; says which runs and jobs have to be looked at again."""

    def __init__(self, run_changed: Callable[[str], None], job_changed: Callable[[str], None]):
        self._run_changed = run_changed
        self._job_changed = job_changed
        self._runs: dict[str, SeenRun] = {}
        self._runs_of_uids: dict[str, str] = {}
        self._warnings: dict[str, tuple[str, str]] = {}

    def of(self, run_id: str) -> SeenRun:
        """What is seen of a run; nothing at all is also an answer."""
        return self._runs.get(run_id, SeenRun())

    def warning(self, seen: SeenRun) -> tuple[str, str]:
        """Reason and message of the last warning about the pod, or else the Job."""
        for found in (seen.pod, seen.job):
            if found and (warning := self._warnings.get(_uid(found))):
                return warning
        return "", ""

    def forget(self, run_id: str) -> None:
        """A run is over and nothing of it is left."""
        seen = self._runs.pop(run_id, SeenRun())
        for found in (seen.job, seen.pod):
            if found:
                self._runs_of_uids.pop(_uid(found), None)
                self._warnings.pop(_uid(found), None)

    def runs(self) -> list[str]:
        return list(self._runs)

    def live_jobs(self, job_id: str) -> list[Object]:
        """Jobs of a job that are there, ended ones too."""
        return [
            seen.job
            for seen in self._runs.values()
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
            seen = self._seen(id, found)
            if seen.pod is None or _uid(seen.pod) == _uid(found) or not gone:
                seen.pod = found
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
        return self._runs.setdefault(run_id, SeenRun())


def _uid(found: Object) -> str:
    return str(found["metadata"].get("uid", ""))

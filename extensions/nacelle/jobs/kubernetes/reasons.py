"""What the cluster says of a run, in the platform's words: pure.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_reasons.py; the first that
holds counts:

 1. The runner wrote its result: the run ended so. "Cancelled" that nobody asked for means that its
    pod was taken from it (3, 4), or its Job (7).
 2. The container was killed for memory: out of memory.
 3. The pod was evicted, preempted or drained: evicted.
 4. The machine does not answer any more, was shut down or removed: lost machine.
 5. The container ended otherwise without a result: the platform failed.
 6. The Job is over its deadline: out of time if its pod had started, else as 10 to 13.
 7. The Job is gone: as asked; replaced, if its job asks for that; else somebody took it away.
 8. The pod runs: it runs, from the moment when its container started.
 9. The image has no usable name, or the registry says that there is none or that it may not be had:
    image, at once.
10. The image cannot be fetched for long: image.
11. No pod can be made for want of quota, for long: quota. Forbidden otherwise: environment, at
    once.
12. No machine takes the pod for long: no node.
13. It does not start for long for another reason: the platform failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nacelle.cluster.pods import (
    condition,
    container_state,
    disruption,
    image_of,
    image_trouble,
    node_name,
    started,
    unscheduled,
)
from nacelle.cluster.refusals import is_forbidden, is_over_quota
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit
from nacelle.jobs.kubernetes.naming import Object, run_id_of
from nacelle.jobs.order import Result
from nacelle.jobs.running.measures import duration, memory
from nacelle.jobs.states import RunEvent


@dataclass(frozen=True)
class Sight:
    """What is seen of a run: its Job and pod as they are or were last, and the last warnings.

    `asked` says that somebody wanted it to stop, `late` that it has waited for its start as long as
    it may, `replaced` that its job lets a newer run take its place. The rest is for the words.
    """

    job: Object | None
    pod: Object | None
    gone: bool = False
    asked: bool = False
    warning: tuple[str, str] = ("", "")
    late: bool = False
    owner: str = ""
    start_seconds: int = 0
    timeout_seconds: int = 0
    memory_bytes: int = 0
    replaced: bool = False


@dataclass(frozen=True)
class Starting:
    """It has not begun, and nothing says that it will not."""


@dataclass(frozen=True)
class Running:
    """It has begun at this moment."""

    since: datetime


@dataclass(frozen=True)
class Over:
    """It has ended; `result` is the runner's own, if it wrote one."""

    event: RunEvent
    exit: Exit
    since: datetime | None = None
    result: Result | None = None


def judge(sight: Sight) -> Starting | Running | Over:
    """How a run stands."""
    state = container_state(sight.pod)
    since = started(state)
    if over := _ended(sight, state, since):
        return over
    if sight.gone:
        return Over("cancelled", _taken_away(sight), since)
    if since:
        return Running(since)
    return _waiting(sight, state)


def is_over(job: Object | None) -> bool:
    """Whether a Job has ended by itself."""
    return condition(job, "Complete") is not None or condition(job, "Failed") is not None


def _ended(sight: Sight, state: dict[str, Any], since: datetime | None) -> Over | None:
    ended = state.get("terminated")
    failed = condition(sight.job, "Failed")
    result = _result(ended.get("message")) if ended else None
    if result and result.state == "cancelled" and not sight.asked:
        if sight.gone:
            return Over("cancelled", _taken_away(sight), since, result)
        # The Job says next whether its pod was taken from it, or it is going itself.
        lost = _disrupted(sight, True) or explain("lost-machine")
        return Over("failed", lost, since, result) if failed else None
    if result:
        return Over(result.state, result.exit, since, result)
    if ended and ended.get("reason") == "OOMKilled":
        exit = explain("out-of-memory", limit=memory(sight.memory_bytes))
        return Over("failed", exit, since)
    if sight.asked and (ended or failed):
        return Over("cancelled", explain("cancelled", by="Nacelle"), since)
    if disrupted := _disrupted(sight, bool(ended or failed)):
        return Over("failed", disrupted, since)
    if failed and failed.get("reason") == "DeadlineExceeded":
        if since:
            limit = duration(sight.timeout_seconds)
            return Over("timed-out", explain("timed-out", limit=limit), since)
        return Over("failed", _not_started(sight, state))
    if ended or failed:
        return Over("failed", _platform(sight), since)
    return None


def _taken_away(sight: Sight) -> Exit:
    """Why a Job is gone that nobody here deleted."""
    return explain("replaced") if sight.replaced else explain("cancelled", by="Kubernetes")


def _disrupted(sight: Sight, ended: bool) -> Exit | None:
    """Why a pod was ended by the cluster; None when it was not."""
    kind = disruption(sight.pod, ended)
    if kind is None:
        return None
    return explain("evicted" if kind == "evicted" else "lost-machine")


def _waiting(sight: Sight, state: dict[str, Any]) -> Starting | Over:
    if image_trouble(state) not in ("", "slow"):
        return Over("failed", explain("image", image=image_of(sight.pod)))
    if is_forbidden(*sight.warning):
        return Over("failed", explain("environment", message=sight.warning[1]))
    if sight.late:
        return Over("failed", _not_started(sight, state))
    return Starting()


def _not_started(sight: Sight, state: dict[str, Any]) -> Exit:
    """Why a run has not begun for so long."""
    if image_trouble(state):
        return explain("image", image=image_of(sight.pod))
    if sight.pod is None and is_over_quota(sight.warning[1]):
        return explain("quota", owner=sight.owner)
    scheduled = unscheduled(sight.pod) or {}
    if scheduled.get("reason") == "Unschedulable" or (sight.pod and not node_name(sight.pod)):
        return explain("no-node", limit=duration(sight.start_seconds))
    return _platform(sight)


def _result(message: Any) -> Result | None:
    try:
        return Result.model_validate_json(message or "")
    except ValidationError:
        return None


def _platform(sight: Sight) -> Exit:
    id = (run_id_of(sight.job) if sight.job else None) or "00000000"
    return explain("platform", request=id[:8])

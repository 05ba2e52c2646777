"""How each index of a Job stands, and the Job as a whole: pure.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_indexes.py:

1. An index whose newest pod tells its end has that end, in the words of a run's.
2. An index whose pod the cluster took away begins again, as long as its Job goes on.
3. An index that has no pod yet waits for its turn: so do more than run at once.
4. A Job none of whose indexes runs, for longer than a run may wait for its start, is stuck: all
   that have not ended fail for the reason of the first that has one.
5. An image that is not to be had, or a pod that is not admitted, is the same for all: it is stuck
   at once, unless one runs or ran.
6. When the Job is over or gone, an index whose pod was taken away does not begin again; of one
   whose pod is not known nothing is concluded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nacelle.cluster.pods import container_state
from nacelle.jobs.job import Exit
from nacelle.jobs.kubernetes.naming import Object
from nacelle.jobs.kubernetes.reasons import (
    Over,
    Running,
    Sight,
    Starting,
    is_over,
    judge,
)

_TAKEN_AWAY = ("evicted", "lost-machine")
Verdict = Starting | Running | Over


def judge_index(sight: Sight) -> Verdict:
    """How one index stands; `pod` and `warning` of the sight are its own."""
    if sight.pod is None:
        return Starting()
    verdict = judge(replace(sight, late=False))
    if not isinstance(verdict, Over):
        # Stopped, and its Job has not said yet what becomes of it.
        return Starting() if has_ended(sight.pod) else verdict
    own = verdict.result is not None and verdict.result.state != "cancelled"
    goes_on = not (is_over(sight.job) or sight.gone or sight.asked)
    if goes_on and not own and verdict.exit.code in _TAKEN_AWAY:
        return Starting()
    if goes_on and not has_ended(sight.pod):
        # Of a pod that has not begun: for all indexes together (`stuck`).
        return Starting()
    return verdict


def stuck(sights: Sequence[Sight], idle_since: datetime, now: datetime) -> Exit | None:
    """Why no index of a Job will begin; None as long as one may. `sights` are of those that have
    not ended."""
    if any("running" in container_state(one.pod) for one in sights) or not sights:
        return None
    late = (now - idle_since).total_seconds() > sights[0].start_seconds
    for one in sights:
        if has_ended(one.pod):
            continue
        verdict = judge(replace(one, late=late))
        if isinstance(verdict, Over):
            return verdict.exit
    return None


def idle_since(job: Object, pods: Sequence[Object]) -> datetime:
    """When something of a Job happened last: it was made, or one of its pods ended."""
    moments = [datetime.fromisoformat(job["metadata"]["creationTimestamp"])]
    for pod in pods:
        if at := (container_state(pod).get("terminated") or {}).get("finishedAt"):
            moments.append(datetime.fromisoformat(at))
    return max(moments)


def has_ended(pod: Object | None) -> bool:
    """Whether a pod's container has ended, or never will begin because its pod failed."""
    failed = (pod or {}).get("status", {}).get("phase") == "Failed"
    return failed or "terminated" in container_state(pod)

"""Why a session did not come up in time, and why one ended, in words: pure.

Why it did not come up. Numbered, each with a test of its number in
tests/cluster_words/test_reasons.py; the first that holds counts:

 1. Its pod was taken or ended while it started: as an end, below.
 2. Its image does not exist, may not be had, or has no usable name: at once, waiting does not help.
 3. Its container cannot be made (a secret, a file or a command is missing): at once.
 4. The home's volume is lost: at once.
 5. It ends as soon as it starts, again and again: at once.
 6. No machine took it: no GPU, no room, no such machine, or one was still being started.
 7. The home could not be attached or opened.
 8. The image did not come in time.
 9. It runs and does not answer.
10. Its pod was never seen, or anything else: slow.

Why it ended; the first that holds counts:

20. Killed for memory.
21. Evicted, for want of memory, of disk, for more urgent work, or to service the machine.
22. The machine was lost.
23. Somebody deleted its pod: removed.
24. The person closed it from inside (it ended by itself without an error): nothing to tell.
25. It ended with an error.
26. It is gone and nobody here ended it: as it was when last seen, as its events say, or removed.
27. It runs or starts: nothing to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nacelle.cluster.amounts import in_memory, read_quantity
from nacelle.cluster.demand import Object, Reason, one_line
from nacelle.cluster.events import is_growing
from nacelle.cluster.pods import (
    container_state,
    container_status,
    disruption,
    image_of,
    image_trouble,
    is_pull_problem,
    node_name,
    unscheduled,
)
from nacelle.cluster.scheduling import cause_of
from nacelle.cluster.wordings import (
    CRASHED,
    DISK,
    EVICTED,
    GONE,
    HOME,
    LOST_MACHINE,
    MADE,
    PREEMPTED,
    SCHEDULING,
    SERVICED,
    SHORT_OF_MEMORY,
    SILENT,
    STARTING_MACHINE,
    VOLUME_LOST,
    image_words,
    killed_for_memory,
    slow,
    stopped,
)
from nacelle.language import Said

# The name that kubespawner gives to the container of a session.
SESSION = "notebook"
_NOT_MADE = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "PostStartHookError",
)
# A crash is told once it has come back: the first may be a passing one.
_CRASHES = 2


def hopeless(pod: Object | None, events: Sequence[Object] = ()) -> Reason | None:
    """Why waiting longer for `pod` does not help; None while it may."""
    if pod is None:
        return None
    if reason := explain_end(pod):
        return reason
    state = container_state(pod, SESSION)
    if state.get("terminated"):
        return Reason("died", CRASHED, 500, "it ended while it started")
    waiting = state.get("waiting") or {}
    detail = one_line(waiting.get("message", ""))
    trouble = image_trouble(state)
    if trouble and trouble != "slow":
        return Reason("image", image_words(trouble, _image(pod)), 409, detail)
    if waiting.get("reason") in _NOT_MADE:
        return Reason("environment", MADE, 500, detail)
    message = str((unscheduled(pod) or {}).get("message", ""))
    if message and cause_of(message) == "volume-lost":
        return Reason("volume-lost", VOLUME_LOST, 503, one_line(message))
    status = container_status(pod, SESSION)
    if status.get("restartCount", 0) >= _CRASHES:
        return _of_crash(pod, status)
    return None


def explain_late(pod: Object | None, events: Sequence[Object], seconds: int) -> Reason:
    """Why a session has not come up within `seconds`."""
    if reason := hopeless(pod, events):
        return reason
    if pod is None:
        return Reason("slow", slow(seconds), 504, "no pod was seen")
    if not node_name(pod):
        return _not_scheduled(pod, events, seconds)
    state = container_state(pod, SESSION)
    if state.get("running"):
        return Reason("silent", SILENT, 504)
    if is_pull_problem(state):
        detail = one_line((state.get("waiting") or {}).get("message", ""))
        return Reason("image", image_words("slow", _image(pod)), 504, detail)
    last = _last(events, "FailedAttachVolume", "FailedMount", "Pulling", "Pulled")
    if last.get("reason") in ("FailedAttachVolume", "FailedMount"):
        return Reason("home", HOME, 503, one_line(last.get("message", "")))
    if last.get("reason") == "Pulling":
        return Reason("image", image_words("slow", _image(pod)), 504, "still pulling")
    return Reason("slow", slow(seconds), 504)


def _not_scheduled(pod: Object, events: Sequence[Object], seconds: int) -> Reason:
    message = str((unscheduled(pod) or {}).get("message", ""))
    message = message or str(_last(events, "FailedScheduling").get("message", ""))
    if is_growing(events):
        return Reason("no-node", STARTING_MACHINE, 503, one_line(message))
    if not message:
        return Reason("slow", slow(seconds), 504, "not scheduled")
    cause = cause_of(message)
    code = {"gpu": "no-gpu", "volume-awaited": "home", "home-in-use": "home"}.get(cause, "no-node")
    return Reason(code, SCHEDULING[cause], 503, one_line(message))


def _last(events: Sequence[Object], *reasons: str) -> Object:
    found = [one for one in events if one.get("reason") in reasons]
    return found[-1] if found else {}


def explain_end(pod: Object) -> Reason | None:
    """Why a session has ended; None while it has not, or when its person closed it."""
    status = container_status(pod, SESSION)
    ended = (status.get("state") or {}).get("terminated") or {}
    phase = (pod.get("status") or {}).get("phase")
    if ended.get("reason") == "OOMKilled":
        return _of_memory(pod)
    if disrupted := disruption(pod, bool(ended)):
        return _of_disruption(pod, disrupted)
    if not ended:
        return _of_nothing(pod) if phase == "Failed" else None
    detail = one_line(ended.get("message", ""))
    if ended.get("reason") == "ContainerStatusUnknown":
        return Reason("lost-machine", LOST_MACHINE, 503, detail)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return Reason("gone", GONE, 503, detail)
    code = int(ended.get("exitCode", 0))
    return Reason("died", stopped(code), 500, detail) if code else None


def has_ended(pod: Object) -> bool:
    """Whether a session's pod is over, well or not."""
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return True
    return bool(container_state(pod, SESSION).get("terminated"))


def explain_gone(pod: Object | None, events: Sequence[Object] = ()) -> Reason:
    """Why a session's pod is no longer there: `pod` is how it was when last seen."""
    if pod is not None and (reason := explain_end(pod)):
        return reason
    # A pod that is deleted loses what stands in it; its events outlive it by an hour.
    last = _last(
        events, "Evicted", "Preempted", "TaintManagerEviction", "NodeNotReady", "FailedMount"
    )
    detail = one_line(last.get("message", ""))
    if last.get("reason") == "Evicted":
        return Reason("evicted", _evicted(detail), 503, detail)
    if last.get("reason") == "Preempted":
        return Reason("evicted", PREEMPTED, 503, detail)
    if last.get("reason") in ("TaintManagerEviction", "NodeNotReady"):
        return Reason("lost-machine", LOST_MACHINE, 503, detail)
    return Reason("gone", GONE, 503)


def _of_memory(pod: Object) -> Reason:
    return Reason("out-of-memory", killed_for_memory(_memory_limit(pod)), 500)


def _of_crash(pod: Object, status: dict[str, Any]) -> Reason:
    last = (status.get("lastState") or {}).get("terminated") or {}
    if last.get("reason") == "OOMKilled":
        return _of_memory(pod)
    detail = one_line(f"exit code {last.get('exitCode', '?')} {last.get('message', '')}")
    return Reason("died", CRASHED, 500, detail)


def _of_disruption(pod: Object, kind: str) -> Reason:
    status = pod.get("status") or {}
    message = one_line(status.get("message", ""))
    if kind == "lost":
        return Reason("lost-machine", LOST_MACHINE, 503, message)
    if status.get("reason") == "Evicted":
        return Reason("evicted", _evicted(message), 503, message)
    conditions = status.get("conditions") or ()
    target: Object = next((one for one in conditions if one.get("type") == "DisruptionTarget"), {})
    detail = one_line(target.get("message", ""))
    said = PREEMPTED if target.get("reason") == "PreemptionByScheduler" else SERVICED
    return Reason("evicted", said, 503, detail)


def _of_nothing(pod: Object) -> Reason:
    status = pod.get("status") or {}
    detail = one_line(f"{status.get('reason', '')} {status.get('message', '')}")
    return Reason("died", CRASHED, 500, detail)


def _evicted(message: str) -> Said:
    if "ephemeral" in message or "EmptyDir" in message or "inodes" in message:
        return DISK
    return SHORT_OF_MEMORY if "memory" in message else EVICTED


def _memory_limit(pod: Object) -> Said | None:
    containers = (pod.get("spec") or {}).get("containers") or ()
    limits = next(
        (
            (one.get("resources") or {}).get("limits") or {}
            for one in containers
            if one.get("name") == SESSION
        ),
        {},
    )
    return in_memory(read_quantity(limits["memory"])) if "memory" in limits else None


def _image(pod: Object) -> str:
    return one_line(image_of(pod, SESSION), 120)

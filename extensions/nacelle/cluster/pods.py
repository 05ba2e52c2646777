"""What stands in a pod: the facts that sessions and jobs put in their own words. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

from nacelle.cluster.demand import Object

_PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_NO_IMAGE = ("InvalidImageName", "ErrImageNeverPull")
# What a registry answers when asking again will not help.
_REFUSED = re.compile(r"unauthorized|authorization failed|denied|forbidden|no basic auth", re.I)
_ABSENT = re.compile(
    r"not found|NotFound|manifest unknown|name unknown|does not exist|no match for platform"
    r"|invalid reference format",
    re.I,
)
_EVICTED = ("EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet")
_LOST = ("DeletionByTaintManager", "DeletionByPodGC")
_LOST_PODS = ("NodeLost", "NodeShutdown", "Terminated", "Shutdown", "NodeAffinity")

ImageTrouble = Literal["", "slow", "absent", "refused", "unnameable", "not-here"]


def container_status(pod: Object | None, name: str = "") -> dict[str, Any]:
    """Status of the container `name`, or of the first one."""
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    found = [one for one in statuses if not name or one.get("name") == name]
    return dict(found[0]) if found else {}


def container_state(pod: Object | None, name: str = "") -> dict[str, Any]:
    """The state of a container: waiting, running or terminated."""
    return dict(container_status(pod, name).get("state") or {})


def started(state: Object) -> datetime | None:
    """When a container in this state had started; None when it has not."""
    at = (state.get("running") or state.get("terminated") or {}).get("startedAt")
    return datetime.fromisoformat(at) if at else None


def condition(found: Object | None, type_: str, status: str = "True") -> dict[str, Any] | None:
    """A condition of a Job or pod that has this status."""
    for one in ((found or {}).get("status") or {}).get("conditions") or ():
        if one.get("type") == type_ and one.get("status") == status:
            return dict(one)
    return None


def unscheduled(pod: Object | None) -> dict[str, Any] | None:
    """The condition by which the scheduler tells that it has no machine for the pod."""
    return condition(pod, "PodScheduled", "False")


def disruption(pod: Object | None, ended: bool = False) -> Literal["evicted", "lost"] | None:
    """Whether the cluster ended a pod: for another need of it, or because the machine went away.

    `ended` says that the pod has ended though it does not stand in it.
    """
    status = (pod or {}).get("status") or {}
    reason = status.get("reason")
    if reason == "Evicted":
        return "evicted"
    if reason in _LOST_PODS:
        return "lost"
    if not ended and status.get("phase") != "Failed":
        return None
    named = (condition(pod, "DisruptionTarget") or {}).get("reason")
    if named in _EVICTED:
        return "evicted"
    return "lost" if named in _LOST else None


def image_trouble(state: Object) -> ImageTrouble:
    """What is wrong with the image of a container in this state; empty when nothing is."""
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason == "InvalidImageName":
        return "unnameable"
    if reason == "ErrImageNeverPull":
        return "not-here"
    if reason not in _PULLING:
        return ""
    return trouble_of_pull(message)


def trouble_of_pull(message: str) -> Literal["absent", "refused", "slow"]:
    """What a failed pull's message means; a registry hides private images as "does not exist", so
    that a refusal may also stand beside it."""
    if _REFUSED.search(message) and not re.search(r"code = NotFound", message):
        return "refused"
    return "absent" if _ABSENT.search(message) else "slow"


def is_pull_problem(state: Object) -> bool:
    """Whether the container waits for an image that did not come."""
    return str((state.get("waiting") or {}).get("reason", "")) in (*_PULLING, *_NO_IMAGE)


def node_name(pod: Object | None) -> str:
    """The machine that the pod is on; empty when none has taken it."""
    return str(((pod or {}).get("spec") or {}).get("nodeName") or "")


def image_of(pod: Object | None, name: str = "") -> str:
    """The image of the container `name`, or of the first one."""
    containers = ((pod or {}).get("spec") or {}).get("containers") or ()
    found = [one for one in containers if not name or one.get("name") == name]
    return str(found[0].get("image", "")) if found else ""

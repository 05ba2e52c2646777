"""What a node and the scheduler say of pods: pure functions of objects of the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.support.kubernetes.kinds import Object
from tests.support.kubernetes.objects import stamp
from tests.support.kubernetes.quantities import read

GPU = "nvidia.com/gpu"
_ROOM = {"cpu": "64", "memory": "256Gi", "pods": "500"}
_NOT_HELPFUL = "Preemption is not helpful for scheduling."


def make_node(name: str = "node-1", gpus: int = 0, **labels: str) -> Object:
    """A node with room for everything but GPUs, which are counted."""
    capacity = _ROOM | ({GPU: str(gpus)} if gpus else {})
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def find_node(spec: Object, nodes: Sequence[Object], pods: Sequence[Object]) -> tuple[str, str]:
    """The node that takes a pod, or why none does, in the scheduler's words."""
    whys: dict[str, int] = {}
    for node in nodes:
        why = _unfit(node, spec, pods)
        if not why:
            return str(node["metadata"]["name"]), ""
        whys[why] = whys.get(why, 0) + 1
    said = ", ".join(f"{count} {why}" for why, count in sorted(whys.items()))
    none = f"0/{len(nodes)} nodes are available"
    return "", f"{none}: {said}. preemption: {none}: {len(nodes)} {_NOT_HELPFUL}"


def _unfit(node: Object, spec: Object, pods: Sequence[Object]) -> str:
    conditions = node["status"]["conditions"]
    if any(one["type"] == "Ready" and one["status"] != "True" for one in conditions):
        return "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"
    labels = node["metadata"].get("labels") or {}
    wanted = (spec.get("nodeSelector") or {}).items()
    if any(labels.get(key) != value for key, value in wanted):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in node["spec"].get("taints") or ():
        if not any(_tolerates(one, taint) for one in spec.get("tolerations") or ()):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    name = node["metadata"]["name"]
    used = sum(_gpus(one["spec"]) for one in pods if one["spec"].get("nodeName") == name)
    if _gpus(spec) and used + _gpus(spec) > int(node["status"]["allocatable"].get(GPU, 0)):
        return f"Insufficient {GPU}"
    return ""


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (
        taint["key"],
        taint.get("value", ""),
    )


def _gpus(spec: Object) -> int:
    resources = spec["containers"][0].get("resources") or {}
    return int(read((resources.get("limits") or {}).get(GPU, 0)))


def make_event(pod: Object, number: int, type_: str, reason: str, message: str, by: str) -> Object:
    """An event of a pod."""
    name, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
    return {
        "metadata": {"name": f"{name}.{number:x}", "namespace": where},
        "involvedObject": {
            "kind": "Pod",
            "namespace": where,
            "name": name,
            "uid": uid_of(pod),
            "apiVersion": "v1",
        },
        "type": type_,
        "reason": reason,
        "message": message,
        "source": {"component": by},
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "eventTime": None,
        "count": 1,
    }


def make_conditions(*holding: str) -> list[Object]:
    """Conditions of a pod that hold."""
    return [{"type": name, "status": "True", "lastTransitionTime": now()} for name in holding]


def make_unplaced(why: str) -> list[Object]:
    return [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}]


def make_container_status(pod: Object, state: Object, *, ready: bool = False) -> Object:
    """The status of a pod's first container in a state; what was known of it is kept."""
    container = pod["spec"]["containers"][0]
    before = ((pod.get("status") or {}).get("containerStatuses") or [{}])[0]
    kept = {key: before[key] for key in ("restartCount", "lastState") if key in before}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": f"emulated://{container['image']}",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
        **kept,
    }


def uid_of(pod: Object) -> str:
    return str(pod["metadata"]["uid"])


def now() -> str:
    return stamp(datetime.now(UTC))

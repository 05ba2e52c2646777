"""Objects of the API as Kubernetes 1.32 to 1.36 writes them, as small as the tests allow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nacelle.cluster.demand import Demand

GB = 2**30
AT = "2026-03-02T06:00:05Z"


def demand(**changed: Any) -> Demand:
    """What a small session asks for."""
    plain: dict[str, Any] = {
        "cpu_guarantee": Decimal("0.5"),
        "cpu_limit": Decimal(2),
        "memory_guarantee": Decimal(GB),
        "memory_limit": Decimal(4 * GB),
    }
    return Demand(**plain | changed)


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "sessions"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used or {}},
    }


def node(
    cpu: str = "8", memory: str = "32Gi", labels: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    gpus = {"nvidia.com/gpu": str(more["gpus"])} if "gpus" in more else {}
    return {
        "metadata": {"name": "node-1", "labels": labels or {}},
        "spec": {"taints": more.get("taints", [])},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, **gpus}},
    }


def event(reason: str, message: str, uid: str = "", type_: str = "Normal") -> dict[str, Any]:
    return {
        "metadata": {"uid": uid or f"{reason}:{message}"},
        "type": type_,
        "reason": reason,
        "message": message,
    }


def pod(
    state: dict[str, Any] | None = None, node_name: str = "node-1", **status: Any
) -> dict[str, Any]:
    """The pod of a session; `state` is its container's."""
    restarts = status.pop("restarts", 0)
    last = status.pop("last", {})
    container = {"name": "notebook", "state": state, "lastState": last, "restartCount": restarts}
    return {
        "metadata": {"name": "session-ada", "uid": "1"},
        "spec": {
            "nodeName": node_name,
            "containers": [
                {
                    "name": "notebook",
                    "image": "nacelle/lab:1",
                    "resources": {"limits": {"memory": str(4 * GB)}},
                }
            ],
        },
        "status": {
            "phase": "Pending",
            "containerStatuses": [container] if state else [],
            **status,
        },
    }


def terminated(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": AT}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def unscheduled(message: str) -> dict[str, Any]:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }


def disrupted(reason: str, message: str = "") -> dict[str, Any]:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}

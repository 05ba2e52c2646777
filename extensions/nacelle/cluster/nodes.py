"""Whether any machine of the cluster could ever take a session: pure.

Only what a machine is counts, not what else runs on it now. Numbered, each with a test of its
number in tests/cluster_words/test_nodes.py; the first that leaves no machine is told:

 1. No machine is listed: nothing is known, nothing is said.
 2. GPUs: none has any, or none has so many.
 3. The node selector: no machine is of that kind.
 4. Taints that are not tolerated: the machines of that kind are set apart. Taints that come and go
    with a machine's health, or while it is serviced, do not count.
 5. The guarantees are larger than any machine that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nacelle.cluster.amounts import in_cores, in_memory, read_quantity
from nacelle.cluster.demand import GPU, Demand, Object, Reason
from nacelle.language import Said

_PASSING = "node.kubernetes.io/"
_ADVICE = Said(
    "Choose another environment or size, or ask an administrator.",
    "Choisissez un autre environnement ou une autre taille, ou demandez à un administrateur.",
)


@dataclass(frozen=True)
class Node:
    """A machine: what it offers to pods, and for which."""

    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    cpu: Decimal
    memory: Decimal
    gpus: Mapping[str, Decimal]


def read_nodes(objects: Iterable[Object]) -> tuple[Node, ...]:
    """Nodes as the API lists them."""
    return tuple(_read(one) for one in objects)


def _read(node: Object) -> Node:
    offered = (node.get("status") or {}).get("allocatable") or {}
    return Node(
        labels=dict((node.get("metadata") or {}).get("labels") or {}),
        taints=tuple(
            one
            for one in (node.get("spec") or {}).get("taints") or ()
            if one.get("effect") in ("NoSchedule", "NoExecute")
            and not str(one.get("key", "")).startswith(_PASSING)
        ),
        cpu=read_quantity(offered.get("cpu", "0")),
        memory=read_quantity(offered.get("memory", "0")),
        gpus={name: read_quantity(count) for name, count in offered.items() if name.endswith(GPU)},
    )


def unfit(nodes: Sequence[Node], demand: Demand) -> Reason | None:
    """Why none of `nodes` could take `demand`; None when one could, or none is known."""
    if not nodes:
        return None
    able = nodes
    if demand.gpus:
        able = [one for one in able if _gpus(one, demand) >= demand.gpus]
        if not able:
            return _told("no-gpu", _too_few_gpus(nodes, demand))
    able = [one for one in able if demand.node_selector.items() <= one.labels.items()]
    if not able:
        kind = ", ".join(f"{name}={value}" for name, value in demand.node_selector.items())
        return _told(
            "no-node",
            Said(
                f"The cluster has no machine of the kind that this needs ({kind}).",
                f"Le cluster n'a pas de machine du genre qu'il faut ({kind}).",
            ),
        )
    able = [one for one in able if tolerated(one.taints, demand.tolerations)]
    if not able:
        return _told(
            "no-node",
            Said(
                "The machines that could take this are set apart for other work.",
                "Les machines qui pourraient prendre ceci sont réservées à d'autres travaux.",
            ),
        )
    if any(_is_large_enough(one, demand) for one in able):
        return None
    return _told("no-node", _too_small(able, demand))


def _gpus(node: Node, demand: Demand) -> Decimal:
    return node.gpus.get(demand.gpu_resource, Decimal(0))


def _is_large_enough(node: Node, demand: Demand) -> bool:
    return node.cpu >= demand.cpu_guarantee and node.memory >= demand.memory_guarantee


def _too_few_gpus(nodes: Sequence[Node], demand: Demand) -> Said:
    most = int(max(_gpus(one, demand) for one in nodes))
    if not most:
        return Said(
            "The cluster has no machine with a GPU.", "Le cluster n'a pas de machine à GPU."
        )
    return Said(
        f"This needs {demand.gpus} GPUs in one machine; the largest has {most}.",
        f"Il faut {demand.gpus} GPU dans une machine ; la plus grande en a {most}.",
    )


def _too_small(able: Sequence[Node], demand: Demand) -> Said:
    if demand.memory_guarantee > max(one.memory for one in able):
        need, have = in_memory(demand.memory_guarantee), in_memory(max(one.memory for one in able))
    elif demand.cpu_guarantee > max(one.cpu for one in able):
        need, have = in_cores(demand.cpu_guarantee), in_cores(max(one.cpu for one in able))
    else:
        need, have = in_memory(demand.memory_guarantee), in_cores(demand.cpu_guarantee)
        return Said(
            f"No machine of the cluster has both {have.en} and {need.en}.",
            f"Aucune machine du cluster n'a à la fois {have.fr} et {need.fr}.",
        )
    return Said(
        f"This needs {need.en} in one machine; the largest offers {have.en}.",
        f"Il faut {need.fr} dans une machine ; la plus grande offre {have.fr}.",
    )


def _told(code: str, said: Said) -> Reason:
    full = Said(f"{said.en} {_ADVICE.en}", f"{said.fr} {_ADVICE.fr}")
    return Reason(code, full, 409, brief=said)


def tolerated(
    taints: Iterable[Mapping[str, Any]], tolerations: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a pod with `tolerations` may be put where `taints` are."""
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """As the API's documentation defines a match; an empty key or effect stands for all."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    key = toleration.get("key")
    if key and key != taint.get("key"):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(key) and toleration.get("value", "") == taint.get("value", "")

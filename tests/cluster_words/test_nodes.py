"""The numbered cases of nacelle.cluster.nodes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nacelle.cluster.nodes import read_nodes, tolerated, unfit
from tests.cluster_words.objects import GB, demand, node

PLAIN = node()
LARGE = node("64", "256Gi", {"size": "large"})
GPU = node("16", "64Gi", {"gpu": "a100"}, gpus=2)
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
APART = node("16", "64Gi", {"gpu": "t4"}, gpus=1, taints=[TAINT])


def why(objects: list[dict[str, Any]], **changed: Any) -> str | None:
    reason = unfit(read_nodes(objects), demand(**changed))
    assert reason is None or reason.said.fr
    return reason.said.en if reason else None


def test_case_1_nothing_is_known() -> None:
    assert why([], gpus=4) is None


def test_case_2_gpus() -> None:
    assert why([PLAIN, GPU], gpus=2) is None
    assert str(why([PLAIN], gpus=1)).startswith("The cluster has no machine with a GPU.")
    assert "This needs 4 GPUs in one machine; the largest has 2." in str(why([PLAIN, GPU], gpus=4))
    assert why([GPU], gpus=1, gpu_resource="amd.com/gpu") is not None


def test_case_2_a_node_whose_gpus_are_out_of_order() -> None:
    assert "no machine with a GPU" in str(why([node(gpus=0)], gpus=1))


def test_case_3_the_selector() -> None:
    assert why([PLAIN, LARGE], node_selector={"size": "large"}) is None
    assert "(size=huge)" in str(why([PLAIN, LARGE], node_selector={"size": "huge"}))
    # The GPU machine that is left is not of the kind.
    assert "(gpu=h100)" in str(why([PLAIN, GPU], gpus=1, node_selector={"gpu": "h100"}))


def test_case_4_taints() -> None:
    tolerant = ({"key": "gpu", "operator": "Exists"},)
    assert "set apart" in str(why([PLAIN, APART], gpus=1))
    assert why([PLAIN, APART], gpus=1, tolerations=tolerant) is None


def test_case_4_machines_that_are_serviced_or_ill_come_back() -> None:
    taints = [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        {"key": "soft", "effect": "PreferNoSchedule"},
    ]
    assert why([node(taints=taints)]) is None


@pytest.mark.parametrize(
    ("toleration", "holds"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "value": "1"}, True),
        ({"key": "a", "value": "1", "operator": "Equal", "effect": "NoSchedule"}, True),
        ({"key": "a", "value": "2"}, False),
        ({"key": "a"}, False),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_case_4_what_tolerates_what(toleration: dict[str, str], holds: bool) -> None:
    taint = {"key": "a", "value": "1", "effect": "NoSchedule"}
    assert tolerated([taint], [toleration]) is holds


def test_case_5_sizes() -> None:
    assert "needs 64 GB in one machine; the largest offers 32 GB" in str(
        why([PLAIN], memory_guarantee=Decimal(64 * GB))
    )
    assert "needs 9 cores in one machine; the largest offers 8 cores" in str(
        why([PLAIN], cpu_guarantee=Decimal(9))
    )
    thin, fat = node("2", "64Gi"), node("16", "8Gi")
    both = why([thin, fat], cpu_guarantee=Decimal(8), memory_guarantee=Decimal(32 * GB))
    assert "No machine of the cluster has both 8 cores and 32 GB." in str(both)
    # What a machine has beyond the kind that is asked for does not count.
    assert why([PLAIN, LARGE], cpu_guarantee=Decimal(9), node_selector={"size": "large"}) is None

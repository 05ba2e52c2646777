"""The numbered cases of nacelle.cluster.scheduling, with the scheduler's own sentences."""

from __future__ import annotations

import pytest

from nacelle.cluster.scheduling import Cause, cause_of, read_causes

NO_HELP = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."


def test_causes_are_read_with_their_machines() -> None:
    message = (
        "0/6 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient"
        " nvidia.com/gpu, 3 node(s) didn't match Pod's node affinity/selector. no new claims to"
        " deallocate, preemption: 0/6 nodes are available: 2 No preemption victims found for"
        " incoming pod, 4 Preemption is not helpful for scheduling."
    )
    assert read_causes(message) == {
        "node(s) had untolerated taint(s)": 1,
        "Insufficient nvidia.com/gpu": 2,
        "node(s) didn't match Pod's node affinity/selector": 3,
    }


@pytest.mark.parametrize(
    ("case", "cause", "message"),
    [
        (1, "volume-lost", 'persistentvolumeclaim "home-ada" not found'),
        (1, "volume-lost",
         f'0/3 nodes are available: persistentvolumeclaim "home-ada" not found. {NO_HELP}'),
        (1, "volume-lost",
         'persistentvolumeclaim "home-ada" bound to non-existent persistentvolume "pvc-1"'),
        (2, "home-in-use", 'persistentvolumeclaim "home-ada" is being deleted'),
        (2, "home-in-use",
         "0/2 nodes are available: 2 node(s) unavailable due to PersistentVolumeClaim with"
         " ReadWriteOncePod access mode already in-use by another pod."),
        (3, "volume-awaited",
         f"0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. {NO_HELP}"),
        (3, "volume-awaited",
         'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'),
        (4, "gpu",
         "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) didn't match Pod's node"
         f" affinity/selector. {NO_HELP}"),
        (4, "gpu",
         "0/3 nodes are available: 1 Insufficient cpu, 3 Insufficient amd.com/gpu. " + NO_HELP),
        (5, "room",
         "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/"
         f"control-plane: }}, 2 Insufficient cpu, 2 Insufficient memory. {NO_HELP}"),
        (5, "room", f"0/2 nodes are available: 2 Too many pods. {NO_HELP}"),
        (5, "room", f"0/2 nodes are available: 2 node(s) exceed max volume count. {NO_HELP}"),
        (6, "zone",
         "0/3 nodes are available: 1 node(s) had volume node affinity conflict, 2 node(s) had"
         f" untolerated taint(s). {NO_HELP}"),
        (7, "room",
         "0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready:"
         f" }}, 1 node(s) were unschedulable. {NO_HELP}"),
        (7, "room", "no nodes available to schedule pods"),
        (8, "kind",
         "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector." + NO_HELP),
        (8, "kind",
         "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) didn't match Pod's"
         " node affinity/selector. no new claims to deallocate, " + NO_HELP),
        (9, "room", ""),
    ],
)  # fmt: skip
def test_causes(case: int, cause: Cause, message: str) -> None:
    assert cause_of(message) == cause

"""The numbered cases of nacelle.cluster.reasons."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.cluster.demand import Reason
from nacelle.cluster.pods import image_trouble
from nacelle.cluster.reasons import explain_end, explain_gone, explain_late, has_ended, hopeless
from tests.cluster_words.objects import (
    AT,
    disrupted,
    event,
    pod,
    terminated,
    unscheduled,
    waiting,
)

OOM = terminated(137, "OOMKilled")
NOT_FOUND = 'rpc error: code = NotFound desc = failed to resolve reference "x": x: not found'
RUNNING = {"running": {"startedAt": AT}}
GROWS = event("TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2 (max: 2)}]")


def found(reason: Reason | None) -> Reason:
    assert reason is not None
    assert reason.said.en
    assert reason.said.fr != reason.said.en
    return reason


def late(one: dict[str, Any] | None, *events: dict[str, Any]) -> Reason:
    return found(explain_late(one, events, 120))


def test_case_1_taken_while_it_started() -> None:
    reason = found(hopeless(pod(OOM, phase="Failed")))
    assert reason.code == "out-of-memory"
    assert hopeless(None) is None
    assert hopeless(pod(waiting("ContainerCreating"))) is None
    assert hopeless(pod(RUNNING, phase="Running")) is None


@pytest.mark.parametrize(
    ("reason", "message", "trouble", "words"),
    [
        ("ErrImagePull", NOT_FOUND, "absent", "nacelle/lab:1 does not exist. Check"),
        ("ImagePullBackOff", f'Back-off pulling image "x": ErrImagePull: {NOT_FOUND}', "absent",
         "does not exist"),
        ("ErrImagePull", "no match for platform in manifest: not found", "absent", "not exist"),
        ("ErrImagePull", "failed to authorize: failed to fetch oauth token: 401 Unauthorized",
         "refused", "may not fetch it"),
        ("ErrImagePull", "pull access denied, repository does not exist or may require"
         " authorization", "refused", "may not fetch it"),
        ("InvalidImageName", 'Failed to apply default image tag "X"', "unnameable",
         "is not the name of an image"),
        ("ErrImageNeverPull", "Container image is not present with pull policy of Never",
         "not-here", "not on the machines"),
    ],
)  # fmt: skip
def test_case_2_no_such_image(reason: str, message: str, trouble: str, words: str) -> None:
    state = waiting(reason, message)
    assert image_trouble(state) == trouble
    told = found(hopeless(pod(state)))
    assert told.code == "image"
    assert words in told.said.en


def test_case_3_a_container_that_cannot_be_made() -> None:
    state = waiting("CreateContainerConfigError", 'secret "session-ada" not found')
    reason = found(hopeless(pod(state)))
    assert reason.code == "environment"
    assert reason.detail == 'secret "session-ada" not found'
    assert "secret" not in reason.said.en


def test_case_4_the_volume_is_lost() -> None:
    condition = unscheduled('persistentvolumeclaim "home-ada" not found')
    reason = found(hopeless(pod(node_name="", conditions=[condition])))
    assert reason.code == "volume-lost"
    assert "a new, empty one is made" in reason.said.en


def test_case_5_it_ends_as_soon_as_it_starts() -> None:
    state = waiting("CrashLoopBackOff")
    assert hopeless(pod(state, restarts=1, last=terminated(1))) is None
    assert found(hopeless(pod(state, restarts=2, last=terminated(1)))).code == "died"
    memory = found(hopeless(pod(state, restarts=2, last=OOM)))
    assert memory.code == "out-of-memory"
    # One that may not be restarted, and ends without an error.
    assert found(hopeless(pod(terminated(0, "Completed"), phase="Succeeded"))).code == "died"


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "no-gpu", "No GPU"),
        ("0/3 nodes are available: 3 Insufficient memory.", "no-node", "has room"),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "no-node",
         "of the kind"),
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "home",
         "not made in time"),
        ('persistentvolumeclaim "home-ada" is being deleted', "home", "still in use"),
        ("0/1 nodes are available: 1 node(s) had volume node affinity conflict.", "no-node",
         "part of the cluster"),
    ],
)  # fmt: skip
def test_case_6_no_machine(message: str, code: str, words: str) -> None:
    waits = pod(node_name="", conditions=[unscheduled(message)])
    assert hopeless(waits) is None
    reason = late(waits)
    assert (reason.code, reason.detail) == (code, message)
    assert words in reason.said.en
    # Before the condition is seen, the event tells.
    assert late(pod(node_name=""), event("FailedScheduling", message)).code == code


def test_case_6_a_machine_was_being_started() -> None:
    condition = unscheduled("0/3 nodes are available: 3 Insufficient cpu.")
    reason = late(pod(node_name="", conditions=[condition]), GROWS)
    assert "was being started" in reason.said.en


def test_case_7_the_home() -> None:
    state = waiting("ContainerCreating")
    held = event("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already')
    assert late(pod(state), held).code == "home"
    # It was, and then came.
    assert late(pod(state), held, event("Pulling", 'image "x"')).code == "image"


def test_case_8_the_image_did_not_come_in_time() -> None:
    reason = late(pod(waiting("ImagePullBackOff", "i/o timeout")))
    assert (reason.code, reason.status) == ("image", 504)
    assert "could not be fetched in time" in reason.said.en
    pulling = event("Pulling", 'Pulling image "nacelle/lab:1"')
    assert late(pod(waiting("ContainerCreating")), pulling).code == "image"


def test_case_9_it_does_not_answer() -> None:
    assert late(pod(RUNNING, phase="Running")).code == "silent"


def test_case_10_slow() -> None:
    assert "within 120 seconds" in late(None).said.en
    assert late(pod(waiting("ContainerCreating"))).code == "slow"
    assert late(pod(node_name="")).code == "slow"


def test_case_20_killed_for_memory() -> None:
    reason = found(explain_end(pod(OOM, phase="Failed")))
    assert reason.code == "out-of-memory"
    assert "(4 GB)" in reason.said.en
    assert "(4 Go)" in reason.said.fr


LOW = "The node was low on resource: {}. Threshold quantity: 100Mi, available: 88Mi. "


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (LOW.format("memory") + "Container notebook was using 3Gi", "short of memory"),
        (LOW.format("ephemeral-storage"), "temporary disk"),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
         "temporary disk"),
        ('Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ', "temporary disk"),
        (LOW.format("inodes"), "temporary disk"),
        (LOW.format("pids"), "short of room"),
    ],
)  # fmt: skip
def test_case_21_evicted_by_its_machine(message: str, words: str) -> None:
    reason = found(explain_end(pod(phase="Failed", reason="Evicted", message=message)))
    assert reason.code == "evicted"
    assert words in reason.said.en


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("EvictionByEvictionAPI", "to be serviced"),
        ("TerminationByKubelet", "to be serviced"),
        ("PreemptionByScheduler", "more urgent work"),
    ],
)
@pytest.mark.parametrize("code", [0, 143])
def test_case_21_drained_preempted(why: str, words: str, code: int) -> None:
    phase = "Failed" if code else "Succeeded"
    gone = pod(terminated(code), phase=phase, conditions=[disrupted(why)])
    assert words in found(explain_end(gone)).said.en


@pytest.mark.parametrize("reason", ["NodeLost", "NodeShutdown", "Terminated"])
def test_case_22_the_machine_is_lost(reason: str) -> None:
    assert found(explain_end(pod(RUNNING, phase="Failed", reason=reason))).code == "lost-machine"


def test_case_22_the_machine_is_lost_and_the_pod_collected() -> None:
    for why in ("DeletionByTaintManager", "DeletionByPodGC"):
        gone = pod(RUNNING, phase="Failed", conditions=[disrupted(why)])
        assert found(explain_end(gone)).code == "lost-machine"
    unknown = pod(terminated(137, "ContainerStatusUnknown", "could not be located"), phase="Failed")
    assert found(explain_end(unknown)).code == "lost-machine"


def test_case_23_somebody_deleted_it() -> None:
    for code in (0, 137):
        deleted = pod(terminated(code), phase="Failed")
        deleted["metadata"]["deletionTimestamp"] = AT
        assert found(explain_end(deleted)).code == "gone"


def test_case_24_closed_from_inside() -> None:
    closed = pod(terminated(0, "Completed"), phase="Succeeded")
    assert has_ended(closed)
    assert explain_end(closed) is None


def test_case_25_an_error() -> None:
    reason = found(explain_end(pod(terminated(3), phase="Failed")))
    assert (reason.code, reason.status) == ("died", 500)
    assert "(exit code 3)" in reason.said.en
    # A pod that failed before it had a container.
    failed = pod(phase="Failed", reason="UnexpectedAdmissionError", message="no device")
    reason = found(explain_end(failed))
    assert (reason.code, reason.detail) == ("died", "UnexpectedAdmissionError no device")


@pytest.mark.parametrize(
    ("name", "message", "code", "words"),
    [
        ("Evicted", LOW.format("memory"), "evicted", "short of memory"),
        ("Preempted", "Preempted by pod 0a1b on node node-1", "evicted", "more urgent"),
        ("TaintManagerEviction", "Marking for deletion Pod", "lost-machine", "was lost"),
        ("NodeNotReady", "Node is not ready", "lost-machine", "was lost"),
        ("Pulled", "", "gone", "removed from the cluster"),
    ],
)
def test_case_26_gone(name: str, message: str, code: str, words: str) -> None:
    alive = pod(RUNNING, phase="Running")
    reason = found(explain_gone(alive, [event("Scheduled", ""), event(name, message)]))
    assert reason.code == code
    assert words in reason.said.en
    assert found(explain_gone(None)).code == "gone"
    assert found(explain_gone(pod(OOM, phase="Failed"))).code == "out-of-memory"


def test_case_27_it_runs_or_starts() -> None:
    for one in (pod(), pod(waiting("ContainerCreating")), pod(RUNNING, phase="Running")):
        assert explain_end(one) is None
        assert not has_ended(one)

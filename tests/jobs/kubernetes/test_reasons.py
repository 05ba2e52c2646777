"""The numbered cases of nacelle.jobs.kubernetes.reasons.

Tier: pure. The objects are as the API's documentation describes them, not recorded from a cluster.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nacelle.jobs.kubernetes.reasons import Over, Running, Sight, Starting, judge
from tests.jobs.kubernetes.clusters import result

AT = "2026-03-02T06:00:05Z"
JOB: dict[str, Any] = {"metadata": {"uid": "12345678" + "0" * 24}, "spec": {}}


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [{"name": "run", "state": state}] if state else []
    return {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "node-1", "containers": [{"image": "nacelle/lab:1"}]},
        "status": {"phase": "Pending", "containerStatuses": statuses, **status},
    }


def ended(message: str = "", code: int = 1, **more: Any) -> dict[str, Any]:
    return {"terminated": {"startedAt": AT, "message": message, "exitCode": code, **more}}


def failed(reason: str) -> dict[str, Any]:
    condition = {"type": "Failed", "status": "True", "reason": reason}
    return {**JOB, "status": {"conditions": [condition]}}


def sight(found: dict[str, Any] | None, **changes: Any) -> Sight:
    plain = Sight(
        job=JOB,
        pod=found,
        owner="ada",
        start_seconds=900,
        timeout_seconds=600,
        memory_bytes=2**31,
    )
    return replace(plain, **changes)


def over(one: Sight) -> Over:
    verdict = judge(one)
    assert isinstance(verdict, Over), verdict
    return verdict


def test_case_1_the_runner_s_own_result() -> None:
    message = result("failed", "exception", cell=3, error="KeyError", message="x")
    found = over(sight(pod(ended(message, code=0), phase="Succeeded")))
    assert (found.event, found.exit.code, found.exit.cell) == ("failed", "exception", 3)
    assert found.since == datetime(2026, 3, 2, 6, 0, 5, tzinfo=UTC)
    assert found.result
    assert found.result.notebook


def test_case_1_cancelled_because_somebody_asked() -> None:
    message = result("cancelled", "cancelled", by="Nacelle")
    assert over(sight(pod(ended(message)), asked=True)).event == "cancelled"


def test_case_1_cancelled_though_nobody_asked() -> None:
    message = result("cancelled", "cancelled", by="Nacelle")
    found = sight(pod(ended(message)))
    assert isinstance(judge(found), Running)
    lost = over(replace(found, job=failed("BackoffLimitExceeded")))
    assert (lost.event, lost.exit.code) == ("failed", "lost-machine")
    taken = over(replace(found, gone=True, replaced=True))
    assert (taken.event, taken.exit.code) == ("cancelled", "replaced")


def test_case_2_killed_for_memory() -> None:
    found = over(sight(pod(ended(reason="OOMKilled", code=137), phase="Failed")))
    assert (found.event, found.exit.code) == ("failed", "out-of-memory")
    assert "2 GB" in found.exit.said.en or "2 GiB" in found.exit.said.en


@pytest.mark.parametrize(
    "reason", ["EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"]
)
def test_case_3_drained_preempted(reason: str) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    found = pod(ended(code=137), phase="Failed", conditions=[condition])
    assert over(sight(found)).exit.code == "evicted"


def test_case_3_evicted_by_its_machine() -> None:
    assert over(sight(pod(phase="Failed", reason="Evicted"))).exit.code == "evicted"


def test_case_4_the_machine_is_lost() -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
    running = pod({"running": {"startedAt": AT}}, phase="Running", conditions=[condition])
    assert isinstance(judge(sight(running)), Running)
    assert over(sight(running, job=failed("BackoffLimitExceeded"))).exit.code == "lost-machine"
    assert over(sight(pod(phase="Failed", reason="NodeLost"))).exit.code == "lost-machine"


def test_case_5_ended_without_a_word() -> None:
    found = over(sight(pod(ended("no json", code=2), phase="Failed")))
    assert found.exit.code == "platform"
    assert "12345678" in found.exit.said.en


def test_case_6_over_the_deadline() -> None:
    late = failed("DeadlineExceeded")
    assert over(sight(pod({"running": {"startedAt": AT}}), job=late)).event == "timed-out"
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    assert over(sight(pod(waiting), job=late)).exit.code == "image"


def test_case_7_the_job_is_gone() -> None:
    gone = sight(pod({"running": {"startedAt": AT}}), gone=True)
    assert over(gone).exit.said.en == "Kubernetes cancelled the run."
    assert over(replace(gone, replaced=True)).exit.code == "replaced"


def test_case_8_it_runs() -> None:
    assert judge(sight(pod({"running": {"startedAt": AT}}))) == Running(
        datetime(2026, 3, 2, 6, 0, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("InvalidImageName", ""),
        ("ErrImagePull", 'failed to resolve reference "nacelle/lab:1": not found'),
        ("ImagePullBackOff", "pull access denied, repository does not exist"),
    ],
)
def test_case_9_there_is_no_such_image(reason: str, message: str) -> None:
    found = over(sight(pod({"waiting": {"reason": reason, "message": message}})))
    assert found.exit.code == "image"
    assert "nacelle/lab:1" in found.exit.said.en


def test_case_10_an_image_that_does_not_come() -> None:
    found = sight(pod({"waiting": {"reason": "ImagePullBackOff", "message": "i/o timeout"}}))
    assert judge(found) == Starting()
    assert over(replace(found, late=True)).exit.code == "image"


def test_case_11_quota() -> None:
    message = 'pods "x" is forbidden: exceeded quota: compute, requested: limits.cpu=2'
    found = sight(None, warning=("FailedCreate", message))
    assert judge(found) == Starting()
    quota = over(replace(found, late=True))
    assert quota.exit.code == "quota"
    assert "ada" in quota.exit.said.en


def test_case_11_forbidden() -> None:
    message = 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'
    found = over(sight(None, warning=("FailedCreate", message)))
    assert found.exit.code == "environment"
    assert "PodSecurity" in found.exit.said.en


def test_case_12_no_machine() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    found = sight(pod(conditions=[condition]))
    assert judge(found) == Starting()
    assert over(replace(found, late=True)).exit.code == "no-node"


def test_case_13_anything_else_that_does_not_start() -> None:
    found = sight(pod({"waiting": {"reason": "CreateContainerConfigError"}}), late=True)
    assert over(found).exit.code == "platform"

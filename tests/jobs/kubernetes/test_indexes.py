"""The numbered cases of nacelle.jobs.kubernetes.indexes.

Tier: pure. The objects are as the API's documentation describes them, not recorded from a cluster.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nacelle.jobs.kubernetes.indexes import idle_since, judge_index, stuck
from nacelle.jobs.kubernetes.reasons import Over, Running, Sight, Starting
from tests.jobs.kubernetes.clusters import result
from tests.jobs.kubernetes.test_reasons import AT, JOB, ended, failed, pod, sight

STOPPED = result("cancelled", "cancelled", by="Nacelle")
BEGAN = datetime.fromisoformat(AT)
RUNNING = pod({"running": {"startedAt": AT}}, phase="Running")
WAITING = pod()
NO_IMAGE = pod({"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})


def disrupted(message: str = "") -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    return pod(ended(message, code=143), phase="Failed", conditions=[condition])


def over(one: Sight) -> Over:
    verdict = judge_index(one)
    assert isinstance(verdict, Over), verdict
    return verdict


def test_case_1_an_index_tells_its_own_end() -> None:
    message = result("failed", "exception", cell=3, error="KeyError", message="x")
    assert over(sight(pod(ended(message), phase="Failed"))).exit.code == "exception"
    assert over(sight(pod(ended(result(), code=0), phase="Succeeded"))).event == "succeeded"
    killed = pod(ended(reason="OOMKilled", code=137), phase="Failed")
    assert over(sight(killed)).exit.code == "out-of-memory"
    assert isinstance(judge_index(sight(RUNNING)), Running)


def test_case_2_an_index_whose_pod_was_taken_away_begins_again() -> None:
    for found in (disrupted(), disrupted(STOPPED), pod(phase="Failed", reason="Evicted")):
        assert isinstance(judge_index(sight(found)), Starting)
    own = disrupted(result("failed", "exception", cell=1, error="E", message="x"))
    assert over(sight(own)).exit.code == "exception"


def test_case_3_an_index_without_a_pod_waits_for_its_turn() -> None:
    assert isinstance(judge_index(sight(None)), Starting)
    assert isinstance(judge_index(sight(None, late=True)), Starting)
    assert isinstance(judge_index(sight(WAITING, late=True)), Starting)


def test_case_4_a_job_is_stuck_when_nothing_runs_for_long() -> None:
    nobody = sight(pod(), warning=("", ""))
    nobody.pod["spec"]["nodeName"] = ""  # type: ignore[index]
    long = BEGAN + timedelta(seconds=901)
    exit = stuck([nobody, sight(None)], BEGAN, long)
    assert exit and exit.code == "no-node"
    assert stuck([nobody], BEGAN, BEGAN + timedelta(seconds=899)) is None
    assert stuck([nobody, sight(RUNNING)], BEGAN, long) is None
    quota = sight(None, warning=("FailedCreate", "forbidden: exceeded quota: compute"))
    exit = stuck([quota], BEGAN, long)
    assert exit and exit.code == "quota"


def test_case_5_an_image_that_is_not_to_be_had_is_the_same_for_all() -> None:
    assert isinstance(judge_index(sight(NO_IMAGE)), Starting)
    exit = stuck([sight(NO_IMAGE), sight(None)], BEGAN, BEGAN)
    assert exit and exit.code == "image"
    assert stuck([sight(NO_IMAGE), sight(RUNNING)], BEGAN, BEGAN) is None
    refused = sight(None, warning=("FailedCreate", 'pods "x" is forbidden: violates PodSecurity'))
    exit = stuck([refused], BEGAN, BEGAN)
    assert exit and exit.code == "environment"


def test_case_6_nothing_begins_again_once_the_job_is_over() -> None:
    job = failed("FailedIndexes")
    assert over(sight(disrupted(), job=job)).exit.code == "evicted"
    assert over(sight(disrupted(STOPPED), job=job)).exit.code == "evicted"
    assert over(sight(RUNNING, gone=True)).event == "cancelled"
    assert isinstance(judge_index(sight(None, job=job)), Starting)
    assert isinstance(judge_index(sight(None, gone=True)), Starting)


def test_since_when_nothing_happens() -> None:
    made = {**JOB, "metadata": {**JOB["metadata"], "creationTimestamp": AT}}
    assert idle_since(made, [RUNNING, WAITING]) == BEGAN
    later = datetime(2026, 3, 2, 7, tzinfo=UTC)
    done = pod(ended(result(), finishedAt="2026-03-02T07:00:00Z"))
    assert idle_since(made, [done, RUNNING]) == later

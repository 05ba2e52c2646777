"""The numbered cases of nacelle.jobs.kubernetes.spreading.

Tier: emulator. It proves our requests and our reactions to objects, not admission, quota or
scheduling; the Job controller, the scheduler and the kubelet are played by the test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nacelle.jobs.job import Retry, Run
from nacelle.jobs.kubernetes.naming import run_name
from nacelle.jobs.kubernetes.secret import order_file
from nacelle.jobs.order import Order, RunFolder, Stage
from nacelle.jobs.pipelines.records import PipelineRecord
from tests.jobs.kubernetes.clusters import Scene
from tests.jobs.kubernetes.sweeps import (
    CHOOSING,
    begins,
    fails,
    gives,
    is_disrupted,
    jobs_of,
    pipeline_job,
    reaches,
    record_of,
    states,
)
from tests.support.kubernetes.emulator import JOBS, PODS, SECRETS, Object


def order_in(scene: Scene, made: Object, run: Run) -> Order:
    secret = scene.secret(made["metadata"]["name"])
    return Order.model_validate_json(secret[order_file(run.version)])


async def test_case_1_a_matrix_is_one_indexed_job(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
    assert jobs_of(scene) == [run_name(run.id)]
    spec = made["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 2)
    order = order_in(scene, made, run)
    assert order.stage == Stage(step="try", numbers=(1, 2, 3), goes_on=True)
    owner = scene.cluster.held[SECRETS][run_name(run.id)]["metadata"]["ownerReferences"][0]
    assert owner["uid"] == made["metadata"]["uid"]


async def test_case_2_what_steps_gave_is_there_before_the_next_one(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, CHOOSING))
    async with scene.running():
        made = await scene.launched(run)
        for index, pod in enumerate(await begins(scene, made, 0, 1, 2)):
            await gives(scene, pod, f"try-{index + 1}", score=index * 10)
        await scene.job_ends(made, "Complete")
        second = await scene.launched(run, 1)
        order = order_in(scene, second, run)
        record = PipelineRecord.model_validate_json(
            scene.shelf.given[f"{order.target}/pipeline.json"]
        )
        (pod,) = await begins(scene, second, 0)
        await gives(scene, pod, "best", rate=0.2)
        ended = await scene.ended(run.id)
    assert [one.outputs for one in record.items if one.step == "try"] == [
        {"score": 0}, {"score": 10}, {"score": 20},
    ]  # fmt: skip
    assert order.stage == Stage(step="best", goes_on=True)
    assert "completions" not in second["spec"]
    tokens = {scene.secret(name)["token"] for name in (run_name(run.id), run_name(run.id, 1))}
    assert tokens == {f"token-of-{run.id}"}
    assert ended.state == "succeeded"
    assert states(scene, run) == dict.fromkeys(("try-1", "try-2", "try-3", "best"), "succeeded")


async def test_case_3_items_are_seen_as_they_come(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        first, second = await begins(scene, made, 0, 1)
        await reaches(scene, run, try_1="running", try_2="running", try_3="waiting")
        assert scene.run(run.id).state == "running"
        name = first["metadata"]["name"]
        await scene.cluster.writes(name, b'hello\n\x1e{"cell": 1, "of": 2}\n')
        await scene.until(lambda: (p := scene.run(run.id).progress) and p.cell == 1, "the cell")
        await gives(scene, first, "try-1", score=1)
        await reaches(scene, run, try_1="succeeded")
        progress = scene.run(run.id).progress
        (third,) = await begins(scene, made, 2)
        await gives(scene, second, "try-2", score=2)
        await gives(scene, third, "try-3", score=3)
        ended = await scene.ended(run.id)
    assert progress and (progress.step, progress.steps) == (1, 3)
    folder = scene.folder / "runs" / run.id / "steps" / "try-1"
    assert (folder / "log").read_bytes() == b"hello\n"
    assert (folder / "notebook.ipynb").read_text() == "notebook of try-1"
    assert [one.outputs["score"] for one in record_of(scene, run).items] == [1, 2, 3]
    assert ended.notebook and ended.html and ended.log
    assert "try-3 (rate=0.3)" in scene.shelf.given[ended.notebook]
    assert "try-1: succeeded and gave score" in scene.shelf.given[ended.log]


async def test_case_4_a_combination_that_fails_stops_no_other(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        first, second = await begins(scene, made, 0, 1)
        await fails(scene, first)
        await reaches(scene, run, try_1="failed", try_2="running", try_3="waiting")
        await fails(scene, second)
        (third,) = await begins(scene, made, 2)
        await gives(scene, third, "try-3", score=3)
        await scene.job_ends(made, "Failed", "FailedIndexes")
        ended = await scene.ended(run.id)
    assert ended.exit
    assert ended.exit.said.en.startswith(
        "2 of the 3 combinations of try failed; the first, try-1 (rate=0.1): Cell 2 stopped with"
    )
    assert made["metadata"]["name"] in scene.cluster.held[JOBS]


async def test_case_5_what_needs_a_failed_step_is_left_out(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, CHOOSING))
    async with scene.running():
        made = await scene.launched(run)
        pods = await begins(scene, made, 0, 1, 2)
        await fails(scene, pods[0])
        for number in (2, 3):
            await gives(scene, pods[number - 1], f"try-{number}", score=1)
        assert (await scene.ended(run.id)).state == "failed"
    assert states(scene, run)["best"] == "left-out"
    assert jobs_of(scene) == [run_name(run.id)]


async def test_case_6_a_run_that_is_asked_to_stop_ends_when_its_pods_have(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        first, second = await begins(scene, made, 0, 1)
        await gives(scene, first, "try-1", score=1)
        await reaches(scene, run, try_1="succeeded", try_2="running")
        scene.store.ask_cancel(run.id, "ada", datetime.now(UTC))
        name = made["metadata"]["name"]
        await scene.until(
            lambda: scene.cluster.held[JOBS][name]["metadata"].get("deletionTimestamp"), "it goes"
        )
        assert scene.run(run.id).ended is None
        await is_disrupted(scene, second)
        await scene.cluster.remove(JOBS, name)
        ended = await scene.ended(run.id)
    assert ended.state == "cancelled"
    assert ended.exit and ended.exit.said.en == "ada cancelled the run."
    assert states(scene, run) == {"try-1": "succeeded", "try-2": "failed", "try-3": "left-out"}
    exit = record_of(scene, run).items[1].exit
    assert exit and exit.said.en == "ada cancelled the run."


async def test_case_6_a_run_over_its_time_ends(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, timeout_seconds=60))
    async with scene.running():
        made = await scene.launched(run)
        await begins(scene, made, 0, 1)
        await reaches(scene, run, try_1="running")
    scene.clock.ahead = timedelta(seconds=100)
    async with scene.running():
        name = made["metadata"]["name"]
        await scene.until(
            lambda: scene.cluster.held[JOBS][name]["metadata"].get("deletionTimestamp"), "it goes"
        )
        await scene.cluster.remove(JOBS, name)
        ended = await scene.ended(run.id)
    assert (ended.state, ended.exit and ended.exit.code) == ("timed-out", "timed-out")
    assert states(scene, run) == {"try-1": "failed", "try-2": "failed", "try-3": "left-out"}


async def test_case_6_what_ended_in_time_while_nobody_watched_did(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, timeout_seconds=60))
    async with scene.running():
        made = await scene.launched(run)
        pods = await begins(scene, made, 0, 1, 2)
        await reaches(scene, run, try_1="running", try_3="running")
    for number, pod in enumerate(pods, start=1):
        await gives(scene, pod, f"try-{number}", score=1)
    await scene.job_ends(made, "Complete")
    scene.clock.ahead = timedelta(seconds=1000)
    async with scene.running():
        assert (await scene.ended(run.id)).state == "succeeded"


async def test_case_7_a_job_that_cannot_begin_fails_with_the_reason(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        for index in (0, 1):
            await scene.waits(await scene.pod(made, index), "ErrImagePull", "manifest unknown")
        ended = await scene.ended(run.id)
        await scene.until(lambda: not scene.cluster.held[JOBS], "its removal")
    assert ended.exit and ended.exit.code == "image"
    assert set(states(scene, run).values()) == {"failed"}


async def test_case_7_a_job_without_a_machine_fails_after_a_while(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        await scene.pod(made, 0, node="")
    scene.clock.ahead = timedelta(seconds=901)
    async with scene.running():
        ended = await scene.ended(run.id)
    assert ended.exit and ended.exit.code == "no-node"


async def test_case_8_a_job_that_was_taken_away(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        await begins(scene, made, 0)
        await reaches(scene, run, try_1="running")
        await scene.cluster.remove(JOBS, made["metadata"]["name"])
        ended = await scene.ended(run.id)
    assert ended.exit and ended.exit.said.en == "Kubernetes cancelled the run."


async def test_case_9_only_what_failed_runs_again(scene: Scene) -> None:
    job = pipeline_job(scene, CHOOSING, retry=Retry(count=1, backoff_seconds=1))
    run = scene.ask(job)
    async with scene.running():
        made = await scene.launched(run)
        pods = await begins(scene, made, 0, 1, 2)
        await gives(scene, pods[0], "try-1", score=7)
        await fails(scene, pods[1])
        await fails(scene, pods[2])
        await scene.job_ends(made, "Failed", "FailedIndexes")
        await scene.ended(run.id)
        again = await scene.until(lambda: next(iter(scene.runs()[1:]), None), "another attempt")
        second = await scene.launched(again)
        assert second["spec"]["completions"] == 2
        stage = order_in(scene, second, again).stage
        assert stage and stage.numbers == (2, 3)
        for index, pod in enumerate(await begins(scene, second, 0, 1)):
            await gives(scene, pod, f"try-{index + 2}", score=8)
        third = await scene.launched(again, 1)
        (pod,) = await begins(scene, third, 0)
        await gives(scene, pod, "best")
        ended = await scene.ended(again.id)
    assert ended.state == "succeeded"
    items = record_of(scene, again).items
    assert [(one.name, one.reused) for one in items] == [
        ("try-1", True), ("try-2", False), ("try-3", False), ("best", False),
    ]  # fmt: skip
    assert [one.outputs.get("score") for one in items[:3]] == [7, 8, 8]
    folder = RunFolder(scene.folder / "runs" / again.id).path
    assert (folder / "steps" / "try-1" / "notebook.ipynb").read_text() == "notebook of try-1"
    assert any(one.endswith("/steps/try-1/notebook.ipynb") for one in scene.shelf.given)


async def test_case_10_an_engine_that_is_killed_makes_no_job_twice(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, CHOOSING))
    scene.cluster.refusing[("update", SECRETS)] = (503, "away")
    async with scene.running():
        await scene.until(lambda: scene.cluster.held[JOBS], "the Job")
    scene.cluster.refusing.clear()
    async with scene.running():
        made = await scene.launched(run)
        pods = await begins(scene, made, 0, 1, 2)
        await gives(scene, pods[0], "try-1", score=1)
        await reaches(scene, run, try_1="succeeded")
    for number in (2, 3):
        await gives(scene, pods[number - 1], f"try-{number}", score=number)
    await scene.job_ends(made, "Complete")
    scene.cluster.refusing[("update", SECRETS)] = (503, "away")
    async with scene.running():
        await scene.until(lambda: len(scene.cluster.held[JOBS]) == 2, "the second Job")
    scene.cluster.refusing.clear()
    # The pods of the first one are forgotten meanwhile: their end is written down.
    for pod in pods:
        await scene.cluster.remove(PODS, pod["metadata"]["name"])
    async with scene.running():
        second = await scene.launched(run, 1)
        (pod,) = await begins(scene, second, 0)
        await gives(scene, pod, "best")
        assert (await scene.ended(run.id)).state == "succeeded"
    assert jobs_of(scene) == [run_name(run.id), run_name(run.id, 1)]
    made_jobs = [one for one in scene.cluster.asked if one[:2] == ("create", JOBS)]
    assert len(made_jobs) == 2


async def test_case_10_what_pods_said_is_read_from_the_bucket_when_they_are_gone(
    scene: Scene,
) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        pods = await begins(scene, made, 0, 1, 2)
        await reaches(scene, run, try_3="running")
    for number in (1, 2):
        await gives(scene, pods[number - 1], f"try-{number}", score=number)
    await scene.job_ends(made, "Failed", "FailedIndexes")
    for pod in pods:
        await scene.cluster.remove(PODS, pod["metadata"]["name"])
    async with scene.running():
        ended = await scene.ended(run.id)
    assert states(scene, run) == {"try-1": "succeeded", "try-2": "succeeded", "try-3": "failed"}
    assert ended.exit and ended.exit.code == "platform"


async def test_an_index_that_the_cluster_took_away_begins_again(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene))
    async with scene.running():
        made = await scene.launched(run)
        first, *others = await begins(scene, made, 0, 1, 2)
        await scene.cluster.writes(first["metadata"]["name"], b"the first time\n")
        log = scene.folder / "runs" / run.id / "steps" / "try-1" / "log"
        await scene.until(lambda: log.exists() and log.read_bytes(), "its log")
        await is_disrupted(scene, first)
        for number, pod in enumerate(others, start=2):
            await gives(scene, pod, f"try-{number}", score=1)
        await reaches(scene, run, try_2="succeeded", try_3="succeeded")
        assert scene.run(run.id).state == "running"
        (again,) = await begins(scene, made, 0, attempt=2)
        await scene.cluster.writes(again["metadata"]["name"], b"once more\n")
        await gives(scene, again, "try-1", score=1)
        assert (await scene.ended(run.id)).state == "succeeded"
    assert log.read_bytes() == b"once more\n"


async def test_the_job_of_a_later_step_of_nobody_s_run_is_removed(scene: Scene) -> None:
    run = scene.ask(pipeline_job(scene, CHOOSING))
    async with scene.running():
        made = await scene.launched(run)
        for number, pod in enumerate(await begins(scene, made, 0, 1, 2), start=1):
            await gives(scene, pod, f"try-{number}", score=1)
        await scene.launched(run, 1)
    await scene.cluster.remove(JOBS, made["metadata"]["name"])
    scene.lose_store()
    async with scene.running():
        await scene.until(lambda: not scene.cluster.held[JOBS], "its removal")

"""The numbered cases of nacelle.jobs.kubernetes.attending.

Tier: emulator. It proves our requests and our reactions to objects, not admission, quota or
scheduling; what the CronJob and Job controllers, the scheduler and the kubelet do is played by the
test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Environment, Retry, Run, Schedule
from nacelle.jobs.kubernetes.naming import run_name
from nacelle.jobs.kubernetes.storing import NoKeys
from tests.jobs.kubernetes.clusters import TICK, Scene, result
from tests.jobs.kubernetes.sweeps import CHOOSING, begins, gives, pipeline_job
from tests.support.kubernetes.emulator import EVENTS, JOBS, PODS, SECRETS, Object


def id_of(made: Object) -> str:
    return str(made["metadata"]["uid"]).replace("-", "")


def name_of(made: Object) -> str:
    return str(made["metadata"]["name"])


async def under_way(scene: Scene, **changes: Any) -> tuple[Run, Object, Object]:
    """A run that was asked for, its Job and its pod, which runs."""
    run = scene.ask(scene.add(schedule=None, **changes))
    made = await scene.launched(run)
    pod = await scene.pod(made)
    await scene.starts(pod)
    await scene.until(lambda: scene.run(run.id).state == "running", "the start")
    return run, made, pod


async def warn(scene: Scene, about: Object, reason: str, message: str) -> None:
    """A warning of the cluster about an object."""
    involved = {"kind": about["kind"], "uid": about["metadata"]["uid"]}
    event = {"involvedObject": involved, "type": "Warning", "reason": reason, "message": message}
    await scene.cluster.write(EVENTS, {"metadata": {"name": f"e-{reason.lower()}"}, **event})


async def test_case_1_a_tick_is_one_run_however_often_it_is_told(scene: Scene) -> None:
    job = scene.add(overlap="allow")
    async with scene.running():
        await scene.applied(job)
        made = await scene.tick(job)
        for _ in range(3):
            await scene.cluster.cut()
            await scene.cluster.change(JOBS, name_of(made), status={"active": 1})
            await scene.cluster.forget_versions()
        later = await scene.tick(job, TICK + timedelta(days=1))
        await scene.until(lambda: len(scene.runs()) == 2, "two runs")
    async with scene.running():
        third = await scene.tick(job, TICK + timedelta(days=2))
        await scene.until(lambda: len(scene.runs()) == 3, "three runs")
    assert {run.id for run in scene.runs()} == {id_of(one) for one in (made, later, third)}
    assert all(run.cause == "schedule" for run in scene.runs())
    assert sorted(run.scheduled for run in scene.runs())[0] == TICK


async def test_case_1_a_tick_is_read_from_the_name_where_nothing_else_tells(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        made = await scene.tick(job, annotations={"nacelle.io/version": job.snapshot.version})
        await scene.until(scene.runs, "the run")
    assert scene.run(id_of(made)).scheduled == TICK


async def test_case_2_a_second_job_of_a_tick_is_removed(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        made = await scene.tick(job)
        await scene.until(scene.runs, "the run")
        second = await scene.tick(job, name=f"{name_of(made)}-again")
        await scene.until(lambda: name_of(second) not in scene.cluster.held[JOBS], "its removal")
        assert name_of(made) in scene.cluster.held[JOBS]
    assert [run.id for run in scene.runs()] == [id_of(made)]


async def test_case_2_a_job_of_nobody_is_removed(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
    made = await scene.tick(job)
    orphan = await scene.cluster.change(JOBS, name_of(made), metadata={"ownerReferences": []})
    async with scene.running():
        await scene.until(lambda: name_of(orphan) not in scene.cluster.held[JOBS], "its removal")
    assert scene.runs() == []


async def test_case_2_a_tick_from_before_the_job_was_armed_is_nobody_s(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        made = await scene.tick(job, TICK - timedelta(days=2))
        await scene.until(lambda: name_of(made) not in scene.cluster.held[JOBS], "its removal")
    assert scene.runs() == []


async def test_case_3_what_a_killed_engine_left_undone_is_done(scene: Scene) -> None:
    """Killed after the Job was made: it is there, suspended and without a Secret."""
    run = scene.ask(scene.add(schedule=None))
    scene.cluster.refusing[("update", SECRETS)] = (503, "away")
    async with scene.running():
        await scene.until(lambda: scene.cluster.held[JOBS], "the Job")
        await scene.until(lambda: scene.hub.made, "a token")
    assert scene.cluster.held[JOBS][run_name(run.id)]["spec"]["suspend"] is True
    assert scene.cluster.held[SECRETS] == {}
    scene.cluster.refusing.clear()
    async with scene.running():
        made = await scene.launched(run)
    assert scene.secret(name_of(made))["token"] == f"token-of-{run.id}"
    assert len(scene.cluster.held[JOBS]) == 1


async def test_case_3_a_run_that_may_not_start_has_failed(scene: Scene) -> None:
    environment = Environment(profile="python", kernel="python3", image="evil/miner:1")
    run = scene.ask(scene.add(schedule=None, environment=environment))
    async with scene.running():
        ended = await scene.ended(run.id)
    assert ended.exit
    assert ended.exit.code == "environment"
    assert scene.cluster.held[JOBS] == {}


async def test_case_3_a_run_without_keys_has_failed(scene: Scene) -> None:
    scene.shelf.failing = NoKeys("ada has left")
    run = scene.ask(scene.add(schedule=None))
    async with scene.running():
        ended = await scene.ended(run.id)
        await scene.until(lambda: not scene.cluster.held[JOBS], "its removal")
    assert ended.exit
    assert ended.exit.code == "keys-refused"


async def test_case_4_a_run_that_is_asked_to_stop_ends_when_its_pod_has(scene: Scene) -> None:
    async with scene.running():
        run, made, pod = await under_way(scene)
        scene.store.ask_cancel(run.id, "ada", datetime.now(UTC))

        def going() -> Any:
            found = scene.cluster.held[JOBS].get(name_of(made))
            return found and found["metadata"].get("deletionTimestamp")

        await scene.until(going, "the deletion")
        assert scene.run(run.id).ended is None
        scene.cluster.logs[name_of(pod)] = b"stopped\n"
        await scene.ends(pod, result("cancelled", "cancelled", by="Nacelle"), code=0)
        ended = await scene.ended(run.id)
        await scene.cluster.remove(JOBS, name_of(made))
    assert ended.state == "cancelled"
    assert ended.exit
    assert ended.exit.said.en == "ada cancelled the run."
    assert scene.log(run.id) == b"stopped\n"


async def test_case_4_a_run_that_waits_is_stopped_without_a_job(scene: Scene) -> None:
    run = scene.ask(scene.add(schedule=None))
    scene.store.ask_cancel(run.id, "ada", datetime.now(UTC))
    async with scene.running():
        assert (await scene.ended(run.id)).state == "cancelled"
    assert scene.cluster.held[JOBS] == {}


async def test_case_5_a_run_that_waits_for_too_long_has_failed(scene: Scene) -> None:
    run = scene.ask(scene.add(schedule=None))
    async with scene.running():
        made = await scene.launched(run)
        message = 'pods "x" is forbidden: exceeded quota: compute'
        await warn(scene, made, "FailedCreate", message)
    scene.clock.ahead = timedelta(seconds=901)
    async with scene.running():
        ended = await scene.ended(run.id)
        await scene.until(lambda: not scene.cluster.held[JOBS], "its removal")
    assert ended.exit
    assert ended.exit.code == "quota"


async def test_case_5_an_image_that_is_not_there_fails_at_once(scene: Scene) -> None:
    run = scene.ask(scene.add(schedule=None))
    async with scene.running():
        pod = await scene.pod(await scene.launched(run))
        await scene.waits(pod, "ErrImagePull", "manifest unknown")
        ended = await scene.ended(run.id)
        await scene.until(lambda: not scene.cluster.held[PODS], "the removal of the pod")
    assert ended.exit
    assert ended.exit.code == "image"


async def test_case_6_a_run_that_ended_while_nobody_watched_has_its_log(scene: Scene) -> None:
    async with scene.running():
        run, made, pod = await under_way(scene)
    scene.cluster.logs[name_of(pod)] = b'a\n\x1e{"cell": 2, "of": 2}\nb\n'
    await scene.ends(pod, result())
    await scene.job_ends(made, "Complete")
    async with scene.running():
        ended = await scene.ended(run.id)
    assert ended.progress
    assert ended.progress.cell == 2
    assert scene.log(run.id) == b"a\nb\n"


async def test_case_6_a_log_that_is_read_again_is_not_written_twice(scene: Scene) -> None:
    async with scene.running():
        run, _, pod = await under_way(scene)
        await scene.cluster.writes(name_of(pod), b"one\ntw")
        await scene.until(lambda: scene.log(run.id) == b"one\ntw", "the log")
    await scene.cluster.writes(name_of(pod), b"o\nthree\n")
    async with scene.running():
        await scene.until(lambda: scene.log(run.id) == b"one\ntwo\nthree\n", "the rest")
        await scene.ends(pod, result())
        await scene.ended(run.id)
    assert scene.log(run.id) == b"one\ntwo\nthree\n"


async def test_case_7_a_run_that_is_over_keeps_no_job(scene: Scene) -> None:
    async with scene.running():
        run, made, _ = await under_way(scene)
    scene.store.job_ends_run(run.id, "failed", explain("lost-machine"), datetime.now(UTC))
    async with scene.running():
        await scene.until(lambda: name_of(made) not in scene.cluster.held[JOBS], "its removal")


async def test_case_8_a_job_that_was_taken_away(scene: Scene) -> None:
    async with scene.running():
        run, made, _ = await under_way(scene)
        await scene.cluster.remove(JOBS, name_of(made))
        ended = await scene.ended(run.id)
    assert ended.exit
    assert ended.exit.said.en == "Kubernetes cancelled the run."


async def test_case_8_a_job_that_was_taken_away_while_nobody_watched(scene: Scene) -> None:
    async with scene.running():
        run, made, _ = await under_way(scene)
    await scene.cluster.remove(JOBS, name_of(made))
    async with scene.running():
        ended = await scene.ended(run.id)
    assert ended.state == "cancelled"
    assert scene.cluster.held[JOBS] == {}


async def test_case_9_a_tick_of_several_steps_is_let_go_while_one_is_under_way(
    scene: Scene,
) -> None:
    job = pipeline_job(scene, CHOOSING, schedule=Schedule(cron="0 6 * * *"))
    async with scene.running():
        await scene.applied(job)
        first = await scene.tick(job)
        await scene.until(lambda: not is_suspended(scene, first), "its turn")
        for index, pod in enumerate(await begins(scene, first, 0, 1, 2)):
            await gives(scene, pod, f"try-{index + 1}", score=1)
        await scene.job_ends(first, "Complete")
        run = scene.run(id_of(first))
        second = await scene.launched(run, 1)
        # Kubernetes sees nothing of the first one any more.
        later = await scene.tick(job, TICK + timedelta(days=1))
        skipped = await scene.ended(id_of(later))
        await scene.until(lambda: name_of(later) not in scene.cluster.held[JOBS], "its removal")
        (pod,) = await begins(scene, second, 0)
        await gives(scene, pod, "best")
        assert (await scene.ended(run.id)).state == "succeeded"
    assert skipped.exit
    assert (skipped.state, skipped.exit.code) == ("skipped", "overlap")


async def test_case_9_a_tick_of_several_steps_takes_the_place_of_another(scene: Scene) -> None:
    job = pipeline_job(scene, CHOOSING, schedule=Schedule(cron="0 6 * * *"), overlap="replace")
    async with scene.running():
        await scene.applied(job)
        first = await scene.tick(job)
        await scene.until(lambda: not is_suspended(scene, first), "its turn")
        later = await scene.tick(job, TICK + timedelta(days=1))
        await scene.until(lambda: not is_suspended(scene, later), "its turn")
        await scene.until(
            lambda: scene.cluster.held[JOBS][name_of(first)]["metadata"].get("deletionTimestamp"),
            "the other's end",
        )
        await scene.cluster.remove(JOBS, name_of(first))
        ended = await scene.ended(id_of(first))
    assert ended.exit
    assert (ended.state, ended.exit.code) == ("cancelled", "replaced")


def is_suspended(scene: Scene, made: Object) -> bool:
    return bool(scene.cluster.held[JOBS][name_of(made)]["spec"].get("suspend"))


async def test_a_run_that_failed_is_tried_again_as_another_job(scene: Scene) -> None:
    retry = Retry(count=1, backoff_seconds=1)
    async with scene.running():
        run, made, pod = await under_way(scene, retry=retry)
        await scene.ends(pod, code=137, reason="OOMKilled")
        await scene.job_ends(made, "Failed", "BackoffLimitExceeded")
        await scene.ended(run.id)
        await scene.until(lambda: len(scene.runs()) == 2, "another attempt")
        again = scene.runs()[1]
        await scene.launched(again)
    assert scene.run(run.id).exit.code == "out-of-memory"  # type: ignore[union-attr]
    assert (again.attempt, again.retry_of) == (2, run.id)


async def test_runs_at_once_are_limited(scene: Scene) -> None:
    job = scene.add(schedule=None, overlap="allow")
    runs = [scene.ask(job) for _ in range(3)]
    async with scene.running():
        first = [await scene.launched(run) for run in runs[:2]]
        assert set(scene.cluster.held[JOBS]) == {run_name(run.id) for run in runs[:2]}
        pod = await scene.pod(first[0])
        await scene.ends(pod, result())
        await scene.launched(runs[2])

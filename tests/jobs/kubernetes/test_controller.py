"""From a job to its CronJob, from the CronJob's Job to a run and its end.

Tier: emulator. It proves our requests and our reactions to objects, not admission, quota or
scheduling.
"""

from __future__ import annotations

from nacelle.jobs.kubernetes.naming import object_name
from tests.jobs.kubernetes.clusters import TICK, Scene, result


async def test_a_tick_of_a_job_is_a_run_with_its_log_and_its_end(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        cron = await scene.applied(job)
        assert cron["spec"]["schedule"] == "0 6 * * *"
        assert scene.secret(object_name(job.id))["token"].startswith("token-of-job")
        made = await scene.tick(job)
        pod = await scene.pod(made)
        run_id = made["metadata"]["uid"].replace("-", "")
        await scene.until(lambda: scene.store.run(run_id), "the run")
        scene.cluster.logs[pod["metadata"]["name"]] = b'one\n\x1e{"cell": 1, "of": 2}\ntwo\n'
        await scene.starts(pod)
        await scene.until(lambda: scene.run(run_id).state == "running", "the start")
        await scene.ends(pod, result())
        await scene.job_ends(made, "Complete")
        run = await scene.ended(run_id)
    assert (run.state, run.cause, run.scheduled) == ("succeeded", "schedule", TICK)
    assert run.notebook == "s3://user-ada/jobs/x/notebook.ipynb"
    assert run.progress and (run.progress.cell, run.progress.of) == (1, 2)
    assert scene.log(run_id) == b"one\ntwo\n"


async def test_a_run_that_somebody_asked_for_is_a_job(scene: Scene) -> None:
    run = scene.ask(scene.add(schedule=None, state="draft"))
    async with scene.running():
        made = await scene.launched(run)
        secret = scene.secret(made["metadata"]["name"])
        assert secret["token"] == f"token-of-{run.id}"
        pod = await scene.pod(made)
        await scene.starts(pod)
        await scene.ends(pod, result())
        assert (await scene.ended(run.id)).state == "succeeded"

"""The controller killed at random, again and again: nothing is lost, nothing happens twice.

Tier: emulator. It proves our requests and our reactions to objects, not admission, quota or
scheduling.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from nacelle.jobs.kubernetes.naming import object_name
from tests.jobs.kubernetes.clusters import TICK, Scene, result
from tests.jobs.kubernetes.sweeps import CHOOSING, gives, pipeline_job, record_of
from tests.support.kubernetes.emulator import CRON_JOBS, JOBS, PODS, Object

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

KILLS = 25


class Hands:
    """The controllers of a cluster and its kubelet, at their own pace."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.scene = scene
        self.chance = chance
        self.pods: dict[str, int] = {}

    async def work(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.001, 0.02))
            for job in self.scene.cluster.find(JOBS):
                if not job["spec"].get("suspend") and "conditions" not in job.get("status", {}):
                    await self._move_on(job)

    async def _move_on(self, job: Object) -> None:
        name = f"{job['metadata']['name']}-x1"
        pod = self.scene.cluster.held[PODS].get(name)
        if pod is None:
            self.pods[name] = self.pods.get(name, 0) + 1
            self.scene.cluster.logs[name] = f"log of {name}\n".encode()
            await self.scene.pod(job)
        elif pod["status"]["phase"] == "Pending":
            await self.scene.starts(pod)
        elif pod["status"]["phase"] == "Running":
            await self.scene.ends(pod, result())
            await self.scene.job_ends(job, "Complete")


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random_nothing_is_lost_or_done_twice(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    job = scene.add(overlap="allow")
    async with scene.running():
        await scene.applied(job)
    asked = scene.add(schedule=None, overlap="allow")
    runs = [scene.ask(asked) for _ in range(6)]
    hands = Hands(scene, chance)
    playing = asyncio.create_task(hands.work())
    try:
        for number in range(KILLS):
            if number % 4 == 0:
                await scene.tick(job, TICK + timedelta(days=number))
            if number % 7 == 3:
                scene.cluster.failing = [503] * chance.randrange(1, 4)
            if number % 9 == 5:
                await scene.cluster.forget_versions()
            async with scene.running():
                await asyncio.sleep(chance.uniform(0, 0.15))
        async with scene.running():
            ticks = len(range(0, KILLS, 4))
            for run in runs:
                await scene.ended(run.id)
            await scene.until(
                lambda: sum(run.ended is not None for run in scene.runs()) == len(runs) + ticks,
                "every end",
            )
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    found = scene.runs()
    assert [run.state for run in found] == ["succeeded"] * (len(runs) + ticks)
    assert len({run.scheduled for run in found if run.cause == "schedule"}) == ticks
    # One pod a run, and its whole log, once.
    assert set(hands.pods.values()) == {1}
    assert len(hands.pods) == len(found)
    for run in found:
        assert scene.log(run.id).count(b"log of") == 1
    # Tokens of runs are revoked by their own duty; of the job's, none was left behind.
    live = set(scene.hub.live) - {id for _, id in scene.store.tokens_to_revoke(1000)}
    known = scene.cluster.held[CRON_JOBS][object_name(job.id)]["metadata"]["annotations"]
    assert all(id in known["nacelle.io/tokens"] for id in live)


class Fingers(Hands):
    """The same for Indexed Jobs: a pod for each index, as many at once as the Job says."""

    async def _move_on(self, job: Object) -> None:
        if job["spec"].get("completionMode") != "Indexed":
            return await self._move_one(job, None, "best")
        live = 0
        for index in range(job["spec"]["completions"]):
            name = f"{job['metadata']['name']}-{index}-x1"
            pod = self.scene.cluster.held[PODS].get(name)
            ended = pod and pod["status"]["phase"] in ("Succeeded", "Failed")
            if not ended and live < job["spec"]["parallelism"]:
                live += 1
                await self._move_one(job, index, f"try-{index + 1}")
        if not live:
            await self.scene.job_ends(job, "Complete")
        return None

    async def _move_one(self, job: Object, index: int | None, item: str) -> None:
        of_index = "" if index is None else f"-{index}"
        name = f"{job['metadata']['name']}{of_index}-x1"
        pod = self.scene.cluster.held[PODS].get(name)
        if pod is None:
            self.pods[name] = self.pods.get(name, 0) + 1
            await self.scene.pod(job, index)
        elif pod["status"]["phase"] == "Pending":
            await self.scene.starts(pod)
        elif pod["status"]["phase"] == "Running":
            await gives(self.scene, pod, item, score=index)
            if index is None:
                await self.scene.job_ends(job, "Complete")


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random_a_sweep_is_neither_lost_nor_done_twice(
    scene: Scene, seed: int
) -> None:
    chance = random.Random(seed)
    job = pipeline_job(scene, CHOOSING, overlap="allow")
    hands = Fingers(scene, chance)
    working = asyncio.create_task(hands.work())
    try:
        runs = []
        for _ in range(KILLS):
            if len(runs) < 6:
                runs.append(scene.ask(job))
            async with scene.running():
                await asyncio.sleep(chance.uniform(0.01, 0.3))
        async with scene.running():
            ended = [await scene.ended(run.id) for run in runs]
    finally:
        working.cancel()
    assert {run.state for run in ended} == {"succeeded"}
    for run in runs:
        assert [one.outputs.get("score") for one in record_of(scene, run).items] == [0, 1, 2, None]
    # Each Job was made once, and each index had one pod.
    made = [name for verb, kind, name in scene.cluster.asked if (verb, kind) == ("create", JOBS)]
    assert len(set(made)) == 2 * len(runs)
    assert set(hands.pods.values()) == {1}
    assert len(hands.pods) == 4 * len(runs)

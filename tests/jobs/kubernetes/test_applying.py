"""The numbered cases of nacelle.jobs.kubernetes.applying.

Tier: emulator. It proves our requests and our reactions to objects, not admission, quota or
scheduling; that a Secret goes with its CronJob is played by the emulator.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nacelle.jobs.job import Environment, Job, Schedule, Suspension, Value
from nacelle.jobs.kubernetes.naming import object_name
from nacelle.jobs.kubernetes.secret import order_file
from nacelle.jobs.kubernetes.storing import NoKeys, StoreAway
from nacelle.jobs.order import Order, Stage
from nacelle.jobs.parts import Sentence
from tests.jobs.kubernetes.clusters import CONTENT, DIGEST, Scene, result
from tests.jobs.kubernetes.sweeps import CHOOSING, pipeline_job
from tests.support.kubernetes.emulator import CRON_JOBS, JOBS, SECRETS, Object

LATER = Schedule(cron="30 7 * * *", zone="UTC")


def change(scene: Scene, job: Job, **changes: Any) -> Job:
    return scene.store.change_job(
        job.id, lambda found: found.model_copy(update=changes), datetime.now(UTC)
    )


def suspend(scene: Scene, job: Job) -> None:
    why = Sentence(en="not now", fr="pas maintenant")
    suspension = Suspension(by="ada", at=datetime.now(UTC), why=why)
    change(scene, job, state="suspended", suspension=suspension)


def cron_job(scene: Scene, job: Job) -> Object:
    return scene.cluster.held[CRON_JOBS][object_name(job.id)]


def writes(scene: Scene) -> list[tuple[str, str, str]]:
    return [one for one in scene.cluster.asked if one[0] not in ("list", "watch", "fetch")]


async def test_case_1_an_armed_job_has_its_cron_job_and_its_secret(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        made = await scene.applied(job)
    secret = scene.secret(object_name(job.id))
    order = Order.model_validate_json(secret[order_file(job.snapshot.version)])
    assert order.snapshot == job.snapshot
    assert order.owner == "ada"
    assert order.variables["AWS_ENDPOINT_URL"] == "https://store.test"
    assert order.broker_url == "http://hub.test/services/broker"
    assert scene.shelf.put == [(DIGEST, secret["token"])]
    owners = scene.cluster.held[SECRETS][object_name(job.id)]["metadata"]["ownerReferences"]
    assert owners[0]["uid"] == made["metadata"]["uid"]
    assert secret["token"] not in str(made)


async def test_case_2_what_did_not_change_is_not_written_again(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
    before = writes(scene)
    async with scene.running():
        other = scene.add()
        await scene.applied(other)
        change(scene, other, name="Other figures")
        name = object_name(other.id)
        await scene.until(
            lambda: "Other figures" in str(scene.cluster.held[CRON_JOBS][name]), "the change"
        )
    assert [one for one in writes(scene)[len(before) :] if one[2] == object_name(job.id)] == []


async def test_case_3_a_changed_job_has_a_changed_cron_job(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        change(scene, job, schedule=LATER, timeout_seconds=99)

        def changed() -> bool:
            found = cron_job(scene, job)
            done = found["metadata"]["annotations"].get("nacelle.io/applied")
            return bool(done) and found["spec"]["schedule"] == "30 7 * * *"

        await scene.until(changed, "the change")
        # The first is of nobody now: no run is under way.
        await scene.until(lambda: len(scene.hub.live) == 1, "the revocation")
    version = scene.store.job(job.id).snapshot.version  # type: ignore[union-attr]
    secret = scene.secret(object_name(job.id))
    assert set(secret) == {"token", order_file(version)}
    assert len(scene.hub.made) == 2
    assert cron_job(scene, job)["spec"]["timeZone"] == "UTC"


async def test_case_4_a_token_is_renewed_at_half_of_its_life(scene: Scene) -> None:
    job = scene.add(timeout_seconds=60)
    async with scene.running():
        await scene.applied(job)
        _, _, seconds = scene.hub.made[0]
        assert seconds == 7 * 86_400
        made = await scene.tick(job)
        id = made["metadata"]["uid"].replace("-", "")
        await scene.until(lambda: scene.store.run(id), "the run")
    scene.clock.ahead = timedelta(seconds=seconds / 2 + 1)
    await scene.cluster.change(
        JOBS, made["metadata"]["name"], metadata={"creationTimestamp": "2099-01-01T00:00:00Z"}
    )
    async with scene.running():
        await scene.until(lambda: len(scene.hub.made) == 2, "another token")
        await scene.applied(job)
        # The run that is under way may hold the first.
        assert len(scene.hub.live) == 2
        pod = await scene.pod(made)
        await scene.ends(pod, result())
        await scene.job_ends(made, "Complete")
        await scene.until(lambda: set(scene.hub.live) == {"a2"}, "the end of the first")


async def test_case_5_a_suspended_job_has_a_suspended_cron_job(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        suspend(scene, job)
        await scene.until(lambda: cron_job(scene, job)["spec"]["suspend"], "the suspension")
        await scene.until(lambda: not scene.hub.live, "the revocation")
        await scene.until(lambda: not scene.cluster.held[SECRETS], "no Secret")
        change(scene, job, state="armed", suspension=None)
        await scene.until(lambda: not cron_job(scene, job)["spec"]["suspend"], "it goes on")
        await scene.until(lambda: scene.cluster.held[SECRETS], "a Secret")
    assert len(scene.hub.live) == 1


async def test_case_5_a_draft_is_not_on_the_cluster(scene: Scene) -> None:
    draft, armed = scene.add(state="draft"), scene.add()
    async with scene.running():
        await scene.applied(armed)
    assert object_name(draft.id) not in scene.cluster.held[CRON_JOBS]


async def test_case_6_a_deleted_job_s_token_is_revoked_first(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        scene.hub.away = True
        scene.store.delete_job(job.id, "ada", datetime.now(UTC), keep_runs=True)
        await scene.until(lambda: scene.store.job(job.id) is None)
        assert object_name(job.id) in scene.cluster.held[CRON_JOBS]
        scene.hub.away = False
        await scene.until(lambda: not scene.cluster.held[CRON_JOBS], "the removal")
    assert scene.hub.live == {}
    assert scene.cluster.held[SECRETS] == {}


async def test_case_6_a_job_that_was_deleted_while_nobody_looked(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
    scene.store.delete_job(job.id, "ada", datetime.now(UTC), keep_runs=True)
    async with scene.running():
        await scene.until(lambda: not scene.cluster.held[CRON_JOBS], "the removal")
    assert scene.hub.live == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"profile": "no-such"}, "no environment"),
        ({"kernel": "cobol"}, "no kernel cobol"),
        ({"image": "docker.io/evil/miner:1"}, "evil/miner:1 is not allowed"),
    ],
)
async def test_case_7_what_its_owner_may_not_run_is_suspended(
    scene: Scene, changes: dict[str, str], told: str
) -> None:
    plain = {"profile": "python", "kernel": "python3"} | changes
    job = scene.add(environment=Environment(**plain))  # type: ignore[arg-type]
    async with scene.running():
        await scene.until(lambda: scene.store.messages_of("ada"), "the message")
    found = scene.store.job(job.id)
    assert found
    assert found.suspension
    assert found.suspension.by == "platform"
    assert told in found.suspension.why.en
    assert scene.cluster.held[CRON_JOBS] == {}


async def test_case_7_an_owner_without_keys(scene: Scene) -> None:
    scene.shelf.failing = NoKeys("ada has left")
    job = scene.add()
    async with scene.running():
        await scene.until(lambda: scene.store.messages_of("ada"), "the message")
    found = scene.store.job(job.id)
    assert found
    assert found.state == "suspended"
    assert scene.hub.live == {}


async def test_case_7_what_no_cluster_takes_is_suspended(scene: Scene) -> None:
    scene.cluster.refusing[("update", CRON_JOBS)] = (422, "spec.timeZone: unknown time zone")
    job = scene.add()
    async with scene.running():
        await scene.until(lambda: scene.store.messages_of("ada"), "the message")
    found = scene.store.job(job.id)
    assert found
    assert found.suspension
    assert "unknown time zone" in found.suspension.why.en
    assert scene.hub.live == {}


async def test_case_8_a_cron_job_that_the_store_never_knew_is_kept(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
    scene.lose_store()
    scene.store.keep_notebook("ada", CONTENT)
    scene.add()
    async with scene.running():
        await scene.until(lambda: cron_job(scene, job)["spec"]["suspend"], "the suspension")
        await scene.until(lambda: len(scene.hub.live) == 1, "the revocation")
    assert object_name(job.id) in scene.cluster.held[CRON_JOBS]


async def test_case_9_what_is_away_is_waited_for(scene: Scene) -> None:
    scene.hub.away = True
    scene.shelf.failing = StoreAway("the store does not answer")
    job = scene.add()
    async with scene.running():
        scene.hub.away = False
        await scene.until(lambda: scene.hub.made, "a token")
        scene.shelf.failing = None
        scene.cluster.failing = [503, 500]
        await scene.applied(job)
        await scene.until(lambda: scene.cluster.held[SECRETS], "a Secret")
    assert scene.store.job(job.id).state == "armed"  # type: ignore[union-attr]
    assert len(scene.hub.live) == 1


async def test_a_lost_store_is_made_again_from_the_cluster(scene: Scene) -> None:
    job = scene.add()
    async with scene.running():
        await scene.applied(job)
        made = await scene.tick(job)
        pod = await scene.pod(made)
        await scene.ends(pod, result())
        await scene.job_ends(made, "Complete")
        await scene.ended(made["metadata"]["uid"].replace("-", ""))
    before = scene.runs()
    scene.lose_store()
    scene.shelf.there = CONTENT
    async with scene.running():
        await scene.ended(made["metadata"]["uid"].replace("-", ""))
    assert scene.store.job(job.id) == job.model_copy(update={"proved": job.snapshot.version})
    assert [(run.id, run.state) for run in scene.runs()] == [(one.id, one.state) for one in before]
    run = scene.ask(job)
    async with scene.running():
        await scene.launched(run)
    # Its notebook is brought back when it is needed again.
    assert scene.store.notebook_path(DIGEST).read_bytes() == CONTENT


async def test_case_10_a_sweep_s_cron_job_makes_an_indexed_job(scene: Scene) -> None:
    job = pipeline_job(scene, schedule=LATER)
    async with scene.running():
        made = await scene.applied(job)
    spec = made["spec"]["jobTemplate"]["spec"]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", 3)
    assert "suspend" not in spec
    secret = scene.secret(object_name(job.id))
    order = Order.model_validate_json(secret[order_file(job.snapshot.version)])
    assert order.stage == Stage(step="try", numbers=(1, 2, 3))


async def test_case_10_other_parameters_are_another_number_of_indexes(scene: Scene) -> None:
    job = pipeline_job(scene, schedule=LATER)
    async with scene.running():
        await scene.applied(job)
        value = Value(type="list", value=(0.1, 0.2, 0.3, 0.4, 0.5))
        change(scene, job, parameters={"rates": value})
        await scene.until(
            lambda: cron_job(scene, job)["spec"]["jobTemplate"]["spec"]["completions"] == 5,
            "the change",
        )
        value = Value(type="text", value="many")
        change(scene, job, parameters={"rates": value})
        await scene.until(lambda: cron_job(scene, job)["spec"]["suspend"], "its suspension")
    found = scene.store.job(job.id)
    assert found and found.suspension
    assert "is no list of at most 256 values" in found.suspension.why.en


async def test_case_10_the_first_of_several_steps_waits_for_the_engine(scene: Scene) -> None:
    job = pipeline_job(scene, CHOOSING, schedule=LATER)
    async with scene.running():
        made = await scene.applied(job)
    assert made["spec"]["jobTemplate"]["spec"]["suspend"] is True

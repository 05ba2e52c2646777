"""Orders for pods: the environment as the catalogue has it, or a failure in words.

Tier: pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nacelle.credentials.issuer import Identity
from nacelle.environments.machine import A_CLUSTER
from nacelle.environments.profile import Profile
from nacelle.environments.profiles import unavailable
from nacelle.jobs.engine.addressing import target
from nacelle.jobs.engine.outside import Unrunnable
from nacelle.jobs.job import Environment, Job, Schedule
from nacelle.jobs.kubernetes.orders import ClusterOrders, Planned
from nacelle.jobs.kubernetes.storing import notebook_address
from nacelle.jobs.manifest import Place
from nacelle.jobs.run_in_pod import leaf
from nacelle.settings import Settings
from nacelle.settings.jobs import JobsSettings
from tests.jobs import samples
from tests.jobs.kubernetes.clusters import CLUSTER, PROFILES, SETTINGS

ADA = Identity("user", "ada", ("prix",))
GPU = Profile.model_validate(
    {
        "name": "gpu",
        "title": "GPU",
        "description": "One GPU",
        "image": "nacelle/lab:gpu",
        "kernels": ["python"],
        "cpu": {"guarantee": 1, "limit": 4},
        "memory": {"guarantee": "2G", "limit": "8G"},
        "gpu": 1,
        "groups": ["prix"],
        "node_selector": {"gpu": "a100"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
)


def plan(job: Job, person: Identity = ADA, settings: Settings = SETTINGS) -> Planned:
    run = samples.run(job=job.id, version=job.snapshot.version)
    return ClusterOrders(settings, lambda: (*PROFILES, GPU)).make(run, job.snapshot, job, person)


def job_in(**environment: Any) -> Job:
    plain = {"profile": "gpu", "kernel": "python3"} | environment
    return samples.job(environment=Environment(**plain))


def test_the_place_is_what_the_profile_gives() -> None:
    assert plan(job_in()).place == Place(
        namespace="nacelle-jobs",
        image="nacelle/lab:gpu",
        cpu_request=1,
        cpu_limit=4,
        memory_request=2 * 2**30,
        memory_limit=8 * 2**30,
        gpu=1,
        node_selector={"gpu": "a100"},
        tolerations=({"key": "gpu", "operator": "Exists"},),
    )
    assert plan(job_in()).order.memory_bytes == 8 * 2**30


def test_an_order_names_the_addresses_of_the_cluster_and_no_token() -> None:
    order = plan(samples.job()).order
    assert order.notebook_file == Path("/work/notebook.ipynb")
    assert order.variables["AWS_ENDPOINT_URL"] == "https://store.test"
    assert order.variables["MLFLOW_TRACKING_URI"] == "http://hub.test/services/mlflow"
    assert order.variables["GIT_USER_MAIL"] == "ada@office.example"
    assert "MLFLOW_TRACKING_TOKEN" not in order.variables


def test_a_notebook_of_a_project_lies_in_its_bucket() -> None:
    order = plan(samples.job(project="prix")).order
    assert notebook_address(order) == f"s3://projet-prix/jobs/.notebooks/{samples.DIGEST}.ipynb"


def test_a_tick_s_results_are_where_a_run_s_would_be() -> None:
    job = samples.job(schedule=Schedule(cron="0 6 * * *"))
    ticks = ClusterOrders(SETTINGS, lambda: PROFILES).make_for_ticks(job, ADA).order
    run = samples.run(scheduled=datetime(2026, 3, 2, 6, tzinfo=UTC))
    assert f"{ticks.target.rpartition('/')[0]}/{leaf(run)}" == target(job, run)


@pytest.mark.parametrize(
    ("environment", "code", "told"),
    [
        ({"profile": "nothing"}, "environment", "no environment 'nothing'"),
        ({"kernel": "ir"}, "kernel-missing", "no kernel ir"),
        ({"image": "docker.io/evil/miner"}, "environment", "docker.io/evil/miner is not allowed"),
        ({"image": "nacelle/lab:gpu@evil"}, "environment", "is not allowed"),
        ({"image": "nacelle/lab-evil:1"}, "environment", "is not allowed"),
        ({"image": "evil/nacelle/lab:gpu"}, "environment", "is not allowed"),
        ({"options": {"node_selector": "x"}}, "environment", "no option 'node_selector'"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(
    environment: dict[str, Any], code: str, told: str
) -> None:
    with pytest.raises(Unrunnable) as caught:
        plan(job_in(**environment))
    assert caught.value.exit.code == code
    assert told in caught.value.exit.said.en


def test_a_profile_of_a_group_that_one_left_is_refused() -> None:
    with pytest.raises(Unrunnable) as caught:
        plan(job_in(), person=Identity("user", "ada", ()))
    assert "members of prix" in caught.value.exit.said.en


def test_an_image_that_a_pattern_allows_is_taken() -> None:
    image = "nacelle/lab@sha256:" + "a" * 64
    assert plan(job_in(profile="python", image=image)).place.image == image


@pytest.mark.parametrize("version", ["", ":2025", ":2025@sha256:" + "a" * 64])
def test_a_job_keeps_the_version_of_the_image_that_it_was_made_with(version: str) -> None:
    assert plan(job_in(image=f"nacelle/lab{version}")).place.image == f"nacelle/lab{version}"


@pytest.mark.parametrize("field", ["node_selector", "tolerations", "volumes", "privileged"])
def test_an_environment_has_no_field_for_the_cluster_s_own_matters(field: str) -> None:
    with pytest.raises(ValidationError):
        job_in(**{field: {"x": "y"}})


def test_a_job_goes_before_its_run_is_forgotten() -> None:
    short = Settings(jobs=JobsSettings(keep_days=1), cluster=CLUSTER)
    assert plan(job_in(), settings=short).place.keep_seconds == 43_200


@pytest.mark.parametrize("profile", [*PROFILES, GPU], ids=lambda one: one.name)
def test_a_cluster_lacks_nothing_that_this_machine_may_lack(profile: Profile) -> None:
    assert unavailable(profile, A_CLUSTER) is None

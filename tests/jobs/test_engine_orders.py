"""Orders: the environment as the catalogue has it, or a failure in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nacelle.credentials.issuer import Identity
from nacelle.environments.machine import Machine
from nacelle.environments.profiles import load_profiles
from nacelle.jobs.engine.addressing import readable, target
from nacelle.jobs.engine.orders import LocalOrders
from nacelle.jobs.engine.outside import Unrunnable
from nacelle.jobs.job import Environment, Job, Schedule
from nacelle.jobs.order import Order
from nacelle.layout import Layout
from nacelle.settings import Settings, User
from tests.jobs import samples
from tests.support.installation import ROOT

ADA = Identity("user", "ada", ("prix",))
MACHINE = Machine(frozenset(("python",)), cores=8, memory=64 * 2**30)
PROFILES = load_profiles(ROOT / "hub_config" / "profiles.yaml")


def order(job: Job, person: Identity = ADA, machine: Machine = MACHINE) -> Order:
    users = (User(name="ada", mail="ada@office.example"),)
    layout = Layout(Settings(data_dir=Path("/data"), users=users))
    made = LocalOrders(layout, lambda: PROFILES, machine, lambda sha: Path(f"/kept/{sha}.ipynb"))
    run = samples.run(job=job.id, version=job.snapshot.version)
    return made.make(run, job.snapshot, job, person)


def refused(job: Job, person: Identity = ADA, machine: Machine = MACHINE) -> str:
    with pytest.raises(Unrunnable) as caught:
        order(job, person, machine)
    said = caught.value.exit.said
    assert said.en != said.fr
    return f"{caught.value.exit.code}: {said.en}"


def in_environment(**changes: object) -> Job:
    plain = {"profile": "python", "kernel": "python3"}
    return samples.job(environment=Environment.model_validate(plain | changes))


def test_an_order_says_all_that_a_runner_needs() -> None:
    job = samples.job(schedule=Schedule(cron="0 6 * * *", zone="Europe/Paris"))
    made = order(job)
    assert (made.owner, made.zone, made.kernel) == ("ada", "Europe/Paris", "python3")
    assert made.notebook_file == Path(f"/kept/{samples.DIGEST}.ipynb")
    assert made.memory_bytes > 2**20
    for name in ("AWS_S3_ENDPOINT", "MLFLOW_TRACKING_URI", "JUPYTER_PATH", "PROJECT_USER"):
        assert made.variables[name]
    assert made.variables["GIT_USER_MAIL"] == "ada@office.example"


def test_an_order_holds_no_token_and_nothing_of_a_session() -> None:
    variables = order(samples.job()).variables
    assert not [name for name in variables if "TOKEN" in name or "SECRET" in name]
    assert variables.keys().isdisjoint({"NACELLE_PART", "NACELLE_KERNELS"})


def test_the_memory_is_that_of_the_size_that_was_chosen() -> None:
    sizes = [order(in_environment(options={"size": size})) for size in ("small", "large")]
    assert sizes[0].memory_bytes < sizes[1].memory_bytes


def test_a_person_unknown_to_the_settings_has_orders_too() -> None:
    assert order(samples.job(), Identity("user", "Éve", ())).variables["GIT_USER_MAIL"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"profile": "pyton"}, "environment: The environment could not be used: There is no"),
        ({"options": {"size": "huge"}}, "environment: "),
        ({"profile": "r", "kernel": "ir"}, "environment: "),
        ({"image": "evil/image"}, "environment: "),
        ({"kernel": "ir"}, "kernel-missing: "),
    ],
)
def test_what_cannot_run_here_is_said(changes: dict[str, object], said: str) -> None:
    assert refused(in_environment(**changes)).startswith(said)


def test_a_profile_that_one_may_no_longer_use(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = PROFILES[0].model_copy(update={"groups": ("prix",)})
    monkeypatch.setattr(f"{__name__}.PROFILES", (closed,))
    job = in_environment(profile=closed.name)
    assert order(job).memory_bytes
    assert refused(job, replace(ADA, projects=())).startswith("environment: ")


def test_results_go_to_the_bucket_of_the_project_or_the_owner() -> None:
    run = samples.run(scheduled=datetime(2026, 3, 1, 5, tzinfo=UTC))
    job = samples.job(name="Étude: des ménages")
    assert target(job, run) == (
        "s3://user-ada/jobs/etude-des-menages-00000000/20260301T050000Z-11111111"
    )
    shared = samples.job(project="prix")
    assert target(shared, run).startswith("s3://projet-prix/jobs/monthly-figures-00000000/")


@pytest.mark.parametrize("name", ["日本", "...", "a" * 80, "A/B"])
def test_any_name_gives_a_part_of_an_address(name: str) -> None:
    made = readable(name)
    assert made and len(made) <= 40 and made.isascii() and "/" not in made and "." not in made

"""When owners leave: the numbered cases of nacelle.jobs.engine.owners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nacelle.jobs.engine.owners import Owners
from nacelle.jobs.engine.tokens import Revoking
from tests.jobs.engines import Bench, bench_in
from tests.jobs.stored import NOW, add, ask


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def owners(bench: Bench) -> Owners:
    return Owners(bench.store, bench.hub, bench.clock, ["root", "boss"])


def state(bench: Bench, job_id: str) -> str:
    found = bench.store.job(job_id)
    assert found
    return found.state


async def test_case_1_whom_the_hub_knows_no_more(bench: Bench) -> None:
    gone = [add(bench.store, owner="eve"), add(bench.store, owner="eve", project="prices")]
    draft = add(bench.store, owner="eve", state="draft")
    kept = add(bench.store, owner="ada")
    await owners(bench).look()
    assert [state(bench, job.id) for job in (*gone, draft, kept)] == [
        "suspended",
        "suspended",
        "draft",
        "armed",
    ]
    found = bench.store.job(gone[0].id)
    assert found and found.suspension and found.suspension.by == "platform"
    assert "eve" in found.suspension.why.fr
    for admin in ("root", "boss"):
        (message,) = bench.store.messages_of(admin)
        assert message.said.en.startswith("2 jobs were suspended: eve")
    await owners(bench).look()
    assert len(bench.store.messages_of("root")) == 1


async def test_case_2_who_left_a_project(bench: Bench) -> None:
    bench.hub.people = {"ada": ("wages",)}
    left = add(bench.store, project="prices")
    kept = [add(bench.store, project="wages"), add(bench.store)]
    await owners(bench).look()
    assert state(bench, left.id) == "suspended"
    assert [state(bench, job.id) for job in kept] == ["armed", "armed"]
    assert len(bench.store.messages_of("root")) == len(bench.store.messages_of("ada")) == 1


async def test_case_3_a_hub_that_does_not_answer_says_nothing(bench: Bench) -> None:
    job = add(bench.store, owner="eve")
    bench.hub.away = True
    await owners(bench).look()
    assert state(bench, job.id) == "armed" and bench.store.messages_of("root") == []


async def test_case_4_a_job_that_was_handed_over_meanwhile_is_left_alone(bench: Bench) -> None:
    job = add(bench.store, owner="eve")
    jobs = bench.store.jobs

    def handed_over(wanted: object) -> object:
        found = jobs(wanted)  # type: ignore[arg-type]
        bench.store.change_job(job.id, lambda one: one.model_copy(update={"owner": "ada"}), NOW)
        return found

    bench.store.jobs = handed_over  # type: ignore[method-assign, assignment]
    await owners(bench).look()
    assert state(bench, job.id) == "armed" and bench.store.messages_of("root") == []


async def test_tokens_are_revoked_when_runs_are_over_and_the_hub_is_there(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, schedule=None))
    async with bench.running():
        await bench.ended(run.id)
    assert bench.hub.live
    bench.hub.away = True
    revoking = Revoking(bench.store, bench.hub)
    await revoking.revoke()
    assert bench.hub.live
    bench.hub.away = False
    await revoking.revoke()
    assert not bench.hub.live and bench.store.tokens_to_revoke() == []

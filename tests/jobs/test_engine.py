"""The engine from a tick to the end of its run, with real processes as runners."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nacelle.jobs.job import Notify, Retry, Suspension
from nacelle.jobs.parts import Sentence
from nacelle.jobs.store import Store
from nacelle.jobs.store.rows import Waiting
from tests.jobs.engines import Bench, bench_in, doing
from tests.jobs.stored import MINUTE, NOW, add, ask, runs_of, spoil


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


async def test_a_tick_becomes_a_run_and_the_run_its_end(bench: Bench) -> None:
    job = add(bench.store)
    async with bench.running():
        await bench.until(lambda: bench.store.next_due())
        assert runs_of(bench.store, job) == []
        bench.clock.go(45)
        await bench.until(lambda: runs_of(bench.store, job))
        run = await bench.ended(runs_of(bench.store, job)[0].id)
    assert (run.state, run.log) == ("succeeded", "s3://user-ada/log")
    assert run.started and run.ended and run.scheduled == NOW.replace(second=0) + MINUTE
    assert [one[2] for one in bench.ran()] == [run.id]
    assert bench.hub.made == [("ada", run.id, 3600 + 600)]


async def test_a_draft_that_succeeds_is_armed(bench: Bench) -> None:
    job = add(bench.store, state="draft")
    run = ask(bench.store, job, cause="first")
    async with bench.running():
        await bench.ended(run.id)
    found = bench.store.job(job.id)
    assert found and found.state == "armed" and bench.store.next_due()


async def test_a_failure_is_tried_again_after_a_while_and_then_told(bench: Bench) -> None:
    retry = Retry(count=1, backoff_seconds=100)
    job = add(bench.store, parameters=doing("fail"), retry=retry, schedule=None)
    first = ask(bench.store, job)
    async with bench.running():
        ended = await bench.ended(first.id)
        assert ended.exit and ended.exit.cell == 2
        assert len(bench.ran()) == 1 and bench.store.messages_of("ada") == []
        bench.clock.go(101)
        second = await bench.ended(runs_of(bench.store, job)[1].id)
    assert second.state == "failed" and len(bench.ran()) == 2
    assert len(bench.store.messages_of("ada")) == 1


async def test_progress_is_told_while_it_runs(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, parameters=doing("wait"), schedule=None))
    async with bench.running():
        await bench.until(lambda: (found := bench.store.run(run.id)) and found.progress)
        found = bench.store.run(run.id)
        assert found and found.progress and (found.progress.cell, found.progress.of) == (1, 3)
        bench.go()
        await bench.ended(run.id)


async def test_no_token_stands_in_files_or_in_the_command(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, parameters=doing("wait"), schedule=None))
    async with bench.running():
        await bench.begun(run.id)
        begun = bench.run_folder(run.id).begun()
        assert begun
        token = f"token-of-{run.id}".encode()
        shown = [Path(f"/proc/{begun.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        files = [path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()]
        assert not any(token in text for text in (*shown, *files))
        assert os.getpgid(begun.pid) == begun.pid
        bench.go()
        await bench.ended(run.id)


async def test_the_runner_does_not_get_the_token_of_the_service(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-service-s-own")
    run = ask(bench.store, add(bench.store, parameters=doing("wait"), schedule=None))
    async with bench.running():
        await bench.begun(run.id)
        begun = bench.run_folder(run.id).begun()
        assert begun
        assert b"the-service-s-own" not in Path(f"/proc/{begun.pid}/environ").read_bytes()
        bench.go()
        await bench.ended(run.id)


async def test_the_hub_away_holds_a_run_up_and_no_longer(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, schedule=None))
    bench.hub.away = True
    async with bench.running():
        await bench.until(lambda: bench.store.next_waiting(bench.clock.now()))
        found = bench.store.run(run.id)
        assert found and found.state == "pending"
        bench.hub.away = False
        bench.clock.go(11)
        assert (await bench.ended(run.id)).state == "succeeded"


async def test_a_run_of_somebody_who_left_has_no_keys(bench: Bench) -> None:
    gone = ask(bench.store, add(bench.store, owner="eve", schedule=None))
    outside = ask(bench.store, add(bench.store, project="prices", schedule=None))
    refused = ask(bench.store, add(bench.store, owner="bob", schedule=None))
    async with bench.running():
        first, second = await bench.ended(gone.id), await bench.ended(outside.id)
        await bench.ended(refused.id)
    assert [run.exit and run.exit.code for run in (first, second)] == ["keys-refused"] * 2
    assert second.exit and "prices" in second.exit.said.fr
    assert [one[2] for one in bench.ran()] == [refused.id]


async def test_a_run_that_gets_no_token_fails_in_words(bench: Bench) -> None:
    run = ask(bench.store, add(bench.store, schedule=None))
    bench.hub.refusing = True
    async with bench.running():
        ended = await bench.ended(run.id)
    assert ended.exit and ended.exit.code == "keys-refused" and bench.ran() == []


async def test_pending_runs_of_a_suspended_job_are_let_go(bench: Bench) -> None:
    job = add(bench.store, retry=Retry(count=1), parameters=doing("fail"))
    async with bench.running():
        bench.clock.go(45)
        first = await bench.until(lambda: runs_of(bench.store, job))
        await bench.ended(first[0].id)
        why = Suspension(by="ada", at=NOW, why=Sentence(en="x", fr="x"))
        change = {"state": "suspended", "suspension": why}
        bench.store.change_job(job.id, lambda one: one.model_copy(update=change), NOW)
        bench.clock.go(60)
        skipped = await bench.ended(runs_of(bench.store, job)[1].id)
        assert skipped.exit and (skipped.state, skipped.exit.code) == ("skipped", "suspended")
        asked = await bench.ended(ask(bench.store, job, bench.clock.now()).id)
    assert asked.state == "failed"


async def test_runs_of_a_job_that_lets_no_two_run_follow_each_other(bench: Bench) -> None:
    job = add(bench.store, parameters=doing("wait"), schedule=None)
    first, second = ask(bench.store, job), ask(bench.store, job)
    async with bench.running():
        await bench.begun(first.id)
        for _ in range(5):
            assert bench.engine
            bench.engine.pass_over()
        found = bench.store.run(second.id)
        assert found and found.state == "pending" and len(bench.ran()) == 1
        bench.go()
        await bench.ended(second.id)


async def test_replace_stops_the_run_before(bench: Bench) -> None:
    job = add(bench.store, overlap="replace", parameters=doing("wait"))
    async with bench.running():
        bench.clock.go(45)
        (first,) = await bench.until(lambda: runs_of(bench.store, job))
        await bench.begun(first.id)
        bench.clock.go(60)
        ended = await bench.ended(first.id)
        assert ended.exit and (ended.state, ended.exit.code) == ("cancelled", "replaced")
        await bench.begun(runs_of(bench.store, job)[1].id)
        bench.go()
        await bench.ended(runs_of(bench.store, job)[1].id)


async def test_limits_are_never_passed_and_a_free_place_is_filled(tmp_path: Path) -> None:
    with bench_in(tmp_path, at_once=3, each=2) as bench:
        for owner in ("ada", "bob"):
            for _ in range(4):
                job = add(bench.store, owner=owner, parameters=doing("wait"), schedule=None)
                ask(bench.store, job)
        async with bench.running():
            await bench.until(lambda: len(bench.ran()) == 3)
            # Nothing more is begun, however often it looks.
            for _ in range(20):
                assert bench.engine
                bench.engine.pass_over()
            assert len(bench.store.launched()) == 3
            victim = bench.store.launched()[0].run.id
            bench.store.ask_cancel(victim, "ada", NOW)
            await bench.until(lambda: len(bench.ran()) == 4)
            bench.go()
            await bench.until(lambda: bench.states().count("succeeded") == 7)


async def test_two_hundred_due_at_once_are_all_asked_for(bench: Bench) -> None:
    for _ in range(200):
        add(bench.store, owner="ada")
    bench.clock.go(45)
    async with bench.running():
        await bench.until(lambda: len(bench.states()) == 200)
        assert len(bench.store.launched()) <= 2


async def test_what_is_due_now_is_not_kept_waiting_by_a_run_that_cannot_be_read(
    bench: Bench,
) -> None:
    job = add(bench.store, schedule=None)
    broken = ask(bench.store, job)
    bench.store.take(broken.id, NOW)
    folder = bench.run_folder(broken.id)
    folder.path.mkdir(parents=True)
    (folder.path / "begun").mkdir()
    other = ask(bench.store, add(bench.store, schedule=None))
    async with bench.running():
        assert (await bench.ended(other.id)).state == "succeeded"


async def test_a_job_that_cannot_be_followed_stops_no_other_and_is_told(bench: Bench) -> None:
    bench.admins = ("root",)
    broken, other = add(bench.store), add(bench.store)
    spoil(bench.folder, broken.id, nonsense=1)
    bench.clock.go(45)
    async with bench.running():
        (run,) = await bench.until(lambda: runs_of(bench.store, other))
        assert (await bench.ended(run.id)).state == "succeeded"
    assert [one.job for one in bench.store.messages_of("root")] == [broken.id]


async def test_runs_that_end_while_they_are_let_go_stop_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add(bench.store, schedule=None)
    cancelled = ask(bench.store, job)
    bench.store.ask_cancel(cancelled.id, "ada", NOW)
    before = [
        Waiting(id, job.id, "ada", alone=False, let_go=True) for id in (cancelled.id, "f" * 32)
    ]
    read = Store.waiting
    monkeypatch.setattr(Store, "waiting", lambda self, now: [*before, *read(self, now)])
    other = ask(bench.store, job)
    async with bench.running():
        assert (await bench.ended(other.id)).state == "succeeded"
    found = bench.store.run(cancelled.id)
    assert found and found.state == "cancelled"


async def test_a_pass_that_fails_is_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(bench.store, add(bench.store, schedule=None))
    read, calls = Store.waiting, iter(range(100))

    def once_broken(self: Store, now: datetime) -> list[Waiting]:
        if next(calls) == 0:
            raise ZeroDivisionError
        return read(self, now)

    monkeypatch.setattr(Store, "waiting", once_broken)
    async with bench.running():
        assert (await bench.ended(run.id)).state == "succeeded"


async def test_a_notice_waits_in_the_outbox(bench: Bench) -> None:
    notify = Notify(mail=("a@example.org",), in_lab=False)
    job = add(bench.store, parameters=doing("fail"), notify=notify, schedule=None)
    run = ask(bench.store, job)
    async with bench.running():
        await bench.ended(run.id)
    (notice,) = bench.store.notices_due(bench.clock.now() + timedelta(seconds=1))
    assert notice.run.id == run.id
    assert json.loads(notice.run.model_dump_json())["state"] == "failed"

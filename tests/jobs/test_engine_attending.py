"""Runs that were launched, also by an engine before: the cases of nacelle.jobs.engine.attending.

The runners are real processes, and outlive the engine that started them.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from nacelle.jobs.engine import attending
from nacelle.jobs.job import Retry, Run
from tests.jobs.engines import RUNNER, Bench, bench_in, doing
from tests.jobs.stored import NOW, add, ask, runs_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def asked(bench: Bench, what: str, **job: object) -> Run:
    return ask(bench.store, add(bench.store, parameters=doing(what), schedule=None, **job))


async def left_running(bench: Bench, what: str = "wait", **job: object) -> Run:
    """A run whose engine is gone while it is under way."""
    run = asked(bench, what, **job)
    async with bench.running():
        return await bench.begun(run.id)


def is_left_alone(bench: Bench, run: Run) -> None:
    """However often the engine looks."""
    for _ in range(5):
        assert bench.engine
        bench.engine.pass_over()
    found = bench.store.run(run.id)
    assert found and found.state == "running"


def code(run: Run) -> str:
    assert run.exit
    return run.exit.code


async def test_case_1_a_result_that_came_while_nobody_watched_is_taken(bench: Bench) -> None:
    run = await left_running(bench)
    bench.go()
    folder = bench.run_folder(run.id)
    result = await bench.until(folder.read_result)
    bench.clock.go(10_000)
    async with bench.running():
        ended = await bench.ended(run.id)
    assert (ended.state, ended.ended) == ("succeeded", result.ended)
    assert len(bench.ran()) == 1


async def test_case_2_a_machine_that_went_down_is_no_cancelled_run(bench: Bench) -> None:
    run = await left_running(bench, retry=Retry(count=1))
    begun = bench.run_folder(run.id).begun()
    assert begun
    os.kill(begun.pid, signal.SIGTERM)
    await bench.until(bench.run_folder(run.id).read_result)
    async with bench.running():
        ended = await bench.ended(run.id)
    assert (ended.state, code(ended)) == ("failed", "lost-machine")
    found = bench.store.job_of_run(run.id)
    assert found and [one.attempt for one in runs_of(bench.store, found)] == [1, 2]


async def test_case_3_a_run_under_way_is_adopted(bench: Bench) -> None:
    run = await left_running(bench)
    async with bench.running():
        for _ in range(5):
            assert bench.engine
            bench.engine.pass_over()
        found = bench.store.run(run.id)
        assert found and found.state == "running"
        bench.go()
        assert (await bench.ended(run.id)).state == "succeeded"
    assert len(bench.ran()) == 1


async def test_case_3_an_adopted_run_is_cancelled_by_whom_it_says(bench: Bench) -> None:
    run = await left_running(bench)
    bench.store.ask_cancel(run.id, "bob", NOW)
    async with bench.running():
        ended = await bench.ended(run.id)
    assert ended.state == "cancelled" and ended.exit and "bob" in ended.exit.said.en


async def test_case_3_a_runner_that_does_not_listen_is_killed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "STOP_SECONDS", 0.3)
    run = await left_running(bench, "ignore-term")
    begun = bench.run_folder(run.id).begun()
    assert begun
    async with bench.running():
        bench.store.ask_cancel(run.id, "ada", NOW)
        ended = await bench.ended(run.id)
    assert (ended.state, code(ended)) == ("cancelled", "cancelled")
    assert not psutil.pid_exists(begun.pid)


async def test_case_4_a_runner_over_its_time_is_killed(bench: Bench) -> None:
    run = asked(bench, "ignore-term", timeout_seconds=100)
    async with bench.running():
        await bench.begun(run.id)
        bench.passed = 140
        is_left_alone(bench, run)
        bench.passed = 165
        ended = await bench.ended(run.id)
    assert (ended.state, code(ended)) == ("timed-out", "timed-out")
    assert ended.exit and "1 min 40 s" in ended.exit.said.en


async def test_case_4_a_clock_that_jumps_kills_nothing(bench: Bench) -> None:
    run = asked(bench, "wait", timeout_seconds=100)
    async with bench.running():
        await bench.begun(run.id)
        # The laptop slept for a night.
        bench.clock.go(8 * 3600)
        is_left_alone(bench, run)
        bench.clock.go(-16 * 3600)
        is_left_alone(bench, run)
        bench.go()
        assert (await bench.ended(run.id)).state == "succeeded"


@pytest.mark.parametrize(("passed", "state"), [(50, "succeeded"), (65, "timed-out")])
async def test_case_4_a_run_that_is_adopted_has_the_margin_at_least(
    bench: Bench, passed: int, state: str
) -> None:
    run = await left_running(bench, "wait", timeout_seconds=100)
    begun = bench.run_folder(run.id).begun()
    assert begun
    bench.clock.time = begun.at + timedelta(hours=8)
    async with bench.running():
        is_left_alone(bench, run)
        bench.passed = passed
        if state == "succeeded":
            is_left_alone(bench, run)
            bench.go()
        assert (await bench.ended(run.id)).state == state


async def test_case_5_what_a_killed_runner_left_is_removed(bench: Bench) -> None:
    run = await left_running(bench)
    folder = bench.run_folder(run.id)
    begun = folder.begun()
    assert begun
    left = (folder.work, folder.home, folder.runtime, folder.path / "steps" / "train" / "work")
    for place in left:
        place.mkdir(parents=True)
        (place / "data").write_text("x")
    kept = folder.path / "steps" / "train" / "notebook.ipynb"
    kept.touch()
    os.kill(begun.pid, signal.SIGKILL)
    async with bench.running():
        assert code(await bench.ended(run.id)) == "lost-machine"
    assert not any(place.exists() for place in left)
    assert kept.exists() and folder.progress.exists()


async def test_case_5_what_cannot_be_removed_holds_nothing_up_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "clear", lambda _: False)
    run = await left_running(bench)
    begun = bench.run_folder(run.id).begun()
    assert begun
    os.kill(begun.pid, signal.SIGKILL)
    await bench.until(lambda: not bench.run_folder(run.id).is_alive())
    async with bench.running():
        is_left_alone(bench, run)
        bench.passed = attending.CLEAR_SECONDS + 1
        assert code(await bench.ended(run.id)) == "lost-machine"


async def test_case_5_a_runner_that_was_killed_is_lost_and_tried_again(bench: Bench) -> None:
    run = asked(bench, "die", retry=Retry(count=1, backoff_seconds=1))
    async with bench.running():
        ended = await bench.ended(run.id)
        assert (ended.state, code(ended)) == ("failed", "lost-machine")
        bench.clock.go(2)
        found = bench.store.job_of_run(run.id)
        assert found
        again = await bench.ended(runs_of(bench.store, found)[1].id)
    assert again.attempt == 2 and len(bench.ran()) == 2


async def test_case_5_a_runner_lost_while_it_was_to_stop_was_stopped(bench: Bench) -> None:
    run = await left_running(bench)
    begun = bench.run_folder(run.id).begun()
    assert begun
    bench.store.ask_cancel(run.id, "ada", NOW)
    os.kill(begun.pid, signal.SIGKILL)
    await bench.until(lambda: not bench.run_folder(run.id).is_alive())
    async with bench.running():
        assert (await bench.ended(run.id)).state == "cancelled"


async def test_case_6_a_runner_that_does_not_begin_is_killed(bench: Bench) -> None:
    run = asked(bench, "hang-before")
    async with bench.running():
        for launch in range(1, attending.MOST_LAUNCHES + 1):
            await bench.until(
                lambda count=launch: (
                    bench.store.launched()
                    and bench.store.launched()[0].launches == count
                    and (bench.engine and bench.engine._children)
                ),
                f"launch {launch}",
            )
            bench.clock.go(61)
        ended = await bench.ended(run.id)
    assert code(ended) == "platform" and bench.ran() == []


async def test_case_7_what_was_taken_and_never_started_is_launched_again(bench: Bench) -> None:
    run = asked(bench, "succeed")
    bench.store.take(run.id, NOW)
    async with bench.running():
        assert (await bench.ended(run.id)).state == "succeeded"
    assert len(bench.ran()) == 1


async def test_case_7_a_runner_of_the_engine_before_and_a_new_one_run_once(bench: Bench) -> None:
    run = asked(bench, "succeed")
    bench.store.take(run.id, NOW)
    folder = bench.run_folder(run.id)
    job, snapshot = bench.store.job_of_run(run.id), bench.store.snapshot(run.version)
    person = await bench.hub.person("ada")
    assert job and person
    folder.write_order(bench.orders.make(run, snapshot, job, person))
    # It was started, and waits for the token that the engine died over.
    early = subprocess.Popen((*RUNNER, str(folder.path)), stdin=subprocess.PIPE)
    async with bench.running():
        await bench.ended(run.id)
    early.communicate(b"token\n")
    assert early.returncode == 3
    assert len(bench.ran()) == 1


async def test_case_7_the_hub_away_does_not_count_as_a_launch(bench: Bench) -> None:
    run = asked(bench, "succeed")
    bench.store.take(run.id, NOW)
    bench.hub.away = True
    async with bench.running():
        await bench.until(lambda: bench.engine and bench.engine._again)
        assert bench.store.launched()[0].launches == 1
        bench.hub.away = False
        assert bench.engine
        bench.engine._again.clear()
        assert (await bench.ended(run.id)).state == "succeeded"


async def test_case_8_a_runner_that_never_begins_is_the_platform_s_fault(bench: Bench) -> None:
    run = asked(bench, "never-begin")
    async with bench.running():
        ended = await bench.ended(run.id)
    assert code(ended) == "platform" and ended.exit and run.id[:8] in ended.exit.said.en
    assert len(bench.hub.made) == attending.MOST_LAUNCHES


async def test_case_8_a_run_that_was_stopped_before_it_began_never_begins(bench: Bench) -> None:
    run = asked(bench, "succeed")
    bench.store.take(run.id, NOW)
    bench.store.ask_cancel(run.id, "ada", NOW)
    async with bench.running():
        assert (await bench.ended(run.id)).state == "cancelled"
    folder = bench.run_folder(run.id)
    job, snapshot = bench.store.job_of_run(run.id), bench.store.snapshot(run.version)
    person = await bench.hub.person("ada")
    assert job and person
    folder.write_order(bench.orders.make(run, snapshot, job, person))
    late = subprocess.run((*RUNNER, str(folder.path)), input=b"token\n", check=False)
    assert late.returncode == 3 and bench.ran() == []

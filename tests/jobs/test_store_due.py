"""Ticks become runs: the numbered cases of nacelle.jobs.store.due, and turns."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from nacelle.jobs.job import Missed, Suspension
from nacelle.jobs.parts import Sentence
from nacelle.jobs.store import JobFilter, Store
from tests.jobs.stored import GRACE, MINUTE, NOW, add, ask, runs_of, spoil, store, under_way

__all__ = ["store"]
# Two ticks after the job was made, and half a minute.
LATER = NOW + 2 * MINUTE
NEXT = NOW + MINUTE


def states(store: Store, job: object) -> list[str]:
    return [run.state for run in runs_of(store, job)]  # type: ignore[arg-type]


def codes(store: Store, job: object) -> list[str | None]:
    return [run.exit.code if run.exit else None for run in runs_of(store, job)]  # type: ignore[arg-type]


def test_case_1_each_tick_is_one_run(store: Store) -> None:
    job = add(store)
    assert store.settle_due(NOW, GRACE) == 0
    assert store.settle_due(NEXT, GRACE) == 1
    assert store.settle_due(NEXT, GRACE) == 0
    (run,) = runs_of(store, job)
    assert (run.scheduled, run.cause, run.state) == (NEXT.replace(second=0), "schedule", "pending")
    assert store.next_due() == LATER.replace(second=0)


def test_case_1_a_tick_that_is_there_already_is_not_doubled(store: Store) -> None:
    job = add(store)
    tick = NEXT.replace(second=0)
    ask(store, job, cause="schedule", asked_by=None, scheduled=tick)
    store.settle_due(NEXT, GRACE)
    assert len(runs_of(store, job)) == 1


def test_case_1_two_engines_at_once_make_one_run_of_a_tick(store: Store, tmp_path: Path) -> None:
    jobs = [add(store) for _ in range(20)]
    others = [Store(tmp_path / "jobs.sqlite") for _ in range(3)]
    threads = [threading.Thread(target=one.settle_due, args=(NEXT, GRACE)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert [len(runs_of(store, job)) for job in jobs] == [1] * 20


def test_case_1_what_fails_half_way_is_done_again_as_a_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add(store), add(store)

    def fail(*_: object) -> None:
        if runs_of(store, first) or runs_of(store, second):
            raise sqlite3.OperationalError("killed here")

    monkeypatch.setattr("nacelle.jobs.store.due.stop_all", fail)
    for job in (first, second):
        ask(store, job)
        store.change_job(job.id, lambda one: one.model_copy(update={"overlap": "replace"}), NOW)
    with pytest.raises(sqlite3.OperationalError):
        store.settle_due(NEXT, GRACE)
    assert len(runs_of(store, first)) == len(runs_of(store, second)) == 1
    monkeypatch.undo()
    assert store.settle_due(NEXT, GRACE) == 2


def test_case_1_a_tick_whose_run_is_forgotten_does_not_come_back(store: Store) -> None:
    job = add(store, overlap="allow")
    store.settle_due(NEXT, GRACE)
    store.ask_cancel(runs_of(store, job)[0].id, "ada", NEXT)
    store.forget(LATER)
    store.settle_due(LATER, GRACE)
    assert [run.scheduled for run in runs_of(store, job)] == [LATER.replace(second=0)]


def test_case_1_what_takes_long_is_done_in_several_transactions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nacelle.jobs.store.due._SECONDS", -1.0)
    jobs = [add(store) for _ in range(3)]
    assert [store.settle_due(NEXT, GRACE) for _ in range(4)] == [1, 1, 1, 0]
    assert [len(runs_of(store, job)) for job in jobs] == [1, 1, 1]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (Missed(policy="skip"), ["skipped"] * 4 + ["pending"]),
        (Missed(policy="latest"), ["skipped"] * 4 + ["pending"]),
        (Missed(policy="all"), ["pending"] * 5),
        (Missed(policy="all", at_most=2), ["skipped"] * 2 + ["pending"] * 3),
    ],
)
def test_case_1_missed_ticks_go_as_the_job_says(
    store: Store, missed: Missed, expected: list[str]
) -> None:
    job = add(store, missed=missed)
    store.settle_due(NOW + 5 * MINUTE, GRACE)
    assert states(store, job) == expected
    assert {code for code in codes(store, job) if code} <= {"missed"}


def test_a_clock_set_back_gives_nothing_twice(store: Store) -> None:
    job = add(store)
    store.settle_due(LATER, GRACE)
    before = len(runs_of(store, job))
    store.settle_due(NEXT, GRACE)
    store.settle_due(LATER, GRACE)
    assert len(runs_of(store, job)) == before


def test_case_2_allow(store: Store) -> None:
    job = add(store, overlap="allow")
    store.settle_due(NEXT, GRACE)
    store.settle_due(LATER, GRACE)
    assert states(store, job) == ["pending", "pending"]
    assert [one.alone for one in store.waiting(LATER)] == [False, False]


def test_case_3_forbid(store: Store) -> None:
    job = add(store, overlap="forbid")
    store.settle_due(NEXT, GRACE)
    store.settle_due(LATER, GRACE)
    assert codes(store, job) == [None, "overlap"]
    assert [one.alone for one in store.waiting(LATER)] == [True]
    store.job_ends_run(runs_of(store, job)[0].id, "succeeded", None, LATER)
    store.settle_due(LATER + MINUTE, GRACE)
    assert states(store, job) == ["succeeded", "skipped", "pending"]


def test_case_3_what_is_caught_up_waits(store: Store) -> None:
    job = add(store, overlap="forbid", missed=Missed(policy="all"))
    ask(store, job)
    store.settle_due(NOW + 3 * MINUTE, GRACE)
    assert codes(store, job) == [None, None, None, "overlap"]


def test_case_4_replace(store: Store) -> None:
    job = add(store, overlap="replace")
    store.settle_due(NEXT, GRACE)
    store.settle_due(LATER, GRACE)
    assert codes(store, job) == ["replaced", None]
    under_way(store, runs_of(store, job)[1])
    store.settle_due(LATER + MINUTE, GRACE)
    assert states(store, job) == ["cancelled", "running", "pending"]
    (launched,) = store.launched()
    assert launched.stop and launched.stop.code == "replaced"


@pytest.mark.parametrize("overlap", ["forbid", "replace"])
def test_case_5_ticks_settled_together_stand_in_line(store: Store, overlap: str) -> None:
    job = add(store, overlap=overlap, missed=Missed(policy="all"))
    store.settle_due(NOW + 4 * MINUTE, GRACE)
    assert states(store, job) == ["pending"] * 4


def test_case_6_what_a_person_asked_for_counts_and_is_never_skipped(store: Store) -> None:
    job = add(store, overlap="forbid")
    ask(store, job)
    store.settle_due(NEXT, GRACE)
    assert codes(store, job) == [None, "overlap"]
    assert ask(store, job).state == "pending"


def test_case_7_a_zone_that_is_gone_suspends_its_job_alone(store: Store, tmp_path: Path) -> None:
    broken, other = add(store, name="Broken"), add(store)
    spoil(tmp_path, broken.id, schedule={"cron": "* * * * *", "zone": "Europe/Gone"})
    assert store.settle_due(NEXT, GRACE, ["root", "ada"]) == 2
    assert states(store, broken) == [] and states(store, other) == ["pending"]
    found = store.job(broken.id)
    assert found and (found.state, found.schedule) == ("suspended", None)
    assert found.suspension and found.suspension.by == "platform"
    assert "Europe/Gone" in found.suspension.why.fr
    for person in ("ada", "root"):
        (message,) = store.messages_of(person)
        assert message.job == broken.id and message.said.en.startswith("“Broken”: It was suspended")
    assert store.settle_due(NEXT, GRACE) == 0


def test_case_7_a_row_that_is_no_job_any_more_is_due_no_more(store: Store, tmp_path: Path) -> None:
    broken, other = add(store, name="Broken"), add(store)
    spoil(tmp_path, broken.id, nonsense=1)
    assert store.settle_due(NEXT, GRACE, ["root"]) == 2
    assert states(store, broken) == [] and states(store, other) == ["pending"]
    assert store.next_due() == LATER.replace(second=0)
    assert store.settle_due(NEXT, GRACE) == 0
    (message,) = store.messages_of("root")
    assert broken.id[:8] in message.said.en and "Broken" in message.said.fr
    assert [one.id for one in store.jobs(JobFilter())] == [other.id]


def test_case_7_what_was_half_settled_is_undone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = add(store, overlap="replace")
    other = add(store)
    before = ask(store, broken)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("nacelle.jobs.store.due.stop_all", fail)
    store.settle_due(NOW + 3 * MINUTE, GRACE)
    assert runs_of(store, broken) == [before]
    assert states(store, other)[-1] == "pending"
    found = store.job(broken.id)
    assert found and (found.state, found.schedule) == ("suspended", broken.schedule)
    assert found.suspension and broken.id[:8] in found.suspension.why.en


def test_suspended_jobs_have_no_ticks_and_resumed_ones_none_of_the_past(store: Store) -> None:
    job = add(store)
    store.settle_due(NEXT, GRACE)
    why = Suspension(by="ada", at=NEXT, why=Sentence(en="x", fr="x"))
    change = {"state": "suspended", "suspension": why}
    store.change_job(job.id, lambda one: one.model_copy(update=change), NEXT)
    assert store.next_due() is None
    assert [one.let_go for one in store.waiting(LATER)] == [True]
    change = {"state": "armed", "suspension": None}
    store.change_job(job.id, lambda one: one.model_copy(update=change), NOW + 5 * MINUTE)
    store.settle_due(NOW + 6 * MINUTE, GRACE)
    assert [run.scheduled.minute for run in runs_of(store, job)] == [1, 6]


def test_a_run_is_taken_once_and_can_be_put_back(store: Store) -> None:
    run = ask(store, add(store))
    assert store.take(run.id, NOW) == run
    assert store.take(run.id, NOW) is None
    assert store.waiting(NOW) == []
    assert store.take_again(run.id, NOW) == 2
    store.put_back(run.id, NEXT, NOW)
    assert store.waiting(NOW) == [] and [one.run for one in store.waiting(NEXT)] == [run.id]
    # What was not launched does not count as a launch.
    for _ in range(3):
        store.take(run.id, NEXT)
        store.put_back(run.id, NEXT, NOW)
    store.take(run.id, NEXT)
    assert store.launched()[0].launches == 2


def test_a_run_that_is_stopped_while_it_is_taken_does_not_wait_again(store: Store) -> None:
    run = ask(store, add(store))
    store.take(run.id, NOW)
    store.ask_cancel(run.id, "ada", NOW)
    store.put_back(run.id, NEXT, NOW)
    found = store.run(run.id)
    assert found and found.state == "cancelled"


def test_a_run_begins_once(store: Store) -> None:
    run = under_way(store, ask(store, add(store)))
    assert (run.state, run.started) == ("running", NOW)
    assert store.begun(run.id, LATER) == run


def test_one_with_thousands_hides_nobody(store: Store) -> None:
    many = add(store, owner="ada")
    for _ in range(150):
        ask(store, many)
    other = ask(store, add(store, owner="bob"), NOW + timedelta(seconds=1))
    found = store.waiting(NOW + MINUTE)
    assert len(found) == 101 and other.id in [one.run for one in found]


def test_tokens_are_revoked_when_their_run_is_over(store: Store) -> None:
    run = ask(store, add(store))
    store.take(run.id, NOW)
    store.keep_token(run.id, "ada", "a1")
    store.keep_token(run.id, "ada", "a2")
    assert store.tokens_to_revoke() == []
    store.job_ends_run(run.id, "succeeded", None, NOW)
    assert store.tokens_to_revoke() == [("ada", "a1"), ("ada", "a2")]
    store.forget_token("ada", "a1")
    assert store.tokens_to_revoke() == [("ada", "a2")]

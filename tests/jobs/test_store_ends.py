"""The end of a run: the numbered cases of nacelle.jobs.store.ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Exit, Job, Notify, Retry, Run, Suspension
from nacelle.jobs.parts import Sentence
from nacelle.jobs.states import IllegalTransition, RunEvent
from nacelle.jobs.store import Outputs, Store
from nacelle.language import Said
from tests.jobs.stored import MINUTE, NOW, add, ask, runs_of, store, under_way

__all__ = ["store"]
FAILED = explain("exception", cell=3, error="ValueError", message="no")
ENDS = NOW + MINUTE


def ends(
    store: Store, job: Job, event: RunEvent = "failed", exit: Exit | None = FAILED, **asked: object
) -> Run:
    run = under_way(store, ask(store, job, **asked))
    return store.job_ends_run(run.id, event, None if event == "succeeded" else exit, ENDS)


def state_of(store: Store, job: Job) -> str:
    found = store.job(job.id)
    assert found
    return found.state


def test_case_1_the_same_told_again_changes_nothing(store: Store) -> None:
    job = add(store, notify=Notify(webhook="https://chat.example.org/a"), retry=Retry(count=1))
    run = ends(store, job)
    assert (run.state, run.exit, run.ended) == ("failed", FAILED, ENDS)
    assert store.job_ends_run(run.id, "failed", FAILED, ENDS + MINUTE) == run
    assert len(runs_of(store, job)) == 2
    with pytest.raises(IllegalTransition):
        store.job_ends_run(run.id, "succeeded", None, ENDS)
    with pytest.raises(LookupError):
        store.job_ends_run("f" * 32, "succeeded", None, ENDS)


def test_outputs_are_kept_with_the_run(store: Store) -> None:
    run = under_way(store, ask(store, add(store)))
    outputs = Outputs(notebook="s3://user-ada/a.ipynb", log="s3://user-ada/a.log")
    store.job_ends_run(run.id, "succeeded", None, ENDS, outputs=outputs)
    found = store.run(run.id)
    assert found and (found.notebook, found.html, found.log) == outputs


def test_case_2_a_success_proves_and_arms(store: Store) -> None:
    job = add(store, state="draft")
    assert store.next_due() is None
    ends(store, job, "succeeded")
    found = store.job(job.id)
    assert found and (found.state, found.proved) == ("armed", job.snapshot.version)
    # Ticks count from the moment it was armed.
    assert store.next_due() == ENDS.replace(second=0) + MINUTE


def test_case_2_a_failure_leaves_a_draft(store: Store) -> None:
    job = add(store, state="draft")
    ends(store, job)
    assert state_of(store, job) == "draft"


def test_case_3_a_success_of_another_version_arms_nothing(store: Store) -> None:
    job = add(store, state="draft")
    run = under_way(store, ask(store, job))
    store.change_job(job.id, lambda one: one.model_copy(update={"timeout_seconds": 99}), NOW)
    store.job_ends_run(run.id, "succeeded", None, ENDS)
    found = store.job(job.id)
    assert found and (found.state, found.proved) == ("draft", None)


def test_case_4_attempts_follow_each_after_a_longer_while(store: Store) -> None:
    job = add(store, retry=Retry(count=2, backoff_seconds=60, factor=3))
    first = ends(store, job)
    _, second = runs_of(store, job)
    assert (second.attempt, second.cause, second.retry_of) == (2, "retry", first.id)
    assert second.scheduled == first.scheduled and second.state == "pending"
    assert store.next_waiting(ENDS) == ENDS + MINUTE
    assert store.waiting(ENDS + timedelta(seconds=59)) == []
    assert [one.run for one in store.waiting(ENDS + MINUTE)] == [second.id]
    under_way(store, second)
    store.job_ends_run(second.id, "timed-out", explain("timed-out", limit="1 h"), ENDS)
    assert store.next_waiting(ENDS) == ENDS + 3 * MINUTE
    third = runs_of(store, job)[-1]
    store.job_ends_run(third.id, "failed", FAILED, ENDS)
    assert [run.attempt for run in runs_of(store, job)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("event", "exit"),
    [
        ("succeeded", None),
        ("cancelled", explain("cancelled", by="ada")),
        ("failed", explain("kernel-missing", kernel="ir")),
        ("failed", explain("keys-refused", message="gone", owner="ada")),
    ],
)
def test_case_4_nothing_follows_what_trying_cannot_help(
    store: Store, event: RunEvent, exit: Exit
) -> None:
    job = add(store, retry=Retry(count=3))
    ends(store, job, event, exit)
    assert len(runs_of(store, job)) == 1


def test_case_4_nothing_follows_in_a_suspended_or_deleted_job(store: Store) -> None:
    suspended, deleted = add(store, retry=Retry(count=3)), add(store, retry=Retry(count=3))
    runs = [under_way(store, ask(store, job)) for job in (suspended, deleted)]
    why = Suspension(by="ada", at=NOW, why=Sentence(en="x", fr="x"))
    change = {"state": "suspended", "suspension": why}
    store.change_job(suspended.id, lambda one: one.model_copy(update=change), NOW)
    store.delete_job(deleted.id, "ada", NOW, keep_runs=True)
    for run in runs:
        store.job_ends_run(run.id, "failed", FAILED, ENDS)
    assert len(runs_of(store, suspended)) == len(runs_of(store, deleted)) == 1
    assert state_of(store, suspended) == "suspended"


def test_case_5_only_the_last_attempt_is_told(store: Store) -> None:
    notify = Notify(mail=("a@example.org",), webhook="https://chat.example.org/a")
    job = add(store, retry=Retry(count=1), notify=notify)
    ends(store, job)
    assert store.messages_of("ada", 0) == [] and store.notices_due(ENDS) == []
    second = runs_of(store, job)[-1]
    store.job_ends_run(second.id, "failed", FAILED, ENDS)
    (message,) = store.messages_of("ada", 0)
    assert message.run == second.id and "ValueError" in message.said.en
    assert "Monthly figures" in message.said.fr
    told = [(one.run.id, one.channel, one.target, one.attempts) for one in store.notices_due(ENDS)]
    assert told == [
        (second.id, "mail", "a@example.org", 0),
        (second.id, "webhook", "https://chat.example.org/a", 0),
    ]


@pytest.mark.parametrize(("when", "told"), [("failure", 0), ("always", 2)])
def test_successes_and_cancelled_runs_are_told_when_the_job_says_always(
    store: Store, when: str, told: int
) -> None:
    job = add(store, notify=Notify.model_validate({"when": when}))
    ends(store, job, "succeeded")
    ends(store, job, "cancelled", explain("cancelled", by="ada"))
    assert len(store.messages_of("ada", 0)) == told


def test_nobody_is_told_in_lab_who_does_not_want_to(store: Store) -> None:
    ends(store, add(store, notify=Notify(in_lab=False)))
    assert store.messages_of("ada", 0) == []


def test_case_6_a_run_that_was_not_launched_ends_at_once(store: Store) -> None:
    job = add(store)
    run = store.ask_cancel(ask(store, job).id, "bob", ENDS)
    assert run.state == "cancelled" and run.exit and "bob" in run.exit.said.en
    assert store.take(run.id, ENDS) is None
    assert store.ask_cancel(run.id, "ada", ENDS) == run


def test_case_6_a_run_under_way_is_stopped_by_the_engine_and_says_by_whom(store: Store) -> None:
    run = under_way(store, ask(store, add(store)))
    assert store.ask_cancel(run.id, "bob", ENDS).state == "running"
    store.ask_cancel(run.id, "eve", ENDS)
    (launched,) = store.launched()
    assert launched.stop and "bob" in launched.stop.said.en and launched.stop_asked == ENDS
    ended = store.job_ends_run(run.id, "cancelled", explain("cancelled", by="?"), ENDS)
    assert ended.exit == launched.stop
    over = ends(store, add(store), "succeeded")
    with pytest.raises(IllegalTransition):
        store.ask_cancel(over.id, "ada", ENDS)


@pytest.mark.parametrize("event", ["succeeded", "failed", "timed-out"])
def test_case_7_a_run_that_was_asked_to_stop_moves_nothing_on(
    store: Store, event: RunEvent
) -> None:
    job = add(store, state="draft", retry=Retry(count=2))
    run = under_way(store, ask(store, job))
    store.ask_cancel(run.id, "bob", NOW)
    ended = store.job_ends_run(run.id, event, None if event == "succeeded" else FAILED, ENDS)
    assert ended.state == event
    found = store.job(job.id)
    assert found and (found.state, found.proved) == ("draft", None)
    assert len(runs_of(store, job)) == 1


def test_runs_are_stopped_with_the_change_of_their_job(store: Store) -> None:
    job = add(store, overlap="allow", retry=Retry(count=2), notify=Notify(when="always"))
    over = ends(store, job, "succeeded")
    waiting, running, elsewhere = ask(store, job), ask(store, job), ask(store, add(store))
    under_way(store, running)
    taken = explain("taken-over", by="bob")
    change = {"owner": "bob", "state": "draft", "proved": None}
    store.change_job(job.id, lambda one: one.model_copy(update=change), NOW, stop_runs=taken)
    ended = store.run(waiting.id)
    assert ended and (ended.state, ended.exit) == ("cancelled", taken)
    (launched,) = store.launched()
    assert (launched.run.id, launched.stop) == (running.id, taken)
    # Its runner was quicker than the stop: it ran with the keys of the owner before.
    store.job_ends_run(running.id, "succeeded", None, ENDS)
    found = store.job(job.id)
    assert found and (found.owner, found.state, found.proved) == ("bob", "draft", None)
    kept = [store.run(one.id) for one in (over, elsewhere)]
    assert [one and one.state for one in kept] == ["succeeded", "pending"]


def test_a_change_that_fails_or_changes_nothing_stops_nothing(store: Store) -> None:
    run = ask(store, job := add(store))

    def fail(_: Job) -> Job:
        raise IllegalTransition(Said("no", "non"))

    taken = explain("taken-over", by="bob")
    with pytest.raises(IllegalTransition):
        store.change_job(job.id, fail, NOW, stop_runs=taken)
    store.change_job(job.id, lambda one: one, NOW, stop_runs=taken)
    assert [one.run for one in store.waiting(NOW)] == [run.id]


def test_a_notice_is_tried_again_and_given_up(store: Store) -> None:
    ends(store, add(store, notify=Notify(mail=("a@example.org",), in_lab=False)))
    (notice,) = store.notices_due(ENDS)
    store.notice_failed(notice.id, ENDS + MINUTE)
    assert store.notices_due(ENDS + MINUTE - timedelta(seconds=1)) == []
    (again,) = store.notices_due(ENDS + MINUTE)
    assert again.attempts == 1
    store.notice_given_up(again, Sentence(en="Could not", fr="Impossible"), ENDS)
    assert store.notices_due(ENDS + 60 * MINUTE) == []
    assert store.messages_of("ada", 0)[0].said.en == "Could not"

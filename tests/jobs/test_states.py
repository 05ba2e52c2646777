"""The numbered cases of nacelle.jobs.states, a test each."""

from __future__ import annotations

from typing import get_args

import pytest

from nacelle.jobs.job import ENDS, JobState, RunState
from nacelle.jobs.states import IllegalTransition, JobEvent, RunEvent, job_after, run_after


def test_case_1_started() -> None:
    assert run_after("pending", "started") == "running"


def test_case_2_cancelled_before_it_ran() -> None:
    assert run_after("pending", "cancelled") == "cancelled"


def test_case_3_skipped() -> None:
    assert run_after("pending", "skipped") == "skipped"


def test_case_4_cannot_start() -> None:
    assert run_after("pending", "failed") == "failed"


def test_case_5_time_is_up_before_it_ran() -> None:
    assert run_after("pending", "timed-out") == "timed-out"


def test_case_6_nobody_saw_it_start() -> None:
    assert run_after("pending", "succeeded") == "succeeded"


def test_case_7_to_10_ends_of_what_runs() -> None:
    for end in ("succeeded", "failed", "timed-out", "cancelled"):
        assert run_after("running", end) == end


def test_case_11_what_runs_is_not_skipped() -> None:
    with pytest.raises(IllegalTransition):
        run_after("running", "skipped")


def test_case_12_told_twice() -> None:
    assert run_after("running", "started") == "running"
    for end in ENDS:
        assert run_after(end, end) == end


def test_case_13_what_is_over_stays() -> None:
    for end in ENDS:
        for event in set(get_args(RunEvent)) - {end}:
            with pytest.raises(IllegalTransition) as caught:
                run_after(end, event)
            assert caught.value.said.en != caught.value.said.fr


def test_case_14_a_success_arms() -> None:
    assert job_after("draft", "run-succeeded") == "armed"


def test_case_15_a_failure_does_not() -> None:
    assert job_after("draft", "run-failed") == "draft"


def test_case_16_armed_by_hand() -> None:
    assert job_after("draft", "armed-by-hand") == "armed"


def test_case_17_armed_stays_armed() -> None:
    assert job_after("armed", "run-failed") == job_after("armed", "run-succeeded") == "armed"


def test_case_18_other_work_is_a_draft() -> None:
    assert job_after("armed", "work-edited") == job_after("draft", "work-edited") == "draft"


def test_case_19_other_terms_change_nothing() -> None:
    for state in get_args(JobState):
        assert job_after(state, "terms-edited") == state


def test_case_20_any_job_can_be_suspended() -> None:
    for state in get_args(JobState):
        assert job_after(state, "suspended") == "suspended"


def test_case_21_resumed() -> None:
    assert job_after("suspended", "resumed-proved") == "armed"
    assert job_after("suspended", "resumed-unproved") == "draft"


def test_case_22_suspended_stays_suspended() -> None:
    for event in ("work-edited", "run-succeeded", "run-failed"):
        assert job_after("suspended", event) == "suspended"


def test_case_23_what_is_refused() -> None:
    for state, event in (
        ("draft", "resumed-proved"),
        ("draft", "resumed-unproved"),
        ("armed", "resumed-proved"),
        ("armed", "resumed-unproved"),
        ("armed", "armed-by-hand"),
        ("suspended", "armed-by-hand"),
    ):
        with pytest.raises(IllegalTransition):
            job_after(state, event)


def test_the_cases_are_all() -> None:
    """Each pair has an answer or a refusal, and refusals of jobs are those of case 23."""
    refused = 0
    for state in get_args(JobState):
        for event in get_args(JobEvent):
            try:
                assert job_after(state, event) in get_args(JobState)
            except IllegalTransition:
                refused += 1
    assert refused == 6
    assert set(get_args(RunState)) == ENDS | {"pending", "running"}

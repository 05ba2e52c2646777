"""Which waiting runs start: the numbered cases of nacelle.jobs.engine.admission."""

from __future__ import annotations

from itertools import count

from nacelle.jobs.engine.admission import Limits, choose
from nacelle.jobs.store.rows import Waiting

_numbers = count()


def waits(owner: str, job: str = "", alone: bool = False) -> Waiting:
    number = next(_numbers)
    return Waiting(f"run{number}", job or f"job{number}", owner, alone, let_go=False)


def owners(chosen: list[Waiting]) -> str:
    return "".join(one.owner for one in chosen)


def test_case_1_never_more_than_the_platform_allows() -> None:
    waiting = [waits(owner) for owner in "abcdef"]
    assert len(choose(waiting, [], Limits(4, 9))) == 4
    assert len(choose(waiting, [("x", "j1"), ("y", "j2"), ("z", "j3")], Limits(4, 9))) == 1
    full = [("x", str(number)) for number in range(5)]
    assert choose(waiting, full, Limits(4, 9)) == []


def test_case_1_never_more_of_one_owner_than_each_may() -> None:
    waiting = [waits("a") for _ in range(5)]
    assert len(choose(waiting, [], Limits(9, 2))) == 2
    assert len(choose(waiting, [("a", "j")], Limits(9, 2))) == 1


def test_case_2_who_has_fewest_comes_first_then_who_waited_longest() -> None:
    waiting = [waits("a"), waits("a"), waits("a"), waits("b"), waits("c")]
    assert owners(choose(waiting, [], Limits(5, 9))) == "abcaa"
    assert owners(choose(waiting, [("a", "j"), ("a", "k")], Limits(5, 9))) == "bca"
    same = [waits("a"), waits("a")]
    assert choose(same, [], Limits(1, 9)) == same[:1]


def test_case_3_a_job_that_lets_no_two_run_has_one_under_way() -> None:
    first, second = waits("a", "j", alone=True), waits("a", "j", alone=True)
    assert choose([first, second], [], Limits(9, 9)) == [first]
    assert choose([second], [("a", "j")], Limits(9, 9)) == []
    both = [waits("a", "k"), waits("a", "k")]
    assert choose(both, [("a", "k")], Limits(9, 9)) == both


def test_case_4_nobody_is_held_up_by_another() -> None:
    blocked = waits("a", "j", alone=True)
    free = waits("a", "k", alone=True)
    assert choose([blocked, free], [("a", "j")], Limits(9, 9)) == [free]
    waiting = [waits("a"), waits("a"), waits("b")]
    assert owners(choose(waiting, [("a", "j"), ("a", "k")], Limits(9, 2))) == "b"

"""The numbered cases of nacelle.jobs.schedule, a test each, and the limits' interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from nacelle.jobs.parts import Missed, Schedule
from nacelle.jobs.schedule import (
    MOST_SKIPPED,
    due,
    next_times,
    settle,
    shifted,
    shortest_interval,
)
from tests.jobs.samples import NOON

PARIS = ZoneInfo("Europe/Paris")
# In 2026 Paris skips 02:00-03:00 on 29 March and shows it twice on 25 October.
BEFORE_SPRING = datetime(2026, 3, 28, 12, tzinfo=PARIS)
BEFORE_AUTUMN = datetime(2026, 10, 24, 12, tzinfo=PARIS)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def paris(line: str) -> Schedule:
    return Schedule(cron=line, zone="Europe/Paris")


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_case_1_ticks_are_utc_by_the_zone_s_clock() -> None:
    times = next_times(paris("0 6 1 * *"), NOON, 3)
    assert times == [utc(2, 1, 5), utc(3, 1, 5), utc(4, 1, 4)]
    assert all(time.tzinfo is UTC for time in times)
    assert next_times(Schedule(cron="0 6 * * *"), NOON, 1) == [utc(1, 11, 6)]


def test_case_2_a_fixed_time_in_a_skipped_hour_comes_after_it() -> None:
    times = next_times(paris("30 2 * * *"), BEFORE_SPRING, 2)
    assert times == [utc(3, 29, 1), utc(3, 30, 0, 30)]
    assert times[0].astimezone(PARIS).hour == 3
    # Two that fall into it are one run.
    assert next_times(paris("0,30 2 * * *"), BEFORE_SPRING, 2) == [utc(3, 29, 1), utc(3, 30, 0)]


def test_case_3_a_fixed_time_in_a_doubled_hour_comes_once() -> None:
    assert next_times(paris("30 2 * * *"), BEFORE_AUTUMN, 2) == [
        utc(10, 25, 0, 30),
        utc(10, 26, 1, 30),
    ]


def test_case_4_intervals_go_by_real_time() -> None:
    spring = next_times(paris("*/30 * * * *"), BEFORE_SPRING, 60)
    autumn = next_times(paris("*/30 * * * *"), BEFORE_AUTUMN, 60)
    for times in (spring, autumn):
        assert {later - early for early, later in pairwise(times)} == {30 * MINUTE}
    walls = [time.astimezone(PARIS).strftime("%d %H:%M") for time in autumn]
    assert walls.count("25 02:30") == 2
    assert next_times(paris("*/30 2 * * *"), BEFORE_SPRING, 1) == [utc(3, 30, 0)]


@pytest.mark.parametrize("minute", [0, 15, 30, 31, 59])
def test_case_5_ticks_are_after_what_was_asked(minute: int) -> None:
    # Within the second half of the doubled hour, where clocks show what they showed before.
    after = utc(10, 25, 1, minute)
    times = next_times(paris("0,30 2,3 * * *"), after, 4)
    assert times == [utc(10, 25, 2), utc(10, 25, 2, 30), utc(10, 26, 1), utc(10, 26, 1, 30)]


def test_case_5_the_edges() -> None:
    schedule = Schedule(cron="0 * * * *")
    assert list(due(schedule, utc(1, 1, 0), utc(1, 1, 2))) == [utc(1, 1, 1), utc(1, 1, 2)]
    assert list(due(schedule, utc(1, 1, 0), utc(1, 1, 0, 59))) == []
    assert list(due(schedule, utc(1, 1, 2), utc(1, 1, 1))) == []


HOURLY = Schedule(cron="0 * * * *")
GRACE = timedelta(seconds=90)


def test_case_6_a_tick_within_the_grace_runs_whatever_the_policy() -> None:
    for policy in ("skip", "latest", "all"):
        settled = settle(HOURLY, Missed(policy=policy), utc(1, 1, 0), utc(1, 1, 1) + MINUTE, GRACE)
        assert settled == ((utc(1, 1, 1),), (), 0)


def test_case_7_skip() -> None:
    settled = settle(HOURLY, Missed(policy="skip"), utc(1, 1, 0), utc(1, 1, 3, 30), GRACE)
    assert settled == ((), (utc(1, 1, 1), utc(1, 1, 2), utc(1, 1, 3)), 3)


def test_case_8_latest() -> None:
    latest = Missed(policy="latest")
    settled = settle(HOURLY, latest, utc(1, 1, 0), utc(1, 1, 3, 30), GRACE)
    assert settled == ((utc(1, 1, 3),), (utc(1, 1, 1), utc(1, 1, 2)), 2)
    settled = settle(HOURLY, latest, utc(1, 1, 0), utc(1, 1, 3), GRACE)
    assert settled == ((utc(1, 1, 3),), (utc(1, 1, 1), utc(1, 1, 2)), 2)


def test_case_9_all_within_the_bound() -> None:
    both = Missed(policy="all", at_most=2)
    settled = settle(HOURLY, both, utc(1, 1, 0), utc(1, 1, 4), GRACE)
    assert settled == ((utc(1, 1, 2), utc(1, 1, 3), utc(1, 1, 4)), (utc(1, 1, 1),), 1)
    long = settle(HOURLY, both, utc(1, 1, 0), utc(1, 31, 0, 30), GRACE)
    assert long.run == (utc(1, 30, 23), utc(1, 31, 0))
    assert len(long.skipped) == MOST_SKIPPED
    assert long.skipped[-1] == utc(1, 30, 22)
    assert long.passed == 30 * 24 - 2


def test_case_10_a_clock_set_back() -> None:
    settled = settle(HOURLY, Missed(policy="all"), utc(1, 1, 5), utc(1, 1, 3), GRACE)
    assert settled == ((), (), 0)


def test_case_11_more_than_a_year_ago() -> None:
    yearly = Schedule(cron="0 0 1 2 *")
    settled = settle(yearly, Missed(policy="all"), datetime(2019, 1, 1, tzinfo=UTC), NOON, GRACE)
    assert settled.run == (datetime(2025, 2, 1, tzinfo=UTC),)
    assert settled.passed == 0


def test_every_tick_is_settled_once_however_often_one_looks() -> None:
    schedule, policy = paris("*/5 * * * *"), Missed(policy="all", at_most=100)
    whole = settle(schedule, policy, utc(3, 29, 0), utc(3, 29, 6), GRACE).run
    parts = []
    looks = [utc(3, 29, 0) + minutes * MINUTE for minutes in (0, 1, 5, 5, 63, 64, 200, 360)]
    for early, late in pairwise(looks):
        parts += settle(schedule, policy, early, late, GRACE).run
    assert parts == list(whole)
    assert len(whole) == 72


@pytest.mark.parametrize(
    ("line", "shortest"),
    [
        ("* * * * *", MINUTE),
        ("*/7 * * * *", 4 * MINUTE),
        ("0,59 * * * *", MINUTE),
        ("59 23 * * *", 23 * HOUR),
        ("0 0,23 1,15 * *", 23 * HOUR),
        ("0 0,23 14-15 * *", HOUR),
        ("0 6 1 * *", 28 * DAY),
        ("0 6 1 4 *", 365 * DAY),
        ("0 0 29 2 *", 1461 * DAY),
        # A skipped hour brings 02:30 to 03:00.
        ("30 2 * * *", 23 * HOUR + 30 * MINUTE),
        ("45,59 2 * * *", 14 * MINUTE),
    ],
)
def test_the_shortest_interval(line: str, shortest: timedelta) -> None:
    assert shortest_interval(paris(line), NOON) == shortest


def test_the_shortest_interval_is_that_of_the_ticks() -> None:
    for line in ("20 */3 * * *", "5,50 1,3 * * 1,2", "*/30 2-3 * * *", "15 3,2 */10 * *"):
        times = list(due(paris(line), NOON, NOON + 366 * DAY))
        counted = min(later - early for early, later in pairwise(times))
        assert shortest_interval(paris(line), NOON) == counted, line


def test_times_that_clocks_move_are_told() -> None:
    spring, autumn = shifted(paris("30 2 * * *"), NOON)
    assert spring == (datetime(2026, 3, 29, 2, 30), utc(3, 29, 1), False)
    assert autumn == (datetime(2026, 10, 25, 2, 30), utc(10, 25, 0, 30), True)
    assert shifted(paris("0 3 * * *"), NOON) == []
    assert shifted(paris("*/5 * * * *"), NOON) == []
    assert shifted(Schedule(cron="30 2 * * *"), NOON) == []
    for one in (spring, autumn):
        assert one.tick in list(due(paris("30 2 * * *"), one.tick - DAY, one.tick))

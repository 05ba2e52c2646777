"""When a job is due: its ticks, and what becomes of those that were missed.

Ticks, each case with a test of its number in tests/jobs/test_schedule.py:

1. A tick is a moment in UTC; the cron line is read on the clock of the schedule's zone.
2. Fixed times (neither minute nor hour starts with `*`) that fall into an hour that the clocks
   skip come once, at the first moment after it.
3. Fixed times that fall into an hour that the clocks show twice come once, the first time.
4. Intervals (minute or hour starts with `*`) go by real time: nothing in a skipped hour, and in
   an hour shown twice both times.
5. Ticks are always later than `after`, and each later than the one before.

Missed ticks (`settle`), with `after` the last tick that was settled:

6. A tick not older than `grace` is on time and runs, whatever the policy.
7. `skip`: older ones are skipped.
8. `latest`: the newest of the older ones runs, unless one is on time; the rest are skipped.
9. `all`: the newest `at_most` of the older ones run, oldest first; the rest are skipped.
10. A clock set back gives nothing until it is past the last settled tick again.
11. Ticks older than a year are let go by without a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from nacelle.jobs.cron import Cron
from nacelle.jobs.parts import Missed, Schedule
from nacelle.jobs.zones import clock_changes

MOST_SKIPPED = 100
_YEAR = timedelta(days=366)
_DAY = timedelta(days=1)


class Settled(NamedTuple):
    """What to do about the ticks of a while: run some, record others as skipped.

    Both oldest first; `skipped` holds the newest MOST_SKIPPED, `passed` counts all skipped ones.
    """

    run: tuple[datetime, ...]
    skipped: tuple[datetime, ...]
    passed: int


class Shifted(NamedTuple):
    """A fixed time that the clocks skip or show twice: `wall` is the local time, `tick` the run."""

    wall: datetime
    tick: datetime
    twice: bool


def ticks(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every tick after an aware moment, in UTC; ends when fifty years have none."""
    last = after.astimezone(UTC)
    for moment in CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))):
        tick = moment.astimezone(UTC)
        # Started within a doubled hour, cronsim goes back to its first half.
        if tick > last:
            last = tick
            yield tick


def next_times(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The first `count` ticks after a moment, in UTC."""
    return list(islice(ticks(schedule, after), count))


def due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks in (after, until]."""
    return takewhile(lambda tick: tick <= until, ticks(schedule, after))


def settle(
    schedule: Schedule, missed: Missed, after: datetime, now: datetime, grace: timedelta
) -> Settled:
    """Sort the ticks in (after, now] into those to run and those to skip (cases 6 to 11)."""
    keep = {"skip": 0, "latest": 1, "all": missed.at_most}[missed.policy]
    late: deque[datetime] = deque(maxlen=keep + MOST_SKIPPED)
    on_time: list[datetime] = []
    count = 0
    for tick in due(schedule, max(after, now - _YEAR), now):
        if now - tick <= grace:
            on_time.append(tick)
        else:
            late.append(tick)
            count += 1
    if missed.policy == "latest" and on_time:
        keep = 0
    keep = min(keep, count)
    caught_up = list(late)[len(late) - keep :]
    skipped = list(late)[: len(late) - keep][-MOST_SKIPPED:]
    return Settled((*caught_up, *on_time), tuple(skipped), count - keep)


def shortest_interval(schedule: Schedule, after: datetime) -> timedelta:
    """The shortest time between two ticks that follow each other within a year after a moment.

    Counted from the fields, not tick by tick, but around changes of the clocks.
    """
    cron = schedule.read()
    times = [
        timedelta(hours=hour, minutes=minute) for hour in cron.hours for minute in cron.minutes
    ]
    gaps = {later - early for early, later in pairwise(times)}
    days = _days(cron, after)
    gaps |= {(later - early) - times[-1] + times[0] for early, later in pairwise(days)}
    for change in clock_changes(schedule.zone, after, after + _YEAR):
        around = due(schedule, change.at - 2 * _DAY, change.at + 2 * _DAY)
        gaps |= {later - early for early, later in pairwise(around)}
    return min(gaps)


def shifted(schedule: Schedule, after: datetime) -> list[Shifted]:
    """The fixed times of the coming year that a change of the clocks moves or doubles.

    Engines differ on these (Kubernetes leaves out the skipped and runs the doubled twice), so a
    form shows them.
    """
    cron = schedule.read()
    if not cron.at_fixed_times:
        return []
    zone = ZoneInfo(schedule.zone)
    found = []
    for change in clock_changes(schedule.zone, after, after + _YEAR):
        first = (change.at + change.before).replace(tzinfo=None)
        second = (change.at + change.after).replace(tzinfo=None)
        start, end = min(first, second), max(first, second)
        for wall in CronSim(schedule.cron, start - timedelta(seconds=1)):
            if wall >= end:
                break
            twice = second < first
            tick = wall.replace(tzinfo=zone).astimezone(UTC) if twice else change.at
            found.append(Shifted(wall, tick, twice))
    return found


def _days(cron: Cron, after: datetime) -> list[date]:
    """The days that the line names: those of a year, and one more at least."""
    line = " ".join(["0", "0", *cron.fields[2:]])
    start = after.replace(tzinfo=None)
    days: list[date] = []
    for day in CronSim(line, start - _DAY):
        days.append(day.date())
        if len(days) > 1 and day > start + _YEAR:
            break
    return days

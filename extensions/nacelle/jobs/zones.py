"""Time zones by their IANA names, and when their clocks change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from nacelle.jobs.refusal import Refused

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# Files beside the zones that stand for the machine's own or for none.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


class ClockChange(NamedTuple):
    """The instant (UTC) at which a zone's clocks change, and its offsets before and after."""

    at: datetime
    before: timedelta
    after: timedelta


def zone_name(name: str) -> str:
    """An IANA zone's name. Raises Refused, with the nearest known one."""
    if name in _zones():
        return name
    near = difflib.get_close_matches(name, _zones(), n=1) or _ending_in(name)
    en = f"did you mean {near[0]}?" if near else "write one such as Europe/Paris or UTC."
    fr = f"vouliez-vous {near[0]} ?" if near else "écrivez-en un comme Europe/Paris ou UTC."
    raise Refused(
        "schedule.zone",
        f"{name[:60]!r} is not the name of a time zone; {en}",
        f"« {name[:60]} » n'est pas le nom d'un fuseau horaire ; {fr}",
    )


def clock_changes(zone: str, after: datetime, until: datetime) -> Iterator[ClockChange]:
    """Every change of the clocks of `zone` in (after, until], in order."""
    place = ZoneInfo(zone)

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(place).utcoffset() or timedelta()

    day = after.astimezone(UTC).replace(microsecond=0)
    while day < until:
        following = min(day + _DAY, until)
        if offset(day) != offset(following):
            early, late = day, following
            while late - early > _SECOND:
                middle = early + ((late - early) // 2 // _SECOND or 1) * _SECOND
                early, late = (middle, late) if offset(middle) == offset(day) else (early, middle)
            yield ClockChange(late, offset(day), offset(late))
        day = following


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


def _ending_in(name: str) -> list[str]:
    """Zones of a city that was written alone, e.g. paris."""
    city = "/" + name.strip().replace(" ", "_").lower()
    return sorted(zone for zone in _zones() if zone.lower().endswith(city))

"""`{scheduled}` and `{actual}` in parameters: the times of a run, written as the person asks.

The cases, a test each in tests/jobs/test_filling.py:

1. `{scheduled}` is when the run was due, `{actual}` when it started, in the schedule's zone.
2. In a date they become 2026-01-31; in a text or date-time 2026-01-31T06:00:00+01:00.
3. `{scheduled:%Y-%m}` is written with that format; the directives are those of DIRECTIVES.
4. `{{scheduled}}` stays as the text `{scheduled}`; every other brace stays as it is.
5. Numbers, yes/no and secrets' names are never filled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from nacelle.jobs.refusal import Refused

if TYPE_CHECKING:
    from nacelle.jobs.parts import Value
    from nacelle.jobs.values import Scalar

# The same on every system and in every language: no names of months or days.
DIRECTIVES = "YymdHMSjGVuz%"
_PLACE = re.compile(
    r"(?P<escaped>\{\{(?P<inner>(?:scheduled|actual)(?::[^{}]*)?)\}\})"
    r"|\{(?P<which>scheduled|actual)(?::(?P<format>[^{}]*))?\}"
)
_EXAMPLE = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)
_Style = Literal["text", "date", "date-time"]


def fills(text: str) -> bool:
    """Whether a time is to be filled in."""
    return any(match["which"] for match in _PLACE.finditer(text))


def check(text: str) -> None:
    """Raise Refused for a format that cannot be used."""
    for match in _PLACE.finditer(text):
        _check_format(match["format"])


def example(text: str, style: _Style) -> str:
    """`text` as it could be in some run."""
    return _fill_text(text, style, _EXAMPLE, _EXAMPLE)


def fill(
    values: Mapping[str, Value], scheduled: datetime, actual: datetime, zone: str
) -> dict[str, Scalar | list[Scalar]]:
    """The plain values that a notebook gets in a run; times are aware, `zone` an IANA name."""
    place = ZoneInfo(zone)
    due, started = scheduled.astimezone(place), actual.astimezone(place)
    return {name: _fill_value(value, due, started) for name, value in values.items()}


def _fill_value(given: Value, due: datetime, started: datetime) -> Scalar | list[Scalar]:
    value = given.value
    if isinstance(value, tuple):
        return [
            _fill_text(one, "text", due, started) if isinstance(one, str) else one for one in value
        ]
    if isinstance(value, str) and given.type in ("text", "date", "date-time"):
        style: _Style = "date" if given.type == "date" else "text"
        return _fill_text(value, style, due, started)
    return value


def _fill_text(text: str, style: _Style, due: datetime, started: datetime) -> str:
    def written(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "{" + match["inner"] + "}"
        moment = (due if match["which"] == "scheduled" else started).replace(microsecond=0)
        if match["format"] is None:
            return moment.date().isoformat() if style == "date" else moment.isoformat()
        return moment.strftime(match["format"])

    return _PLACE.sub(written, text)


def _check_format(form: str | None) -> None:
    if form is None:
        return
    unknown = [
        found for found in re.findall(r"%(.?)", form) if not found or found not in DIRECTIVES
    ]
    if unknown or not form:
        known = ", ".join(f"%{letter}" for letter in DIRECTIVES)
        raise Refused(
            "value",
            f"the time's format {form!r} cannot be used; write it with {known},"
            " such as {scheduled:%Y-%m}",
            f"le format de date « {form} » ne peut pas servir ; écrivez-le avec {known},"
            " comme {scheduled:%Y-%m}",
        )

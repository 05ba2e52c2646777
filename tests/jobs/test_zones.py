"""Time zones: their names, and when their clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nacelle.jobs.refusal import Refused
from nacelle.jobs.zones import clock_changes, zone_name

HOUR = timedelta(hours=1)


def test_names_are_iana_s() -> None:
    assert zone_name("Europe/Paris") == "Europe/Paris"
    assert zone_name("UTC") == "UTC"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("Europe/Pariss", "Europe/Paris"),
        ("paris", "Europe/Paris"),
        ("europe/paris", "Europe/Paris"),
    ],
)
def test_the_nearest_name_is_told(wrong: str, near: str) -> None:
    with pytest.raises(Refused, match=f"did you mean {near}"):
        zone_name(wrong)


@pytest.mark.parametrize(
    "wrong", ["", "Local", "localtime", "+02:00", "../../etc/passwd", "/etc/localtime", "x" * 999]
)
def test_what_is_no_zone_is_refused(wrong: str) -> None:
    with pytest.raises(Refused):
        zone_name(wrong)


def test_clock_changes_of_a_year() -> None:
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert list(clock_changes("Europe/Paris", *year)) == [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), HOUR, 2 * HOUR),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 2 * HOUR, HOUR),
    ]
    assert list(clock_changes("UTC", *year)) == []
    assert len(list(clock_changes("Australia/Lord_Howe", *year))) == 2

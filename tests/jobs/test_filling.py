"""The numbered cases of nacelle.jobs.filling, a test each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from nacelle.jobs.filling import check, fill
from nacelle.jobs.parts import Value
from nacelle.jobs.refusal import Refused

DUE = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
STARTED = datetime(2026, 1, 31, 23, 31, 5, 999, tzinfo=UTC)


def filled(kind: Any, value: Any, zone: str = "Europe/Paris") -> Any:
    return fill({"x": Value(type=kind, value=value)}, DUE, STARTED, zone)["x"]


def test_case_1_times_are_of_the_schedule_s_zone() -> None:
    assert filled("text", "{scheduled}/{actual}") == (
        "2026-02-01T00:30:00+01:00/2026-02-01T00:31:05+01:00"
    )
    assert filled("text", "{scheduled}", "UTC") == "2026-01-31T23:30:00+00:00"


def test_case_2_a_date_is_a_day() -> None:
    assert filled("date", "{scheduled}") == "2026-02-01"
    assert filled("date", "{scheduled}", "UTC") == "2026-01-31"
    assert filled("date-time", "{actual}") == "2026-02-01T00:31:05+01:00"
    assert filled("date", "2025-12-31") == "2025-12-31"


def test_case_3_formats() -> None:
    assert filled("text", "s3://b/{scheduled:%Y/%m}/x-{actual:%H%M}.csv") == (
        "s3://b/2026/02/x-0031.csv"
    )
    assert filled("date", "{scheduled:%Y-%m}-01") == "2026-02-01"
    assert filled("text", "{scheduled:%G-W%V-%u %j 100%%}") == "2026-W05-7 032 100%"
    for wrong in ("%s", "%B", "%-d", "%", "%Q", "", "%Y %c"):
        with pytest.raises(Refused):
            check(f"a {{scheduled:{wrong}}}")


def test_case_4_other_braces_stay() -> None:
    for same in ("{x}", "{}", "{{x}}", "{ scheduled }", "{scheduled", "{schedule}", "{actual!r}"):
        assert filled("text", same) == same
    assert filled("text", "{{scheduled}} {{actual:%Y}}") == "{scheduled} {actual:%Y}"
    # Nothing of a format string's reach into objects.
    assert filled("text", "{scheduled.tzinfo.__class__}") == "{scheduled.tzinfo.__class__}"


def test_case_5_what_is_never_filled() -> None:
    assert filled("whole", 5) == 5
    assert filled("yes-no", True) is True
    assert filled("secret", "team/key") == "team/key"
    assert filled("list", ("{scheduled:%Y}", 3, False)) == ["2026", 3, False]

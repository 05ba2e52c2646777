"""The numbered cases of nacelle.jobs.cron, a test each."""

from __future__ import annotations

import pytest

from nacelle.jobs.cron import read_cron
from nacelle.jobs.refusal import Refused


def refusal(line: str) -> Refused:
    with pytest.raises(Refused) as caught:
        read_cron(line)
    assert caught.value.field == "schedule.cron"
    assert caught.value.said.fr != caught.value.said.en
    return caught.value


def test_case_1_five_fields() -> None:
    assert read_cron(" 0  6 1 * * ").text == "0 6 1 * *"
    assert "Seconds cannot be given" in str(refusal("* * * * * *"))
    for line in ("", "0 6 1 *", "0 0 6 1 * * 2026", "TZ=Europe/Paris 0 6 1 * *", "0 " * 150):
        assert "five fields" in str(refusal(line))


def test_case_2_values_lists_ranges_and_steps() -> None:
    read = read_cron("*/20,5 0-12/6 1,15 2-4 *".replace("*/20,5", "5,20-40/10"))
    assert read.minutes == (5, 20, 30, 40)
    assert read.hours == (0, 6, 12)
    assert read.days == (1, 15)
    assert read.months == (2, 3, 4)
    assert read.weekdays == tuple(range(7))
    assert read_cron("10/20 * * * *").minutes == (10, 30, 50)
    assert "not both" in str(refusal("*,5 * * * *"))
    for word in ("a", "-1", "1-", "1-2-3", "1//2", "*-5", ",", "1,,2", "٣", "5;5", "$(id)"):
        refusal(f"{word} * * * *")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("60 * * * *", "'minute'"),
        ("0 24 * * *", "'hour'"),
        ("0 6 0 * *", "'day of month'"),
        ("0 6 32 * *", "'day of month'"),
        ("0 6 1 13 *", "'month'"),
        ("0 6 * * 8", "'day of week'"),
        ("0 18-6 * * *", "18-23,0-18"),
    ],
)
def test_case_2_a_refusal_names_the_field(line: str, field: str) -> None:
    assert field in str(refusal(line)) or field == "18-23,0-18"


def test_case_3_names() -> None:
    assert read_cron("0 6 * jan-mar mon-fri").text == "0 6 * JAN-MAR MON-FRI"
    assert read_cron("0 6 * jan-mar mon-fri").weekdays == (1, 2, 3, 4, 5)
    assert read_cron("0 6 * JAN-MAR *").months == (1, 2, 3)
    refusal("0 6 * * lundi")


def test_case_4_sunday_is_0() -> None:
    assert read_cron("0 6 * * 0").weekdays == read_cron("0 6 * * SUN").weekdays == (0,)
    assert "Sunday is 0" in str(refusal("0 6 * * 7"))
    assert "1-6/2" in str(refusal("0 6 * * 1/2"))


def test_case_5_macros_are_told_as_fields() -> None:
    assert "0 0 1 * *" in str(refusal("@monthly"))
    assert "five fields" in str(refusal("@every 1s"))


@pytest.mark.parametrize(
    "line", ["0 6 L * *", "0 6 LW * *", "0 6 * * 5L", "0 6 * * 1#2", "0 6 ? * *"]
)
def test_case_6_signs_of_one_engine_only(line: str) -> None:
    refusal(line)


def test_case_7_both_kinds_of_day() -> None:
    assert read_cron("0 6 1 * 1").days == (1,)
    assert "1-31/2" in str(refusal("0 6 */2 * 1"))
    assert "0-6/2" in str(refusal("0 6 1 * */2"))
    assert read_cron("0 6 */2 * *").days[:3] == (1, 3, 5)


def test_case_8_steps_that_do_nothing() -> None:
    assert "from 1 to 59" in str(refusal("*/90 * * * *"))
    assert "from 1 to 23" in str(refusal("0 */24 * * *"))
    refusal("*/0 * * * *")


def test_case_9_days_that_never_come() -> None:
    assert "none of these months" in str(refusal("0 0 30 2 *"))
    assert "none of these months" in str(refusal("0 0 31 4,6 *"))
    assert read_cron("0 0 29 2 *").days == (29,)
    assert read_cron("0 0 30 2 1").days == (30,)

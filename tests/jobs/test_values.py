"""Values of each type: what is taken, and what is refused with words."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.jobs.refusal import Refused
from nacelle.jobs.values import ValueType, conform, read_list


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("text", "", ""),
        ("text", "a\n'b\" \\ é {x}", "a\n'b\" \\ é {x}"),
        ("text", "__import__('os').system('id')", "__import__('os').system('id')"),
        ("whole", "12", 12),
        ("whole", " -3 ", -3),
        ("whole", 12.0, 12),
        ("number", "0.5", 0.5),
        ("number", "2000", 2000),
        ("number", 3, 3),
        ("number", "1e-3", 0.001),
        ("yes-no", True, True),
        ("yes-no", "Non", False),
        ("yes-no", "yes", True),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", " 20260131 ", "2026-01-31"),
        ("date", "{scheduled}", "{scheduled}"),
        ("date", "{scheduled:%Y-%m}-01", "{scheduled:%Y-%m}-01"),
        ("date-time", "2026-01-31T06:00+01:00", "2026-01-31T06:00:00+01:00"),
        ("date-time", "{actual}", "{actual}"),
        ("list", ["a", 1, 0.5, True], ("a", 1, 0.5, True)),
        ("secret", "INSEE_API_KEY", "INSEE_API_KEY"),
        ("secret", "team/api-key", "team/api-key"),
    ],
)
def test_what_is_taken(kind: ValueType, given: Any, value: Any) -> None:
    found = conform(kind, given)
    assert found == value
    assert type(found) is type(value)
    assert conform(kind, found) == found


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("text", 1),
        ("text", None),
        ("text", "x" * 10_001),
        ("text", "a\0b"),
        ("text", "\ud800"),
        ("text", "{scheduled:%s}"),
        ("whole", "1.5"),
        ("whole", 1.5),
        ("whole", True),
        ("whole", ""),
        ("whole", 2**63),
        ("whole", "9" * 5000),
        ("number", "0,5"),
        ("number", "nan"),
        ("number", "inf"),
        ("number", True),
        ("number", 10**400),
        ("yes-no", "maybe"),
        ("yes-no", 1),
        ("date", "31/01/2026"),
        ("date", "2026-02-30"),
        ("date", ""),
        ("date", "{scheduled:%d}"),
        ("date-time", "soon"),
        ("date-time", "{scheduled:%Y}x"),
        ("list", [["a"]]),
        ("list", [{"a": 1}]),
        ("list", {"a": 1}),
        ("list", 3),
        ("list", ["a"] * 1001),
        ("secret", "AKIA IOSF"),
        ("secret", "../../etc/passwd"),
        ("secret", "/etc/passwd"),
        ("secret", "x" * 81),
        ("secret", 5),
    ],
)
def test_what_is_refused(kind: ValueType, given: Any) -> None:
    with pytest.raises(Refused) as caught:
        conform(kind, given)
    assert caught.value.said.en != caught.value.said.fr


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        conform("secret", "hunter2 is my password")
    assert "hunter2" not in caught.value.said.en + caught.value.said.fr


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("a, b ,c", ("a", "b", "c")),
        ("a, b\nc", ("a, b", "c")),
        ('["a, b", "c"]', ("a, b", "c")),
        ("", ()),
        ([], ()),
    ],
)
def test_lists_from_texts(given: Any, value: tuple[str, ...]) -> None:
    assert read_list(given) == value


def test_items_have_the_list_s_type() -> None:
    assert read_list("1, 2", "whole") == (1, 2)
    with pytest.raises(Refused, match="whole number"):
        read_list("1, b", "whole")
    with pytest.raises(Refused, match="JSON"):
        read_list("[a, b]")

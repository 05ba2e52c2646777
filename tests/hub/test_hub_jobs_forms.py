"""What the forms of the job page mean: what was not touched stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.hub.jobs_forms import BadForm, on_page, read_change, read_parameters, shown
from nacelle.jobs.values import read_list

FIELDS: list[dict[str, Any]] = [
    {"name": "year", "type": "whole", "default": 2026, "code": "2026"},
    {"name": "names", "type": "list", "default": ["a"], "code": '["a"]'},
    {"name": "text", "type": "text", "default": "x", "code": '"x"'},
]


def job(**values: Any) -> dict[str, Any]:
    return {
        "form": {"fields": FIELDS},
        "parameters": {name: {"type": "text", "value": value} for name, value in values.items()},
        "name": "Figures",
        "schedule": {"cron": "0 6 1 * *", "zone": "UTC"},
        "timeout_seconds": 90,
        "retry": {"count": 0, "backoff_seconds": 60, "factor": 2.0},
        "overlap": "forbid",
        "missed": {"policy": "latest", "at_most": 10},
        "notify": {"when": "failure", "mail": [], "webhook": None, "in_lab": True},
    }


def sent(job: dict[str, Any], **changed: str) -> Any:
    """What a browser sends of the page of a job, where a person has changed some fields."""
    page = {f"parameter.{one['name']}": on_page(one, job["parameters"]) for one in FIELDS}
    page |= {"name": job["name"], "cron": job["schedule"]["cron"], "zone": job["schedule"]["zone"]}
    page |= {"timeout": str(job["timeout_seconds"]), "retries": "0", "overlap": "forbid"}
    page |= {"missed": "latest", "when": "failure", "mail": "", "webhook": ""}
    page |= {name.replace("__", "."): value for name, value in changed.items()}
    return lambda name, default="", strip=True: (
        page[name].replace("\n", "\r\n") if name in page else default
    )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"year": 2026},
        {"names": ["a, b", "c"]},
        {"text": " two\nlines "},
        {"year": "{scheduled}"},
    ],
)
def test_nothing_touched_is_nothing_changed(values: dict[str, Any]) -> None:
    assert read_parameters(sent(job(**values)), job(**values)) is None
    assert read_change(sent(job(**values)), job(**values)) == {}


def test_a_button_without_fields_asks_for_the_same() -> None:
    nothing = lambda name, default="", strip=True: default  # noqa: E731
    assert read_parameters(nothing, job(year=2027)) is None


def test_what_is_touched_is_all_that_changes() -> None:
    before = job(year=2026, names=["a, b", "c"])
    given = read_parameters(sent(before, parameter__text="y"), before)
    assert given == {"year": 2026, "names": ["a, b", "c"], "text": "y"}
    assert read_parameters(sent(before, parameter__year=""), before) == {"names": ["a, b", "c"]}
    assert read_change(sent(before, name="Other"), before) == {"name": "Other"}
    assert read_change(sent(before, cron=""), before) == {"schedule": None}


def test_a_list_is_shown_as_it_is_read_back() -> None:
    for items in (["a", "b"], ["a, b", "c"], ["[", "x"], ["two\nlines"]):
        assert list(read_list(shown(items))) == items


def test_what_is_no_number_is_told() -> None:
    with pytest.raises(BadForm, match="whole number"):
        read_change(sent(job(), timeout="an hour"), job())

"""What the forms of the job page mean, as the jobs service takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nacelle.language import Said

Argument = Callable[..., str]


class BadForm(Exception):
    """A form that was not sent from our page, or holds what is no number."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


def read_parameters(argument: Argument, job: dict[str, Any]) -> dict[str, Any] | None:
    """All parameters as a form has changed them; None where nothing was changed.

    What was not touched keeps the job's own value, however the form showed it.
    """
    fields = job["form"]["fields"] if job.get("form") else []
    before = {name: value["value"] for name, value in job["parameters"].items()}
    given = dict(before)
    for field in fields:
        name = field["name"]
        typed = argument(f"parameter.{name}", None, strip=False)
        if typed is None or _same(typed, on_page(field, job["parameters"])):
            continue
        # Nothing typed is the notebook's own default.
        if typed.strip() == "" or _same(typed, shown_default(field)):
            given.pop(name, None)
        else:
            given[name] = typed.replace("\r\n", "\n")
    return None if given == before else given


def as_body(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """The body that asks for a run: none where the parameters are the job's own."""
    return None if given is None else {"parameters": given}


def read_change(argument: Argument, job: dict[str, Any]) -> dict[str, Any]:
    """The body of a PATCH: the fields of the form that differ from the job. Raises BadForm."""
    cron = argument("cron", "").strip()
    asked: dict[str, Any] = {
        "name": argument("name", "").strip(),
        "schedule": {"cron": cron, "zone": argument("zone", "").strip()} if cron else None,
        "timeout_seconds": _number(argument("timeout", ""), "timeout"),
        "retry": {**job["retry"], "count": _number(argument("retries", ""), "retries")},
        "overlap": argument("overlap", ""),
        "missed": {**job["missed"], "policy": argument("missed", "")},
        "notify": {
            **job["notify"],
            "when": argument("when", ""),
            "mail": [one for one in argument("mail", "").replace(",", " ").split() if one],
            "webhook": argument("webhook", "").strip() or None,
        },
    }
    change = {name: value for name, value in asked.items() if value != job[name]}
    given = read_parameters(argument, job)
    return change if given is None else {**change, "parameters": given}


def on_page(field: dict[str, Any], values: dict[str, Any]) -> str:
    """What the form shows for a parameter: the job's value, or the notebook's own."""
    name = field["name"]
    return shown(values[name]["value"]) if name in values else shown_default(field)


def shown(value: Any) -> str:
    """A value as a field of a form shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        plain = all(isinstance(one, str) and not set(one) & set(",\n[") for one in value)
        return ", ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def shown_default(field: dict[str, Any]) -> str:
    """The notebook's own value of a parameter, as its field shows it."""
    return shown(field["default"]) if field["type"] != "computed" else str(field["code"])


def _same(typed: str, shown: str) -> bool:
    """Browsers send line ends of their own."""
    return typed.replace("\r\n", "\n") == shown.replace("\r\n", "\n")


def _number(text: str, field: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadForm(
            Said(
                f"The field '{field}' holds no whole number; write one such as 60.",
                f"Le champ « {field} » ne contient pas de nombre entier ; écrivez-en un comme 60.",
            )
        ) from None

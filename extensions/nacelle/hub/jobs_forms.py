"""What the forms of the job page mean, as the jobs service takes it."""

from __future__ import annotations

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
    """The parameters of a form, or None where they are the job's own: then no right is needed."""
    fields = job["form"]["fields"] if job.get("form") else []
    given: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        typed = argument(f"parameter.{name}", None)
        if typed is None:
            continue
        # Nothing typed is the notebook's own default; an unticked box is sent as a hidden 'false'.
        if typed != "" and typed != shown_default(field):
            given[name] = typed
    before = {name: shown(value["value"]) for name, value in job["parameters"].items()}
    return None if given == before else given


def read_change(argument: Argument, job: dict[str, Any]) -> dict[str, Any]:
    """The body of a PATCH from the form of the job page. Raises BadForm."""
    cron = argument("cron", "").strip()
    change: dict[str, Any] = {
        "name": argument("name", "").strip(),
        "schedule": {"cron": cron, "zone": argument("zone", "").strip()} if cron else None,
        "timeout_seconds": _number(argument("timeout", ""), "timeout") * 60,
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
    given = read_parameters(argument, job)
    return change if given is None else {**change, "parameters": given}


def shown(value: Any) -> str:
    """A value as a field of a form shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value)
    return "" if value is None else str(value)


def shown_default(field: dict[str, Any]) -> str:
    """The notebook's own value of a parameter, as its field shows it."""
    return shown(field["default"]) if field["type"] != "computed" else str(field["code"])


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

"""Label and field selectors, as far as clients of ours use them."""

from __future__ import annotations

import re

from tests.support.kubernetes.kinds import Object

_SET = re.compile(r"^(?P<key>\S+) (?P<not>notin|in) \((?P<values>[^)]*)\)$")


def matches(found: Object, labels: str, fields: str) -> bool:
    """Whether an object is among those that `labelSelector` and `fieldSelector` name."""
    own = found["metadata"].get("labels") or {}
    return all(_holds(own, one) for one in _split(labels)) and all(
        _field_holds(found, one) for one in _split(fields)
    )


def _split(selector: str) -> list[str]:
    # Commas stand inside the parentheses of sets as well.
    return [one.strip() for one in re.split(r",(?![^(]*\))", selector or "") if one.strip()]


def _holds(own: dict[str, str], term: str) -> bool:
    if found := _SET.match(term):
        values = {one.strip() for one in found["values"].split(",")}
        return (own.get(found["key"]) in values) != (found["not"] == "notin")
    if "!=" in term:
        key, _, value = term.partition("!=")
        return own.get(key) != value
    if "=" in term:
        key, _, value = term.replace("==", "=").partition("=")
        return own.get(key) == value
    return (term.lstrip("!") in own) != term.startswith("!")


def _field_holds(found: Object, term: str) -> bool:
    key, _, value = term.replace("!=", "=!").replace("==", "=").partition("=")
    at: object = found
    for part in key.split("."):
        at = at.get(part, "") if isinstance(at, dict) else ""
    return (str(at) == value.lstrip("!")) != value.startswith("!")

"""Resource quotas, as the admission of an API server enforces them on pods and claims."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tests.support.kubernetes.kinds import CLAIMS, PODS, Object
from tests.support.kubernetes.quantities import read, write

Usage = dict[str, Decimal]
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def usage_of(kind: str, found: Object) -> Usage:
    """What an object counts for, by the names that quotas use."""
    if kind == CLAIMS:
        asked = ((found["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
        return {
            "persistentvolumeclaims": Decimal(1),
            "count/persistentvolumeclaims": Decimal(1),
            "requests.storage": read(asked),
        }
    if kind != PODS or (found.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    used: Usage = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for side in ("requests", "limits"):
        running = _sum(_side(one, side) for one in found["spec"]["containers"])
        starting = [_side(one, side) for one in found["spec"].get("initContainers") or ()]
        for name in {name for one in (running, *starting) for name in one}:
            most = max(one.get(name, Decimal(0)) for one in (running, *starting))
            used[f"{side}.{name}"] = most
            if side == "requests" and name in _COMPUTE:
                used[name] = most
    return used


def make_status(quota: Object, counted: Iterable[Usage]) -> Object:
    """The status of a quota: hard and used."""
    hard = {name: str(value) for name, value in (quota["spec"].get("hard") or {}).items()}
    total = _sum(counted)
    used = {name: write(total.get(name, Decimal(0)), like) for name, like in hard.items()}
    return {"hard": hard, "used": used}


def refuse(kind: str, made: Object, quota: Object, counted: Iterable[Usage]) -> str | None:
    """Why an object may not be made, in the API's words; None when it may."""
    hard = {name: str(value) for name, value in (quota["spec"].get("hard") or {}).items()}
    name, asked, total = quota["metadata"]["name"], usage_of(kind, made), _sum(counted)
    if lacking := _unsaid(kind, made, hard):
        return f"failed quota: {name}: must specify {lacking}"
    over = sorted(
        one
        for one, limit in hard.items()
        if asked.get(one) and total.get(one, Decimal(0)) + asked[one] > read(limit)
    )
    if not over:
        return None
    requested = ",".join(f"{one}={write(asked[one], hard[one])}" for one in over)
    used = ",".join(f"{one}={write(total.get(one, Decimal(0)), hard[one])}" for one in over)
    limited = ",".join(f"{one}={hard[one]}" for one in over)
    return f"exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}"


def _unsaid(kind: str, made: Object, hard: dict[str, str]) -> str:
    if kind != PODS:
        return ""
    found = []
    for one in sorted(hard):
        side, _, resource = one.rpartition(".")
        if resource not in _COMPUTE or side not in ("", "requests", "limits"):
            continue
        without = [
            container["name"]
            for container in made["spec"]["containers"]
            if resource not in _side(container, side or "requests")
        ]
        if without:
            found.append(f"{one} for: {','.join(without)}")
    return "; ".join(found)


def _side(container: Object, side: str) -> Usage:
    resources = container.get("resources") or {}
    own = {name: read(value) for name, value in (resources.get(side) or {}).items()}
    if side == "requests":
        # A limit without a request is one.
        limits = {name: read(value) for name, value in (resources.get("limits") or {}).items()}
        return limits | own
    return own


def _sum(usages: Iterable[Usage]) -> Usage:
    total: Usage = {}
    for usage in usages:
        for name, value in usage.items():
            total[name] = total.get(name, Decimal(0)) + value
    return total

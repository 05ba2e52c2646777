"""What a namespace's quotas leave, and what is short of it: pure.

Numbered, each with a test of its number in tests/cluster_words/test_quota.py:

 1. A quota counts for a session unless its scopes leave sessions out.
 2. The same thing by several names (cpu, requests.cpu; pods, count/pods) is one thing.
 3. What is asked is held against what is left, quota by quota; all that is short is told.
 4. Of requests and limits of one thing, the one that is shorter is told.
 5. What is larger than the whole quota never fits: the advice is not to wait. Where the places are
    taken, a smaller size does not help.
 6. Whatever a quota does not name is free.
 7. What is left is told of what the quota names; limits before requests, as environments show them.
 8. The API's own sentence ("exceeded quota: ...") is read back into the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from nacelle.cluster.amounts import in_cores, in_memory, in_pieces, read_quantity
from nacelle.cluster.demand import GPU, Demand, Object, Reason
from nacelle.language import Said

# A session has requests and no deadline. Other scopes name what it may have or not (a priority
# class): then the quota's own refusal tells.
_OURS = {"NotBestEffort", "NotTerminating"}
_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>\S+), used: (?P<used>\S+),"
    r" limited: (?P<limited>[^\s\]]+)"
)


@dataclass(frozen=True)
class Quota:
    """A ResourceQuota: what it allows and what is used, by resource."""

    name: str
    hard: Mapping[str, Decimal]
    used: Mapping[str, Decimal]


@dataclass(frozen=True)
class Shortage:
    """One resource of which less is left than is asked."""

    resource: str
    requested: Decimal
    used: Decimal
    limit: Decimal

    @property
    def left(self) -> Decimal:
        return max(Decimal(0), self.limit - self.used)

    @property
    def never(self) -> bool:
        """Whether it would not fit if nothing at all were used."""
        return self.requested > self.limit

    @property
    def missing(self) -> Decimal:
        return self.requested - self.left


def read_quotas(objects: Iterable[Object]) -> tuple[Quota, ...]:
    """ResourceQuotas as the API lists them; those that cannot concern a session are left out."""
    return tuple(_read(one) for one in objects if _concerns_sessions(one))


def _concerns_sessions(quota: Object) -> bool:
    spec = quota.get("spec") or {}
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes = [*(spec.get("scopes") or ()), *(one.get("scopeName", "") for one in selected)]
    return all(scope in _OURS for scope in scopes)


def _read(quota: Object) -> Quota:
    status = quota.get("status") or {}
    hard = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}
    used = status.get("used") or {}
    return Quota(
        name=str((quota.get("metadata") or {}).get("name", "")),
        hard={name: read_quantity(amount) for name, amount in hard.items()},
        used={name: read_quantity(amount) for name, amount in used.items()},
    )


def usage_of(demand: Demand) -> dict[str, Decimal]:
    """What a pod of `demand` counts for in quotas, by all names that quotas use for it."""
    one, gpus = Decimal(1), Decimal(demand.gpus)
    usage = {
        "pods": one,
        "count/pods": one,
        "cpu": demand.cpu_guarantee,
        "requests.cpu": demand.cpu_guarantee,
        "limits.cpu": demand.cpu_limit,
        "memory": demand.memory_guarantee,
        "requests.memory": demand.memory_guarantee,
        "limits.memory": demand.memory_limit,
    }
    return usage | ({f"requests.{demand.gpu_resource}": gpus} if gpus else {})


def shortages(quotas: Iterable[Quota], demand: Demand) -> tuple[Shortage, ...]:
    """What `quotas` leave too little of for `demand`; nothing when it fits."""
    usage = usage_of(demand)
    found = [
        Shortage(name, usage[name], quota.used.get(name, Decimal(0)), limit)
        for quota in quotas
        for name, limit in quota.hard.items()
        if name in usage
    ]
    return worst(one for one in found if one.missing > 0)


def worst(found: Iterable[Shortage]) -> tuple[Shortage, ...]:
    """One shortage a thing: the one that lacks most."""
    kept: dict[str, Shortage] = {}
    for one in found:
        thing = thing_of(one.resource)
        if thing not in kept or one.missing > kept[thing].missing:
            kept[thing] = one
    order = ("places", "gpu", "memory", "cpu")
    return tuple(sorted(kept.values(), key=lambda one: _rank(order, thing_of(one.resource))))


def _rank(order: Sequence[str], thing: str) -> int:
    return order.index(thing) if thing in order else len(order)


def thing_of(resource: str) -> str:
    """What a resource of a quota is an amount of, whatever the name it goes by."""
    bare = resource.removeprefix("requests.").removeprefix("limits.").removeprefix("count/")
    if bare.endswith(GPU):
        return "gpu"
    if bare == "storage" or bare.endswith("storageclass.storage.k8s.io/requests.storage"):
        return "storage"
    if bare.endswith("persistentvolumeclaims"):
        return "volumes"
    return {"pods": "places"}.get(bare, bare)


def explain_shortage(found: Sequence[Shortage]) -> Reason:
    """Why a quota does not let a session start, and what helps."""
    items = [_item(one) for one in found]
    en, fr = "; ".join(item.en for item in items), " ; ".join(item.fr for item in items)
    if any(thing_of(one.resource) in ("storage", "volumes") for one in found):
        advice = Said(
            "Ask an administrator for more room for homes.",
            "Demandez à un administrateur plus de place pour les dossiers personnels.",
        )
    elif any(one.resource in ("pods", "count/pods") for one in found):
        advice = Said(
            "Try again when another session has ended; an administrator can raise the quota.",
            "Réessayez quand une autre session sera finie ; un administrateur peut augmenter le"
            " quota.",
        )
    elif any(one.never for one in found):
        advice = Said(
            "Choose a smaller size; an administrator can raise the quota.",
            "Choisissez une taille plus petite ; un administrateur peut augmenter le quota.",
        )
    else:
        advice = Said(
            "Choose a smaller size, or try again when another session has ended.",
            "Choisissez une taille plus petite, ou réessayez quand une autre session sera finie.",
        )
    said = Said(
        f"The quota of the sessions leaves too little ({en}). {advice.en}",
        f"Le quota des sessions ne laisse pas assez ({fr}). {advice.fr}",
    )
    brief = Said(f"Not now: {en}.", f"Pas maintenant : {fr}.")
    if any(one.never for one in found):
        brief = Said(f"Beyond the quota: {en}.", f"Au-delà du quota : {fr}.")
    return Reason("quota", said, 429, brief=brief)


def _item(one: Shortage) -> Said:
    thing = thing_of(one.resource)
    name = _NAMES.get(thing, Said(thing, thing))
    if thing == "places":
        count = in_pieces(one.limit)
        return Said(f"all {count} places are taken", f"les {count} places sont prises")
    need, left, limit = (_amount(thing, amount) for amount in (one.requested, one.left, one.limit))
    if one.never:
        return Said(
            f"{name.en}: {need.en} needed, the whole quota is {limit.en}",
            f"{name.fr} : il faut {need.fr}, tout le quota est de {limit.fr}",
        )
    return Said(
        f"{name.en}: {need.en} needed, {left.en} of {limit.en} left",
        f"{name.fr} : il faut {need.fr}, il reste {left.fr} sur {limit.fr}",
    )


_NAMES = {
    "cpu": Said("cores", "cœurs"),
    "memory": Said("memory", "mémoire"),
    "gpu": Said("GPU", "GPU"),
    "storage": Said("disk for homes", "disque des dossiers personnels"),
    "volumes": Said("volumes for homes", "volumes des dossiers personnels"),
    "ephemeral-storage": Said("temporary disk", "disque temporaire"),
}


def _amount(thing: str, amount: Decimal) -> Said:
    """An amount where its thing has been named already."""
    if thing in ("memory", "storage", "ephemeral-storage"):
        return in_memory(amount)
    if thing == "cpu":
        bare = in_cores(amount).en.split()[0]
        return Said(bare, bare)
    return Said(in_pieces(amount), in_pieces(amount))


def tell_left(quotas: Sequence[Quota]) -> Said | None:
    """What new sessions may still take together, in one line; None when no quota tells."""
    left: dict[str, Decimal] = {}
    for prefixes in (("limits.", "count/", "pods"), ("requests.", "cpu", "memory")):
        named = _least(quotas, prefixes)
        left = {**named, **left}
    parts = [
        _left(thing, left[thing]) for thing in ("places", "cpu", "memory", "gpu") if thing in left
    ]
    if not parts:
        return None
    en, fr = ", ".join(part.en for part in parts), ", ".join(part.fr for part in parts)
    return Said(f"Left for new sessions: {en}.", f"Reste pour de nouvelles sessions : {fr}.")


def _least(quotas: Sequence[Quota], prefixes: tuple[str, ...]) -> dict[str, Decimal]:
    left: dict[str, Decimal] = {}
    for quota in quotas:
        for name, limit in quota.hard.items():
            if name.startswith(prefixes):
                thing = thing_of(name)
                rest = max(Decimal(0), limit - quota.used.get(name, Decimal(0)))
                left[thing] = min(rest, left.get(thing, rest))
    return left


def _left(thing: str, amount: Decimal) -> Said:
    if thing == "cpu":
        return in_cores(amount)
    if thing == "memory":
        size = in_memory(amount)
        return Said(f"{size.en} of memory", f"{size.fr} de mémoire")
    count = in_pieces(amount)
    if thing == "gpu":
        return Said(f"{count} GPU", f"{count} GPU")
    return Said(
        f"{count} place{'' if count == '1' else 's'}",
        f"{count} place{'' if count in ('0', '1') else 's'}",
    )


def read_exceeded(message: str) -> tuple[Shortage, ...] | None:
    """The shortages that the API's refusal names; None when it is no refusal by a quota."""
    match = _EXCEEDED.search(message)
    if match is None:
        return None
    requested, used, limited = (
        _read_list(match[part]) for part in ("requested", "used", "limited")
    )
    found = [
        Shortage(name, amount, used.get(name, Decimal(0)), limited.get(name, Decimal(0)))
        for name, amount in requested.items()
    ]
    return worst(found)


def _read_list(written: str) -> dict[str, Decimal]:
    """ "limits.cpu=2,pods=1" as the API's `prettyPrint` writes it."""
    amounts: dict[str, Decimal] = {}
    for item in written.rstrip(".").split(","):
        name, _, amount = item.partition("=")
        try:
            amounts[name] = read_quantity(amount)
        except ValueError:
            continue
    return amounts

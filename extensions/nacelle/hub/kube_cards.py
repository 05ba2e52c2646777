"""The catalogue as the spawn page shows it, held against what the cluster has left: pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nacelle.environments.profile import Choice, Profile
from nacelle.environments.profiles import check
from nacelle.language import Said

_NOT_NOW = Said("not now", "pas maintenant")

Against = Callable[[Choice], Said | None]


def fit_cards(
    cards: Sequence[Mapping[str, Any]],
    profiles: Sequence[Profile],
    groups: Collection[str],
    against: Against,
) -> list[dict[str, Any]]:
    """`cards` with the reason where `against` speaks against every way to start one, or a choice.

    What is on goes to the first possible card when the one that was on is not any more.
    """
    named = {profile.name: profile for profile in profiles}
    fitted = [
        dict(card) if card["reason"] else _fit(card, named[card["name"]], profiles, groups, against)
        for card in cards
    ]
    if not any(card["checked"] for card in fitted):
        for card in [one for one in fitted if not one["reason"]][:1]:
            card["checked"] = True
    return fitted


def _fit(
    card: Mapping[str, Any],
    profile: Profile,
    profiles: Sequence[Profile],
    groups: Collection[str],
    against: Against,
) -> dict[str, Any]:
    names = list(profile.options)
    tried = {
        keys: against(
            check(
                profiles, {"profile": profile.name, **dict(zip(names, keys, strict=True))}, groups
            )
        )
        for keys in itertools.product(*(profile.options[name].choices for name in names))
    }
    if all(tried.values()):
        default = tuple(profile.options[name].first for name in names)
        return {**card, "reason": tried[default], "checked": False}
    options = [
        {
            **option,
            "choices": [
                _told(choice, _reason(tried, place, choice["key"])) for choice in option["choices"]
            ],
        }
        for place, option in enumerate(card["options"])
    ]
    return {**card, "options": options}


def _told(choice: Mapping[str, Any], reason: Said | None) -> dict[str, Any]:
    told = choice["reason"] or reason
    return {**choice, "reason": told, "short": _NOT_NOW if told else None}


def _reason(tried: Mapping[tuple[str, ...], Said | None], place: int, key: str) -> Said | None:
    """Why a choice cannot be made whatever else is chosen; None when it can."""
    reasons = [reason for keys, reason in tried.items() if keys[place] == key]
    return reasons[0] if reasons and all(reasons) else None

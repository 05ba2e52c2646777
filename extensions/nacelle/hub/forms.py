"""From a posted form or a launch link to options, and from the catalogue to what a form shows."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nacelle.environments.machine import Machine
from nacelle.environments.profile import Cpu, Memory, Option, OptionChoice, Profile
from nacelle.environments.profiles import (
    OTHER,
    ProfileError,
    allowed,
    check,
    unavailable,
    unavailable_choice,
)
from nacelle.hub.words import translate
from nacelle.language import Language, Said

_PREFIX = "profile-option-"
# Sent with every form of the hub; not a choice.
_IGNORED = frozenset({"_xsrf"})


def read_form(profiles: Sequence[Profile], form: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Options in normal form from form fields or link parameters. Raises ProfileError.

    Fields are named as KubeSpawner's form names them (profile-option-<profile>--<option>); links
    may write the option alone. Fields of other profiles than the chosen one are there because a
    browser posts the whole form: known ones are passed over, unknown ones refused.
    """
    fields = {key: _single(key, values) for key, values in form.items() if key not in _IGNORED}
    chosen = fields.get("profile", profiles[0].name)
    options: dict[str, str] = {}
    for key, value in fields.items():
        name = key
        if key.startswith(_PREFIX):
            owner, _, name = key.removeprefix(_PREFIX).partition("--")
            if owner != chosen and _known(profiles, owner, name):
                continue
            name = name if owner == chosen else key
        if name.endswith(OTHER) and not value:
            continue
        options[name] = value
    return options


def _single(key: str, values: Sequence[Any]) -> str:
    if len(values) != 1 or not isinstance(values[0], str):
        raise ProfileError(
            f"The field {key[:80]!r} must be given once, as text.",
            f"Le champ « {key[:80]} » doit être donné une seule fois, en texte.",
        )
    return values[0]


def _known(profiles: Sequence[Profile], owner: str, name: str) -> bool:
    return any(one.name == owner and name.removesuffix(OTHER) in one.options for one in profiles)


def make_cards(
    profiles: Sequence[Profile],
    groups: Collection[str],
    machine: Machine,
    remembered: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What the spawn page shows for each profile; on is the last choice or the first possible."""
    cards = [_card(profile, groups, machine, remembered) for profile in profiles]
    possible = [card for card in cards if not card["reason"]]
    wanted = [card for card in possible if card["name"] == remembered.get("profile")]
    for card in (wanted or possible)[:1]:
        card["checked"] = True
    return cards


def _card(
    profile: Profile, groups: Collection[str], machine: Machine, remembered: Mapping[str, Any]
) -> dict[str, Any]:
    reason = unavailable(profile, machine)
    if not allowed(profile, groups):
        names = ", ".join(profile.groups)
        reason = Said(f"For members of {names}.", f"Réservé aux membres de {names}.")
    mine = remembered if remembered.get("profile") == profile.name else {}
    return {
        "name": profile.name,
        "title": profile.title,
        "description": profile.description,
        "reason": reason,
        "checked": False,
        "amount": _amount(profile.cpu, profile.memory, profile.gpu),
        "options": [
            _select(profile, key, option, machine, mine) for key, option in profile.options.items()
        ],
    }


def _select(
    profile: Profile, key: str, option: Option, machine: Machine, mine: Mapping[str, Any]
) -> dict[str, Any]:
    selected = mine.get(key)
    choices = [
        {
            "key": name,
            "title": choice.title,
            "amount": _amount_of(profile, choice),
            "reason": unavailable_choice(profile, key, name, machine),
            "selected": name == (selected if selected in option.choices else option.first),
        }
        for name, choice in option.choices.items()
    ]
    return {
        "name": key,
        "field": f"{_PREFIX}{profile.name}--{key}",
        "title": option.title,
        "choices": choices,
        "other": option.other if machine.containers else None,
        "typed": mine.get(key + OTHER, ""),
    }


def _amount_of(profile: Profile, choice: OptionChoice) -> Said | None:
    if choice.cpu is None and choice.memory is None and choice.gpu is None:
        return None
    gpu = profile.gpu if choice.gpu is None else choice.gpu
    return _amount(choice.cpu or profile.cpu, choice.memory or profile.memory, gpu)


def _amount(cpu: Cpu, memory: Memory, gpu: int) -> Said:
    size = memory.limit / 1024**3
    graphics = f", {gpu} GPU" if gpu else ""
    several = "s" if cpu.limit > 1 else ""
    return Said(
        f"up to {cpu.limit:g} core{several}, {size:g} GB{graphics}",
        f"jusqu'à {cpu.limit:g} cœur{several}, {size:g} Go{graphics}",
    )


def remembered_options(
    profiles: Sequence[Profile], options: Mapping[str, Any], groups: Collection[str]
) -> dict[str, str]:
    """The last choice if the catalogue still has it, else nothing."""
    try:
        return check(profiles, options, groups).user_options if options else {}
    except ProfileError:
        return {}


def to_profile_list(profiles: Sequence[Profile], language: Language = "en") -> list[dict[str, Any]]:
    """The same catalogue as KubeSpawner's `profile_list`; the first profile is its default."""
    return [
        {
            "slug": profile.name,
            "display_name": html.escape(translate(profile.title, language)),
            "description": html.escape(translate(profile.description, language)),
            "default": place == 0,
            "kubespawner_override": _overrides(profile),
            "profile_options": {
                key: _profile_option(option, language) for key, option in profile.options.items()
            },
        }
        for place, profile in enumerate(profiles)
    ]


def _profile_option(option: Option, language: Language) -> dict[str, Any]:
    made: dict[str, Any] = {
        "display_name": html.escape(translate(option.title, language)),
        "choices": {
            key: {
                "display_name": html.escape(translate(choice.title, language)),
                "default": key == option.first,
                "kubespawner_override": _overrides(choice),
            }
            for key, choice in option.choices.items()
        },
    }
    if option.other:
        made["unlisted_choice"] = {
            "enabled": True,
            "display_name": html.escape(translate(option.other.title, language)),
            # KubeSpawner matches only the start of the value; the check of ours matches all of it.
            "validation_regex": f"^(?:{option.other.pattern})$",
            "validation_message": translate(option.other.hint, language),
            "kubespawner_override": {"image": "{value}"},
        }
    return made


def _overrides(source: Profile | OptionChoice) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if source.image:
        made["image"] = source.image
    if source.cpu:
        made |= {"cpu_guarantee": source.cpu.guarantee, "cpu_limit": source.cpu.limit}
    if source.memory:
        made |= {"mem_guarantee": source.memory.guarantee, "mem_limit": source.memory.limit}
    if source.gpu is not None:
        made["extra_resource_limits"] = {"nvidia.com/gpu": str(source.gpu)} if source.gpu else {}
    if source.env:
        made["environment"] = dict(source.env)
    if source.node_selector:
        made["node_selector"] = dict(source.node_selector)
    if source.tolerations:
        made["tolerations"] = [dict(one) for one in source.tolerations]
    return made

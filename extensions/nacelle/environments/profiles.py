"""The catalogue of environments (contract 1): its model, its file, and the one check that a choice
goes through, whether it comes from the form, a link or the REST API."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nacelle.environments.machine import Machine
from nacelle.environments.profile import Choice, Profile
from nacelle.language import Said
from nacelle.problems import explain
from nacelle.settings import SettingsError

OTHER = "--unlisted-choice"


class ProfileError(Exception):
    """A choice that cannot be served; the message is for the person who made it."""

    def __init__(self, en: str, fr: str) -> None:
        super().__init__(en)
        self.said = Said(en, fr)


def load_profiles(path: Path) -> tuple[Profile, ...]:
    """Read a catalogue. Raises SettingsError, one line a problem: file, profile, field, value."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(raw, list) or not raw:
        raise SettingsError(f"{path}: write a list of profiles, each starting with '- name:'")
    profiles, problems = [], []
    for place, item in enumerate(raw, start=1):
        name = item.get("name") if isinstance(item, dict) else None
        where = f"{path}: profile {name!r}" if name else f"{path}: profile number {place}"
        try:
            profiles.append(Profile.model_validate(item))
        except ValidationError as error:
            problems += [f"{where}: {explain(Profile, one)}" for one in error.errors()]
    names = [profile.name for profile in profiles]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"{path}: profile {name!r} is listed more than once; rename one of them")
    if problems:
        raise SettingsError("\n".join(problems))
    return tuple(profiles)


def allowed(profile: Profile, groups: Collection[str]) -> bool:
    """Whether a member of `groups` may start `profile`."""
    return not profile.groups or not set(profile.groups).isdisjoint(groups)


def check(
    profiles: Sequence[Profile], options: Mapping[str, Any], groups: Collection[str]
) -> Choice:
    """The choice that `options` make. Raises ProfileError; no options at all mean the defaults."""
    given = dict(options)
    profile = _find(profiles, given.pop("profile", None), groups)
    if not allowed(profile, groups):
        raise ProfileError(
            f"The environment {profile.name!r} is for members of {', '.join(profile.groups)};"
            " choose another, or ask an administrator to add you.",
            f"L'environnement « {profile.name} » est réservé aux membres de"
            f" {', '.join(profile.groups)} ; choisissez-en un autre, ou demandez à un"
            " administrateur de vous ajouter.",
        )
    for key, value in given.items():
        _check_option(profile, key, value)
    return _resolve(profile, given)


def _find(profiles: Sequence[Profile], name: Any, groups: Collection[str]) -> Profile:
    if name is None:
        return next((one for one in profiles if allowed(one, groups)), profiles[0])
    for profile in profiles:
        if profile.name == name:
            return profile
    names = [profile.name for profile in profiles]
    raise ProfileError(
        f"There is no environment {_short(name)}; {_advice(name, names)}",
        f"Il n'y a pas d'environnement {_short(name)} ; {_conseil(name, names)}",
    )


def _check_option(profile: Profile, key: str, value: Any) -> None:
    option = profile.options.get(key.removesuffix(OTHER))
    if option is None or (key.endswith(OTHER) and option.other is None):
        known = [*profile.options, *(k + OTHER for k, o in profile.options.items() if o.other)]
        raise ProfileError(
            f"The environment {profile.name!r} has no option {_short(key)}; {_advice(key, known)}",
            f"L'environnement « {profile.name} » n'a pas d'option {_short(key)} ;"
            f" {_conseil(key, known)}",
        )
    if not isinstance(value, str):
        raise ProfileError(
            f"The option {key!r} takes a text, not {_short(value)}.",
            f"L'option « {key} » attend un texte, pas {_short(value)}.",
        )
    if not key.endswith(OTHER):
        if value not in option.choices:
            raise ProfileError(
                f"{_short(value)} is not a choice of {key!r} in the environment"
                f" {profile.name!r}; {_advice(value, list(option.choices))}",
                f"{_short(value)} n'est pas un choix de « {key} » dans l'environnement"
                f" « {profile.name} » ; {_conseil(value, list(option.choices))}",
            )
    elif option.other and re.fullmatch(option.other.pattern, value) is None:
        raise ProfileError(
            f"The image {_short(value)} is not allowed here. {option.other.hint.en}",
            f"L'image {_short(value)} n'est pas autorisée ici. {option.other.hint.fr}",
        )


def _resolve(profile: Profile, given: Mapping[str, str]) -> Choice:
    """`profile` with the checked options on top of it."""
    merged: dict[str, Any] = {
        name: getattr(profile, name)
        for name in ("image", "cpu", "memory", "gpu", "env", "node_selector", "tolerations")
    }
    options: dict[str, str] = {}
    for key, option in profile.options.items():
        typed = given.get(key + OTHER)
        if typed:
            options[key + OTHER] = typed
            merged["image"] = typed
            continue
        options[key] = given.get(key, option.first)
        choice = option.choices[options[key]]
        for name in ("image", "cpu", "memory", "gpu"):
            if getattr(choice, name) is not None:
                merged[name] = getattr(choice, name)
        merged["env"] = {**merged["env"], **choice.env}
        merged["node_selector"] = {**merged["node_selector"], **choice.node_selector}
        merged["tolerations"] = (*merged["tolerations"], *choice.tolerations)
    return Choice(
        profile=profile.name,
        options=options,
        other_image=merged["image"] != profile.image,
        kernels=profile.kernels,
        static_keys=profile.static_keys,
        cluster_access=profile.cluster_access,
        writable_root=profile.writable_root,
        init=profile.init,
        **merged,
    )


def unavailable(profile: Profile, machine: Machine) -> Said | None:
    """Why `machine` cannot serve `profile` as it stands; None when it can."""
    return lacking(_resolve(profile, {}), machine)


def unavailable_choice(profile: Profile, option: str, key: str, machine: Machine) -> Said | None:
    """Why `machine` cannot serve `profile` with `option` set to `key`; None when it can."""
    return lacking(_resolve(profile, {option: key}), machine)


def lacking(choice: Choice, machine: Machine) -> Said | None:
    """What `choice` needs and `machine` does not have, as a sentence; None when it has all."""
    missing = sorted(set(choice.kernels) - machine.kernels)
    if missing and not machine.containers:
        names = " and ".join(kernel.capitalize() for kernel in missing)
        noms = " et ".join(kernel.capitalize() for kernel in missing)
        return Said(
            f"{names} with its Jupyter kernel is not installed on this machine.",
            f"{noms} avec son noyau Jupyter n'est pas installé sur cette machine.",
        )
    if choice.other_image and not machine.containers:
        return Said(
            "Choosing an image needs Kubernetes; here sessions run as programs of this machine.",
            "Choisir une image demande Kubernetes ; ici les sessions sont des programmes de"
            " cette machine.",
        )
    if choice.gpu > machine.gpus:
        return Said(
            f"This needs {choice.gpu} GPU; this machine has {machine.gpus or 'none'}.",
            f"Il faut {choice.gpu} GPU ; cette machine en a {machine.gpus or 'zéro'}.",
        )
    if choice.cpu.guarantee > machine.cores:
        return Said(
            f"This needs {choice.cpu.guarantee:g} cores; this machine has {machine.cores}.",
            f"Il faut {choice.cpu.guarantee:g} cœurs ; cette machine en a {machine.cores}.",
        )
    if choice.memory.guarantee > machine.memory:
        need, have = choice.memory.guarantee / 1024**3, machine.memory / 1024**3
        return Said(
            f"This needs {need:.1f} GB of memory; this machine has {have:.1f}.",
            f"Il faut {need:.1f} Go de mémoire ; cette machine en a {have:.1f}.",
        )
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _nearest(value: Any, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(str(value)[:80], known, n=1)), None)


def _advice(value: Any, known: Sequence[str]) -> str:
    near = _nearest(value, known)
    listed = f"known are: {', '.join(known)}." if known else "it has none."
    return f"did you mean {near!r}? Otherwise {listed}" if near else listed


def _conseil(value: Any, known: Sequence[str]) -> str:
    near = _nearest(value, known)
    listed = f"connus : {', '.join(known)}." if known else "il n'en a aucune."
    return f"vouliez-vous dire « {near} » ? Sinon, {listed}" if near else listed

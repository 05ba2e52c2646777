"""The parameters of a pipeline, typed as a notebook's are: a value, or what a form needs to know.

year: 2026
region: {default: FR, help: the region, choices: [FR, DE, IT]}
day: {default: 2026-01-31, type: date}
"""

from __future__ import annotations

import re
from typing import Any, cast, get_args

from nacelle.jobs.assignments import Assignment
from nacelle.jobs.parameters import FormField, field_of
from nacelle.jobs.pipelines.mistakes import Mistakes, Place, nearest
from nacelle.jobs.pipelines.yaml_reading import Many, Named, Node, One
from nacelle.jobs.refusal import Refused
from nacelle.jobs.values import Scalar, ValueType, conform

_KEYS = ("default", "help", "choices", "type")
_NAME = re.compile(r"[^\W\d]\w{0,99}")
_TYPES: tuple[str, ...] = get_args(ValueType)


def read_parameters(found: tuple[Place, Node] | None, mistakes: Mistakes) -> tuple[FormField, ...]:
    """The fields that a form asks for."""
    if found is None:
        return ()
    node = found[1]
    if not isinstance(node, Named):
        mistakes.add(
            node.place,
            "'parameters' has names with defaults: write below it 'year: 2026'.",
            "« parameters » a des noms avec des valeurs : écrivez dessous « year: 2026 ».",
        )
        return ()
    fields = [_field(name, place, one, mistakes) for name, (place, one) in node.items.items()]
    return tuple(field for field in fields if field is not None)


def _field(name: str, place: Place, node: Node, mistakes: Mistakes) -> FormField | None:
    if not _NAME.fullmatch(name):
        mistakes.add(
            place,
            "a parameter's name has letters, digits and '_', and begins with a letter.",
            "le nom d'un paramètre a des lettres, chiffres et « _ », et commence par une lettre.",
        )
        return None
    parts = {"default": (node.place, node)} if not isinstance(node, Named) else node.items
    for key, (where, _) in parts.items():
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            mistakes.add(
                where,
                f"{key!r} means nothing here; {near.en}",
                f"« {key} » ne veut rien dire ici ; {near.fr}",
            )
    where, default = _values(parts.get("default"), place)
    _, help = _values(parts.get("help"), place)
    _, choices = _values(parts.get("choices"), place)
    if isinstance(choices, tuple) and choices and default is None:
        default = choices[0]
    if default is None:
        mistakes.add(
            where,
            f"the parameter {name} has no default; write '{name}: 2026', or below it"
            " 'default: 2026'.",
            f"le paramètre {name} n'a pas de valeur par défaut ; écrivez « {name}: 2026 », ou"
            " dessous « default: 2026 ».",
        )
        return None
    known = choices if isinstance(choices, tuple) else ()
    said = help if isinstance(help, str) else ""
    field = field_of(Assignment(name, "", True, default, "", known, said))
    if "type" in parts:
        return _typed(field, default, parts["type"], mistakes)
    # What nobody gave yet is of any type.
    kind: ValueType = "text" if field.type == "computed" or default == "" else field.type
    return field if _fits(field, kind, default, where, mistakes) else None


def _typed(
    field: FormField, default: Any, found: tuple[Place, Node], mistakes: Mistakes
) -> FormField | None:
    place, wanted = _values(found, found[0])
    if wanted not in _TYPES:
        known = ", ".join(_TYPES)
        mistakes.add(place, f"'type' is one of {known}.", f"« type » est l'un de {known}.")
        return None
    kind = cast(ValueType, wanted)
    if not _fits(field, kind, default, place, mistakes):
        return None
    return field.model_copy(update={"type": kind, "default": conform(kind, default)})


def _fits(
    field: FormField, kind: ValueType, default: Any, place: Place, mistakes: Mistakes
) -> bool:
    try:
        conform(kind, default)
    except Refused as error:
        mistakes.add(
            place,
            f"the default of {field.name} does not fit: {error.said.en}.",
            f"la valeur par défaut de {field.name} ne convient pas : {error.said.fr}.",
        )
        return False
    return True


def _values(
    found: tuple[Place, Node] | None, otherwise: Place
) -> tuple[Place, Scalar | tuple[Scalar, ...] | None]:
    """A value, a list, or None where there is none that can be used."""
    if found is None:
        return otherwise, None
    node = found[1]
    if isinstance(node, One):
        return node.place, node.value
    if isinstance(node, Many):
        items = [one.value for one in node.items if isinstance(one, One)]
        whole = len(items) == len(node.items)
        return node.place, tuple(one for one in items if one is not None) if whole else None
    return node.place, None

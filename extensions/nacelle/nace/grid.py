"""Every combination of the settings that a search tries."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

import msgspec

from nacelle.nace.errors import NaceError

S = TypeVar("S", bound=msgspec.Struct)
Chosen = dict[str, Any]


def combinations(
    settings: S, grid: Mapping[str, Sequence[Any]], called: str = "The grid"
) -> list[tuple[Chosen, S]]:
    """The values chosen and the settings with them, for each combination, in a fixed order.

    The names are fields of the settings; `network.epochs` is a field of a field. Each combination
    comes once. Raises NaceError for an unknown name, no values, or a value that does not fit.
    """
    known = flat(settings)
    for name, values in grid.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
            raise NaceError(f"{called} has {name!r}, which is no setting; {advice}")
        if isinstance(values, str | bytes) or not isinstance(values, Sequence) or not values:
            raise NaceError(f"{called} has no list of values for {name!r}: write [value, ...].")
    found: dict[bytes, tuple[Chosen, S]] = {}
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        made = settings
        for name, value in chosen.items():
            made = _with(made, name, value, f"{called} gives {value!r} for {name!r}")
        found.setdefault(msgspec.json.encode(made), (chosen, made))
    return list(found.values())


def flat(settings: msgspec.Struct) -> Chosen:
    """All settings by their dotted names, as JSON-able values."""
    return dict(_flat(settings, ""))


def _flat(settings: msgspec.Struct, before: str) -> Iterator[tuple[str, Any]]:
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, msgspec.Struct):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, msgspec.to_builtins(value)


def _with(settings: S, path: str, value: Any, said: str) -> S:
    """The settings with another value at a dotted name, checked against the types of the fields."""
    name, _, rest = path.partition(".")
    new = _with(getattr(settings, name), rest, value, said) if rest else value
    made = msgspec.structs.replace(settings, **{name: new})
    try:
        return msgspec.convert(msgspec.to_builtins(made), type(settings))
    except (msgspec.ValidationError, TypeError) as error:
        raise NaceError(f"{said}: {error}.") from None

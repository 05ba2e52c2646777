"""What a `parameters` cell assigns, read by grammar and never run: Python, R and Julia."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nacelle.language import Said

Scalar = str | int | float | bool

# A parameters cell is a handful of lines; trees of huge ones take gigabytes.
LONGEST_CELL = 50_000


class Assignment(NamedTuple):
    """`name = code`. `default` counts when `literal`; a tuple is a list. No annotation is ''."""

    name: str
    code: str
    literal: bool
    default: Scalar | tuple[Scalar, ...] | None = None
    annotation: str = ""
    choices: tuple[Scalar, ...] = ()
    help: str = ""


class Unreadable(Exception):
    """The cell cannot be read; `said` tells why."""

    def __init__(self, en: str, fr: str) -> None:
        super().__init__(en)
        self.said = Said(en, fr)


def read(source: str, language: str) -> list[Assignment]:
    """The assignments of a cell in order. Raises Unreadable."""
    if len(source) > LONGEST_CELL:
        raise Unreadable(
            f"The parameters cell has {len(source)} characters; {LONGEST_CELL} are read. Move data"
            " out of it.",
            f"La cellule des paramètres fait {len(source)} caractères ; {LONGEST_CELL} sont lus."
            " Déplacez-en les données.",
        )
    # Late: the readers return this module's types.
    from nacelle.jobs import assignments_python, assignments_r_julia

    readers: dict[str, Callable[[str], list[Assignment]]] = {
        "python": assignments_python.read,
        "r": assignments_r_julia.read_r,
        "julia": assignments_r_julia.read_julia,
    }
    if language not in readers:
        raise Unreadable(
            "Parameters can be given to notebooks in Python, R and Julia; this one is in another"
            " language.",
            "Des paramètres peuvent être donnés aux carnets en Python, R et Julia ; celui-ci est"
            " dans un autre langage.",
        )
    return readers[language](source)

"""What is wrong with a pipeline's file, each with the line and column where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from nacelle.jobs.refusal import Refused
from nacelle.language import Said

# Nobody mends more than these before trying again.
_MOST = 20
# What is repeated of a file may be long.
_LONGEST = 400


class Place(NamedTuple):
    """A place in a text; lines and columns count from 1."""

    line: int
    column: int


class Mistake(NamedTuple):
    """What is wrong at a place."""

    place: Place
    said: Said


class PipelineRefused(Refused):
    """A pipeline cannot be used; the message has a line file:line:column: what, for each."""

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes))[:_MOST])
        shown = [(f"{file}:{place.line}:{place.column}", said) for place, said in self.mistakes]
        super().__init__(
            "notebook",
            "\n".join(f"{where}: {said.en}" for where, said in shown),
            "\n".join(f"{where} : {said.fr}" for where, said in shown),
        )


class Mistakes:
    """Collects what is wrong, to be told at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Mistake] = []

    def add(self, place: Place, en: str, fr: str) -> None:
        self._found.append(Mistake(place, Said(en[:_LONGEST], fr[:_LONGEST])))

    def end(self) -> None:
        """Raise PipelineRefused if there is any."""
        if self._found:
            raise PipelineRefused(self.file, self._found)


def nearest(name: str, known: Iterable[str]) -> Said:
    """Half a sentence: which known name may be meant, or which there are."""
    known = list(known)
    if near := get_close_matches(name, known, n=1):
        return Said(f"did you mean {near[0]}?", f"vouliez-vous {near[0]} ?")
    if not known:
        return Said("there is none.", "il n'y en a pas.")
    return Said(f"there is {', '.join(known)}.", f"il y a {', '.join(known)}.")

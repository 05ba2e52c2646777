"""What a pipeline is made of, as its file says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nacelle.jobs.parameters import Form, FormField
from nacelle.jobs.pipelines import references
from nacelle.jobs.pipelines.mistakes import Place
from nacelle.jobs.pipelines.references import Reference, Unknown
from nacelle.jobs.values import Scalar


class Given(NamedTuple):
    """A value and the place of each text in it, for what it refers to."""

    place: Place
    value: Scalar | list[Scalar]
    inside: tuple[Place, ...]

    def references(self) -> Iterator[tuple[Place, Reference | Unknown]]:
        """What its texts refer to, and where."""
        items = self.value if isinstance(self.value, list) else [self.value]
        for place, text in zip(self.inside, items, strict=True):
            if isinstance(text, str):
                for found in references.find(text):
                    yield Place(place.line, place.column + found.at), found


@dataclass(frozen=True)
class Step:
    """A notebook in a pipeline, run once or once for each combination of its matrix.

    `needs` are the steps that it names, beside those whose outputs it refers to; `timeout` is in
    seconds, None for the job's alone.
    """

    name: str
    place: Place
    notebook: str
    notebook_place: Place
    parameters: dict[str, tuple[Place, Given]]
    needs: tuple[tuple[Place, str], ...] = ()
    matrix: dict[str, tuple[Place, Given]] | None = None
    kernel: str | None = None
    timeout: int | None = None

    def references(self) -> Iterator[tuple[Place, Reference | Unknown]]:
        """Everything that its parameters and its matrix refer to."""
        for _, given in (*self.parameters.values(), *(self.matrix or {}).values()):
            yield from given.references()

    def before(self) -> list[tuple[Place, str]]:
        """Names of the steps that must have ended before it, each once, with a place."""
        found = {name: place for place, name in self.needs}
        for place, one in self.references():
            if isinstance(one, Reference) and one.kind == "steps":
                found.setdefault(one.name, place)
        return [(place, name) for name, place in found.items()]


@dataclass(frozen=True)
class Pipeline:
    """Steps in the order of the file; `file` is its name, `fields` what a form asks for."""

    file: str
    name: str
    fields: tuple[FormField, ...]
    steps: tuple[Step, ...]

    @property
    def form(self) -> Form:
        return Form(fields=self.fields)

    def step(self, name: str) -> Step | None:
        return next((one for one in self.steps if one.name == name), None)

"""The values of a run: what a step's parameters and its matrix are when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from nacelle.jobs import filling
from nacelle.jobs.parts import Value
from nacelle.jobs.pipelines import references
from nacelle.jobs.pipelines.pipeline import Given, Pipeline, Step
from nacelle.jobs.pipelines.references import Reference
from nacelle.jobs.pipelines.understanding import MOST_ITEMS
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.values import ValueType


@dataclass(frozen=True)
class Times:
    """The times that texts are filled with."""

    scheduled: datetime
    actual: datetime
    zone: str

    def fill(self, values: Mapping[str, Value]) -> dict[str, Any]:
        return dict(filling.fill(values, self.scheduled, self.actual, self.zone))

    def write(self, text: str) -> str:
        """A text of the pipeline with its times."""
        if "{" not in text:
            return text
        return str(self.fill({"text": Value(type="text", value=text)})["text"])


def values_of(pipeline: Pipeline, given: Mapping[str, Value], times: Times) -> dict[str, Any]:
    """The parameters of a run: what was given, else the defaults."""
    values = {}
    for one in pipeline.fields:
        kind: ValueType = "text" if one.type == "computed" else one.type
        if one.name in given:
            values[one.name] = given[one.name]
        elif one.default is not None:
            values[one.name] = Value(type=kind, value=one.default)
    return times.fill(values)


@dataclass(frozen=True)
class Known:
    """What can be referred to. `output` gives that of a step that is over, or raises KeyError."""

    values: Mapping[str, Any]
    run: Mapping[str, str]
    times: Times
    output: Callable[[str, str], Any]

    def parameters(self, step: Step, matrix: Mapping[str, Any]) -> dict[str, Any]:
        """What a step's notebook gets. Raises Ended where an output was not given."""
        return {name: self._resolve(given, matrix) for name, (_, given) in step.parameters.items()}

    def combinations(self, step: Step) -> list[dict[str, Any]]:
        """The values of each item of a step's matrix; one without any where it has none."""
        lists = []
        for name, (_, given) in (step.matrix or {}).items():
            found = self._resolve(given, {})
            if not isinstance(found, list) or any(isinstance(one, list) for one in found):
                raise Ended("no-list", name=name, most=MOST_ITEMS)
            lists.append([(name, one) for one in found])
        combinations = [dict(one) for one in product(*lists)]
        if len(combinations) > MOST_ITEMS:
            raise Ended("no-list", name=", ".join(step.matrix or ()), most=MOST_ITEMS)
        return combinations

    def _resolve(self, given: Given, matrix: Mapping[str, Any]) -> Any:
        def value_of(found: Reference) -> Any:
            if found.kind == "steps":
                return self._output(found)
            known = {"parameters": self.values, "matrix": matrix, "run": self.run}
            return known[found.kind][found.name]

        def one(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            return references.replace(value, value_of, self.times.write)

        if isinstance(given.value, list):
            return [one(item) for item in given.value]
        return one(given.value)

    def _output(self, found: Reference) -> Any:
        try:
            return self.output(found.name, found.output)
        except KeyError:
            raise Ended("no-output", output=found.output, step=found.name) from None

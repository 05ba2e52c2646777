"""Pipelines whose steps run in pods of their own on a cluster: which, and in what order. Pure.

Numbered, each with a test of its number in tests/jobs/pipelines/test_pipelines_spreading.py:

1. A pipeline with a matrix is spread: each step is a Job, one with a matrix an Indexed Job with a
   pod for each combination.
2. One whose steps share files on disk (`${run.folder}`) stays in one pod, its matrix too.
3. One without a matrix stays in one pod: it would only wait for more of them.
4. Steps have their turn one after the other, in the order of the file, each after what it needs.
5. How many combinations the first step has is known before it runs: nothing has run that its
   matrix could refer to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from nacelle.jobs.job import Snapshot
from nacelle.jobs.pipelines.bundle import is_bundle, read_bundle
from nacelle.jobs.pipelines.pipeline import Pipeline, Step
from nacelle.jobs.pipelines.references import Reference
from nacelle.jobs.pipelines.resolving import Known, Times, values_of
from nacelle.jobs.pipelines.understanding import Understood, understand

_MOST_BYTES = 2**30
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class First(NamedTuple):
    """The step that a spread pipeline begins with: how many combinations it has, None without a
    matrix, and whether it is the only one."""

    step: str
    items: int | None
    alone: bool


def read_spread(content: bytes) -> Understood | None:
    """The pipeline that these bytes are, if it is to be spread. Raises Refused."""
    if not is_bundle(content):
        return None
    understood = understand(read_bundle(content, _MOST_BYTES))
    return understood if is_spread(understood.pipeline) else None


def is_spread(pipeline: Pipeline) -> bool:
    """Whether its steps run in pods of their own."""
    if all(step.matrix is None for step in pipeline.steps):
        return False
    found = [one for step in pipeline.steps for _, one in step.references()]
    return not any(
        isinstance(one, Reference) and (one.kind, one.name) == ("run", "folder") for one in found
    )


def in_order(pipeline: Pipeline) -> tuple[Step, ...]:
    """The steps, each after those that it needs, otherwise as in the file."""
    found: list[Step] = []
    waiting = list(pipeline.steps)
    while waiting:
        there = {step.name for step in found}
        # There is one: circles are refused when the pipeline is read.
        ready = next(step for step in waiting if {name for _, name in step.before()} <= there)
        found.append(ready)
        waiting.remove(ready)
    return tuple(found)


def first_of(pipeline: Pipeline, snapshot: Snapshot, zone: str = "UTC") -> First:
    """What a run of a spread pipeline begins with. Raises Ended where its matrix is no list."""
    steps = in_order(pipeline)
    if steps[0].matrix is None:
        return First(steps[0].name, None, alone=len(steps) == 1)
    times = Times(_SOME_DAY, _SOME_DAY, zone)
    known = Known(values_of(pipeline, snapshot.parameters, times), _NO_RUN, times, _nothing)
    return First(steps[0].name, len(known.combinations(steps[0])), alone=len(steps) == 1)


_NO_RUN = {"folder": "", "target": "", "id": ""}


def _nothing(step: str, output: str) -> None:
    raise KeyError(output)

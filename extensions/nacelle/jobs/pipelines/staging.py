"""One step in a process of its own: an index of a Job runs one combination of the step's matrix.

What earlier steps gave is read from the run's record, which the engine has put beside the results;
where there is none yet, the step is the first, and nothing was given. What this one gave is written
into `item.json`, beside its notebook. `{actual}` is when the process began, unless there is a
record: then it is when the run did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from nacelle.jobs.exits import explain
from nacelle.jobs.order import Order
from nacelle.jobs.parts import Exit, UtcTime
from nacelle.jobs.pipelines.bundle import read_bundle
from nacelle.jobs.pipelines.outputs import given
from nacelle.jobs.pipelines.pipeline import Pipeline, Step
from nacelle.jobs.pipelines.records import (
    ITEM,
    ItemRecord,
    PipelineRecord,
    output_of,
    read_record,
)
from nacelle.jobs.pipelines.resolving import Known, Times, values_of
from nacelle.jobs.pipelines.step_folder import shared_folder
from nacelle.jobs.pipelines.stepping import Task, work_of
from nacelle.jobs.pipelines.understanding import Understood, understand
from nacelle.jobs.refusal import Refused
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.executing import Bench, Rights, run_notebook
from nacelle.jobs.running.files import write_text
from nacelle.jobs.running.kernel import find_kernel


class Chosen(NamedTuple):
    """The step and the values that this process runs."""

    step: Step
    matrix: dict[str, Any]
    values: dict[str, Any]


def run_stage(bench: Bench, content: bytes, started: UtcTime, rights: Rights) -> None:
    """Run the one item that is ordered; when this returns, it succeeded. Raises Ended."""
    order = bench.order
    assert order.stage is not None
    try:
        bundle = read_bundle(content, 2**30)
        understood = understand(bundle)
    except Refused as error:
        raise Ended("notebook", message=error.said.en) from None
    item = ItemRecord(
        step=order.stage.step, number=order.stage.number, state="running", started=_now()
    )
    bench.uploads.follow(bench.folder.path / ITEM, ITEM)
    try:
        chosen = choose(order, understood, read_record(bench.folder), started, _shared(bench))
        item = item.model_copy(update={"matrix": chosen.matrix})
        bench.journal.say(f"Step {item.shown}")
        task = Task(
            chosen.step,
            item.name,
            bundle.notebooks[chosen.step.notebook],
            understood.notebooks[chosen.step.notebook],
            chosen.values,
        )
        outputs = _run(bench, task, rights)
    except Ended as end:
        _keep(bench, item, "failed", exit=end.exit)
        raise
    except Exception:
        _keep(bench, item, "failed", exit=explain("platform", request=order.run.id[:8]))
        raise
    _keep(bench, item, "succeeded", outputs=outputs)


def choose(
    order: Order,
    understood: Understood,
    record: PipelineRecord | None,
    started: UtcTime,
    shared: str = "",
) -> Chosen:
    """The item that an order names, with its values. Raises Ended where they are not to be had."""
    stage, pipeline = order.stage, understood.pipeline
    assert stage is not None
    step = pipeline.step(stage.step)
    if step is None or (record is None and stage.goes_on):
        raise Ended("notebook", message="the run's record or its step is not there")
    known = _known(order, pipeline, record, started, shared)
    combinations = known.combinations(step)
    place = (stage.number or 1) - 1
    if place >= len(combinations):
        raise Ended("notebook", message=f"its matrix has no combination {stage.number}")
    matrix = combinations[place]
    return Chosen(step, matrix, known.parameters(step, matrix))


def _known(
    order: Order,
    pipeline: Pipeline,
    record: PipelineRecord | None,
    started: UtcTime,
    shared: str,
) -> Known:
    run: Mapping[str, str] = {"folder": shared, "target": order.run_target, "id": order.run.id}
    if record is None:
        times = Times(order.run.scheduled, started, order.zone)
        values = values_of(pipeline, order.snapshot.parameters, times)
        return Known(values, run, times, lambda step, name: output_of((), False, name))
    matrices = {step.name for step in pipeline.steps if step.matrix is not None}
    times = Times(record.scheduled, record.started, order.zone)

    def output(step: str, name: str) -> Any:
        items = [one for one in record.items if one.step == step]
        return output_of(items, step in matrices, name)

    return Known(record.values, run, times, output)


def _run(bench: Bench, task: Task, rights: Rights) -> dict[str, Any]:
    work = work_of(bench.order, task, bench.order.target)
    run_notebook(bench, work, rights)
    produced = json.loads(bench.folder.notebook.read_bytes())
    return dict(given(produced, str(find_kernel(work.kernel).language).lower()))


def _keep(
    bench: Bench,
    item: ItemRecord,
    state: str,
    *,
    outputs: dict[str, Any] | None = None,
    exit: Exit | None = None,
) -> None:
    """What is to be known of the item by the engine, and by a run that goes on."""
    made = item.model_copy(
        update={"state": state, "outputs": outputs or {}, "exit": exit, "ended": _now()}
    )
    write_text(bench.folder.path / ITEM, bench.hider.hide(made.model_dump_json()))


def _shared(bench: Bench) -> str:
    return str(shared_folder(bench.folder))


def _now() -> datetime:
    return datetime.now(UTC)

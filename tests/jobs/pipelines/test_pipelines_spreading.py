"""The numbered cases of nacelle.jobs.pipelines.spreading, and what a pod makes of them.

Tier: pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.job import Snapshot
from nacelle.jobs.order import Order, Stage
from nacelle.jobs.parts import Environment, Exit, Notebook, Sentence, Value
from nacelle.jobs.pipelines.bundle import write_bundle
from nacelle.jobs.pipelines.ending import exit_of
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord
from nacelle.jobs.pipelines.spreading import First, first_of, in_order, is_spread, read_spread
from nacelle.jobs.pipelines.staging import choose
from nacelle.jobs.running.ending import Ended
from tests.jobs import samples
from tests.jobs.pipelines.pipelines import bundle, understood

SWEEP = """
    name: sweep
    parameters:
      rates: [0.1, 0.2]
      day: "{scheduled:%Y-%m-%d}"
    steps:
      - name: best
        notebook: best.ipynb
        parameters: {scores: "${steps.try.outputs.score}"}
      - name: try
        notebook: try.ipynb
        matrix: {rate: "${parameters.rates}", seed: [1, 2, 3]}
        parameters: {rate: "${matrix.rate}", day: "${parameters.day}", out: "${run.target}/x"}
"""
TRY = ["rate = 0.0\nday = out = ''", 'import nacelle\nnacelle.output("score", rate)']
BEST = ["scores = []", "max(scores)"]


def sweep(text: str = SWEEP) -> Any:
    return understood(text, **{"try": TRY, "best": BEST})


def snapshot(**parameters: Value) -> Snapshot:
    return Snapshot(
        notebook=Notebook(sha256="a" * 64, path="sweep.yaml"),
        environment=Environment(profile="python", kernel="python3"),
        parameters=parameters,
    )


def order(stage: Stage, **parameters: Value) -> Order:
    what = snapshot(**parameters)
    return Order(
        run=samples.run(version=what.version),
        snapshot=what,
        job_name="sweep",
        owner="ada",
        zone="Europe/Paris",
        notebook_file=Path("/work/notebook.ipynb"),
        kernel="python3",
        variables={},
        memory_bytes=1,
        target="s3://user-ada/jobs/sweep-1/when-1",
        broker_url="http://broker.test",
        stage=stage,
    )


def test_case_1_a_pipeline_with_a_matrix_is_spread() -> None:
    assert is_spread(sweep().pipeline)
    content = write_bundle(bundle(SWEEP, **{"try": TRY, "best": BEST}))
    found = read_spread(content)
    assert found and found.pipeline.name == "sweep"
    assert read_spread(samples.content("1 + 1")) is None


def test_case_2_steps_that_share_files_stay_together() -> None:
    assert not is_spread(sweep(SWEEP.replace("${run.target}/x", "${run.folder}/x")).pipeline)


def test_case_3_without_a_matrix_steps_stay_together() -> None:
    text = "name: n\nsteps:\n  - {name: best, notebook: best.ipynb}\n"
    assert not is_spread(understood(text, best=BEST).pipeline)


def test_case_4_each_step_after_what_it_needs() -> None:
    assert [step.name for step in in_order(sweep().pipeline)] == ["try", "best"]


def test_case_5_what_the_first_step_has_is_known() -> None:
    assert first_of(sweep().pipeline, snapshot()) == First("try", 6, alone=False)
    given = Value(type="list", value=(0.1, 0.2, 0.3))
    assert first_of(sweep().pipeline, snapshot(rates=given)).items == 9
    alone = SWEEP[: SWEEP.index("- name: best")] + SWEEP[SWEEP.index("- name: try") :]
    assert first_of(sweep(alone).pipeline, snapshot()) == First("try", 6, alone=True)
    with pytest.raises(Ended) as told:
        first_of(sweep().pipeline, snapshot(rates=Value(type="text", value="x")))
    assert told.value.exit.code == "no-list"


def test_an_index_takes_its_combination() -> None:
    stage = Stage(step="try", numbers=(1, 2, 3, 4, 5, 6))
    chosen = choose(order(stage).of_item(5), sweep(), None, samples.NOON)
    assert chosen.matrix == {"rate": 0.2, "seed": 2}
    assert chosen.values == {
        "rate": 0.2,
        "day": samples.NOON.strftime("%Y-%m-%d"),
        "out": "s3://user-ada/jobs/sweep-1/when-1/x",
    }


def test_results_of_an_item_lie_apart() -> None:
    made = order(Stage(step="try", numbers=(2, 4)))
    assert made.run_target == made.target == "s3://user-ada/jobs/sweep-1/when-1"
    item = made.of_item(4)
    assert item.target == f"{made.target}/steps/try-4"
    assert item.run_target == made.target
    assert made.of_item(None).target == f"{made.target}/steps/try"


def test_a_later_step_takes_what_the_record_says() -> None:
    items = tuple(
        ItemRecord(step="try", number=one, state="succeeded", outputs={"score": one / 10})
        for one in range(1, 7)
    )
    record = PipelineRecord(
        run=samples.ID, version="b" * 64, values={"rates": [0.1, 0.2], "day": "then"},
        scheduled=datetime(2020, 1, 1, tzinfo=UTC), started=datetime(2020, 1, 1, tzinfo=UTC),
        shared="", items=items,
    )  # fmt: skip
    stage = Stage(step="best", goes_on=True)
    chosen = choose(order(stage).of_item(None), sweep(), record, samples.NOON)
    assert chosen.values == {"scores": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
    with pytest.raises(Ended):
        choose(order(stage).of_item(None), sweep(), None, samples.NOON)


@pytest.mark.parametrize("number", [7, 300])
def test_an_index_beyond_the_matrix_runs_nothing(number: int) -> None:
    stage = Stage(step="try", numbers=(number,))
    with pytest.raises(Ended) as told:
        choose(order(stage).of_item(number), sweep(), None, samples.NOON)
    assert told.value.exit.code == "notebook"


def test_how_a_run_ended_says_how_many_failed() -> None:
    exit = Exit(code="exception", said=Sentence(en="Cell 2 stopped.", fr="Arrêt."), cell=2)
    items = [
        ItemRecord(step="try", number=one, matrix={"seed": one}, state="failed", exit=exit)
        for one in (1, 2)
    ]
    good = ItemRecord(step="try", number=3, state="succeeded")
    assert exit_of([good]) is None
    one = exit_of([good, items[1]])
    assert one and one.said.en == "Step try-2 (seed=2): Cell 2 stopped."
    assert one.cell is None
    two = exit_of([*items, good])
    assert two and two.said.en == (
        "2 of the 3 combinations of try failed; the first, try-1 (seed=1): Cell 2 stopped."
    )
    assert two.said.fr.startswith("2 des 3 combinaisons de try ont échoué ; la première")

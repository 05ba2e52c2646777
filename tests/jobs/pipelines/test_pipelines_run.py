"""Pipelines run by the platform's own runner: real kernels, results in the real store."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from nacelle.environments.machine import probe_machine
from nacelle.jobs.parts import Progress, Value
from nacelle.shares import share
from tests.jobs.pipelines.pipelines import Pipelines, bundle, printed, step
from tests.jobs.running.runs import TARGET, all_gone, notebook, parameters
from tests.support.waiting import wait_for

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

TWO = """
    name: two steps
    parameters:
      month: "{scheduled:%Y-%m}"
      size: {default: 3, help: how many}
    steps:
      - name: prepare
        notebook: prepare.ipynb
        parameters: {month: "${parameters.month}", size: "${parameters.size}"}
      - name: train
        notebook: train.ipynb
        parameters:
          table: ${steps.prepare.outputs.table}
          rows: ${steps.prepare.outputs.rows}
          title: "of ${parameters.month}: ${steps.prepare.outputs.rows}"
"""
PREPARE = [
    "month = ''\nsize = 1",
    "import nacelle\nnacelle.output('table', f's3://b/{month}')",
    "nacelle.output('rows', list(range(size)))",
]
TRAIN = ["table = ''\nrows = []\ntitle = ''", "print(repr(table), rows, title)"]


def test_outputs_of_a_step_are_parameters_of_the_next(pipelines: Pipelines) -> None:
    given = {"size": Value(type="whole", value=2)}
    done = pipelines.run(bundle(TWO, prepare=PREPARE, train=TRAIN), parameters=given)
    assert done.result.state == "succeeded", done.said_en + done.log + done.said
    assert printed(done, "train") == "'s3://b/2026-01' [0, 1] of 2026-01: 0, 1\n"
    assert done.folder.read_progress() == Progress(cell=5, of=5, step=2, steps=2)
    assert done.result.notebook == f"{TARGET}/notebook.ipynb"
    kinds = ("ipynb", "html")
    for name in (f"steps/{one}/notebook.{kind}" for one in ("prepare", "train") for kind in kinds):
        assert pipelines.place.object(name) == (done.folder.path / name).read_bytes()
    log = done.log
    assert "prepare: succeeded and gave table, rows" in log
    assert "train | 's3://b/2026-01' [0, 1] of 2026-01: 0, 1\n" in log
    index = done.notebook.cells[0].source
    assert "steps/train/notebook.html" in index and "rows = " in index
    assert "steps/train/notebook.html" in done.folder.html.read_text()
    left = {one.name for one in done.folder.path.iterdir()}
    assert not left & {"work", "home", "runtime", "shared"}
    assert done.said == ""


FANS_OUT = """
    name: fan out
    parameters:
      years: [2025, 2026]
    steps:
      - name: count
        notebook: count.ipynb
        matrix: {country: [FR, NO], year: "${parameters.years}"}
        parameters: {country: "${matrix.country}", year: "${matrix.year}"}
      - name: each
        notebook: each.ipynb
        matrix: {table: "${steps.count.outputs.table}"}
        parameters: {table: "${matrix.table}"}
      - name: sum
        notebook: sum.ipynb
        parameters: {tables: "${steps.each.outputs.table}", where: "${run.folder}"}
"""
COUNT = ["country = ''\nyear = 1", "import nacelle\nnacelle.output('table', f'{country}{year}')"]
EACH = ["table = ''", "import nacelle\nnacelle.output('table', table.lower())"]
SUM = ["tables = []\nwhere = ''", "import os\nprint(tables, os.listdir(where))"]


def test_a_matrix_runs_each_combination_and_gives_lists(pipelines: Pipelines) -> None:
    done = pipelines.run(bundle(FANS_OUT, count=COUNT, each=EACH, sum=SUM))
    assert done.result.state == "succeeded", done.said_en + done.log + done.said
    assert printed(done, "sum") == "['fr2025', 'fr2026', 'no2025', 'no2026'] []\n"
    assert "count-3 (country=NO, year=2025)" in done.notebook.cells[0].source
    assert b"NO2025" in pipelines.place.object("steps/count-3/notebook.ipynb")
    assert done.folder.read_progress() == Progress(cell=18, of=18, step=9, steps=9)


SIDE_BY_SIDE = """
    name: side by side
    steps:
      - {name: one, notebook: meet.ipynb, parameters: {me: a, other: b, where: "${run.folder}"}}
      - {name: two, notebook: meet.ipynb, parameters: {me: b, other: a, where: "${run.folder}"}}
"""
# Each waits until the other is there: they end only side by side.
MEET = [
    "me = other = where = ''",
    """import pathlib, time
folder = pathlib.Path(where)
(folder / me).touch()
while not (folder / other).exists():
    time.sleep(0.05)
print("met", other)""",
]


@pytest.mark.skipif("len(__import__('os').sched_getaffinity(0)) < 2")
def test_steps_of_one_level_run_side_by_side(pipelines: Pipelines) -> None:
    done = pipelines.run(bundle(SIDE_BY_SIDE, meet=MEET), timeout_seconds=60)
    assert done.result.state == "succeeded", done.said_en + done.log
    assert "one | met b\n" in done.log and "two | met a\n" in done.log


FAILS = """
    name: fails
    steps:
      - {name: good, notebook: good.ipynb}
      - {name: bad, notebook: bad.ipynb}
      - {name: after, notebook: good.ipynb, needs: [bad]}
      - {name: last, notebook: good.ipynb, needs: [after]}
      - {name: beside, notebook: good.ipynb, needs: good}
"""
BAD = ["x = 1", "1 / 0"]
FINE = ["x = 1", "print('fine')"]


def test_a_step_that_fails_stops_what_needs_it_and_nothing_else(pipelines: Pipelines) -> None:
    done = pipelines.run(bundle(FAILS, good=FINE, bad=BAD))
    assert (done.result.state, done.result.exit.code) == ("failed", "exception")
    assert done.said_en.startswith("Step bad: Cell 2 stopped with ZeroDivisionError: division by")
    assert done.result.exit.said.fr.startswith("Étape bad : La cellule 2")
    assert done.result.exit.cell is None
    assert printed(done, "beside") == "fine\n"
    assert not (done.folder.path / "steps" / "after").exists()
    assert "Left out: after, last" in done.log
    table = done.notebook.cells[0].source
    assert "| after | left out |" in table and "**failed**" in table
    assert b"ZeroDivisionError" in pipelines.place.object("steps/bad/notebook.html")
    assert done.result.notebook and done.result.html
    # Two of five steps ran to their end, and half of the bad one.
    assert done.folder.read_progress() == Progress(cell=5, of=10, step=5, steps=5)


def test_an_output_that_was_not_given_is_told(pipelines: Pipelines) -> None:
    done = pipelines.run(bundle(TWO, prepare=["month = ''\nsize = 1", UNKNOWN], train=TRAIN))
    assert done.result.exit.code == "no-output", done.said_en
    assert done.said_en.startswith("Step train: It asks for the output table of the step prepare,")


UNKNOWN = "import nacelle\nfor name in ['rows']:\n    nacelle.output(name, 1)"


def test_a_matrix_over_what_is_no_list(pipelines: Pipelines) -> None:
    text = FANS_OUT.replace("${steps.count", "${steps.sum").replace("${steps.each", "${steps.count")
    give = ["tables = []\nwhere = ''", "import nacelle\nnacelle.output('table', 'one')"]
    done = pipelines.run(bundle(text, count=COUNT, each=EACH, sum=give))
    assert done.result.exit.code == "no-list"
    assert done.said_en.startswith("Step each: The table of its matrix is no list")


SLOW = ["x = 1", "print('asleep')\nimport time\ntime.sleep(300)"]


def test_a_step_that_takes_too_long_is_stopped_alone(pipelines: Pipelines) -> None:
    text = FAILS.replace("notebook: bad.ipynb", "notebook: bad.ipynb, timeout: 3")
    done = pipelines.run(bundle(text, good=FINE, bad=SLOW))
    assert (done.result.state, done.result.exit.code) == ("failed", "step-timed-out")
    assert done.said_en.startswith("Step bad: It was stopped after 3 s, the limit of this step.")
    assert printed(done, "beside") == "fine\n" and printed(done, "bad") == "asleep\n"


def test_the_time_of_the_run_ends_all_of_it(pipelines: Pipelines) -> None:
    done = pipelines.run(bundle(FAILS, good=SLOW, bad=SLOW), timeout_seconds=10)
    assert (done.result.state, done.result.exit.code) == ("timed-out", "timed-out")
    assert "| beside | left out |" in done.notebook.cells[0].source


def test_a_run_that_is_stopped_leaves_no_process(pipelines: Pipelines) -> None:
    started = pipelines.place.start(pipelines.order(bundle(FAILS, good=SLOW, bad=SLOW)))
    started.wait_for("good | asleep")
    started.wait_for("bad | asleep")
    below = started.below()
    started.stop()
    done = started.done()
    assert (done.result.state, done.result.exit.code) == ("cancelled", "cancelled")
    all_gone(below)
    assert b"asleep" in pipelines.place.object("steps/good/notebook.ipynb")


def test_a_runner_that_is_killed_leaves_no_process(pipelines: Pipelines) -> None:
    started = pipelines.place.start(pipelines.order(bundle(FAILS, good=SLOW, bad=SLOW)))
    started.wait_for("good | asleep")
    started.wait_for("bad | asleep")
    below = started.below()
    started.process.send_signal(signal.SIGKILL)
    started.process.wait(20)
    all_gone(below)
    wait_for(lambda: not started.folder.is_alive(), 10, "the lock's end")


def test_a_bundle_that_was_changed_is_not_run(pipelines: Pipelines) -> None:
    folder = pipelines.order(bundle(FAILS, good=FINE, bad=BAD))
    order = folder.read_order()
    other = folder.path / "other"
    other.write_bytes(order.notebook_file.read_bytes().replace(b"fine", b"evil"))
    folder.write_order(order.model_copy(update={"notebook_file": other}))
    done = pipelines.place.start(folder).done()
    assert done.result.exit.code == "notebook"


def test_no_key_stands_in_what_a_pipeline_leaves(pipelines: Pipelines) -> None:
    show = "import os, nacelle\nnacelle.output('table', os.environ['MLFLOW_TRACKING_TOKEN'])"
    made = bundle(
        TWO, prepare=["month = ''\nsize = 1", show, "nacelle.output('rows', 1)"], train=TRAIN
    )
    done = pipelines.run(made)
    assert printed(done, "train").startswith("'[hidden]'")
    for file in done.folder.path.rglob("*"):
        if file.is_file():
            assert b"job-token-0123" not in file.read_bytes(), file


def test_a_parameter_that_is_code_stays_a_text(pipelines: Pipelines) -> None:
    code = "'; import os; os._exit(3); '${run.folder} {scheduled"
    text = TWO.replace('title: "of ${parameters.month}', 'title: "${parameters.code} $${x}')
    text = text.replace("parameters:", 'parameters:\n      code: "a"', 1)
    given = {"code": Value(type="text", value=code)}
    done = pipelines.run(bundle(text, prepare=PREPARE, train=TRAIN), parameters=given)
    assert done.result.state == "succeeded", done.said_en
    # What was given is not looked into for references.
    assert f"{code} ${{x}}: 0, 1, 2\n" in printed(done, "train")


def test_the_cell_of_parameters_of_a_step_is_papermills(pipelines: Pipelines) -> None:
    plain = notebook(parameters("x = 1"), "print(x)")
    text = "name: a\nsteps: [{name: one, notebook: n.ipynb, parameters: {x: 7}}]"
    done = pipelines.run(bundle(text, n=plain))
    assert printed(done, "one") == "7\n"
    tags = [cell.metadata.get("tags") for cell in step(done, "one").cells]
    assert ["injected-parameters"] in tags


LANGUAGES = """
    name: languages
    steps:
      - {name: python, notebook: python.ipynb}
      - {name: r, notebook: r.ipynb, parameters: {given: "${steps.python.outputs.words}"}}
      - {name: last, notebook: last.ipynb, parameters: {given: "${steps.r.outputs.words}"}}
"""


@pytest.mark.skipif("r" not in probe_machine().kernels, reason="R or IRkernel is not installed")
def test_a_step_in_r_runs_in_its_own_kernel(pipelines: Pipelines, tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "ir").symlink_to(share("kernels") / "r")
    cell = """cat('nacelle.output words = ["', rev(given)[1], '", "x"]\\n', sep = "")"""
    in_r = notebook(parameters("given <- ''"), cell, language="R").replace(b'"other"', b'"ir"')
    made = bundle(
        LANGUAGES,
        python=["x = 1", "import nacelle\nnacelle.output('words', ['a', 'été'])"],
        r=in_r,
        last=["given = []", "print(given)"],
    )
    done = pipelines.run(made, variables={"JUPYTER_PATH": str(tmp_path)})
    assert done.result.state == "succeeded", done.said_en + done.log + done.said
    assert printed(done, "last") == "['été', 'x']\n"

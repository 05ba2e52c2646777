"""A pipeline goes on from the step that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.parts import Value
from tests.jobs.pipelines.pipelines import Pipelines, bundle, printed
from tests.jobs.running.runs import Done, text
from tests.jobs.samples import NOON

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

STEPS = """
    name: goes on
    parameters:
      flag: ""
      day: "{scheduled:%Y-%m-%d}"
    steps:
      - name: first
        notebook: first.ipynb
        parameters: {where: "${run.folder}", day: "${parameters.day}"}
      - name: each
        notebook: each.ipynb
        matrix: {letter: [a, b]}
        parameters: {letter: "${matrix.letter}", flag: "${parameters.flag}"}
        needs: first
      - name: last
        notebook: last.ipynb
        parameters:
          file: ${steps.first.outputs.file}
          letters: ${steps.each.outputs.letter}
          now: "{scheduled:%Y-%m-%d}"
"""
FIRST = [
    "where = day = ''",
    """import nacelle, pathlib
file = pathlib.Path(where) / "table"
file.write_text(day)
nacelle.output("file", file)""",
]
# The second letter fails until somebody makes the file.
EACH = [
    "letter = flag = ''",
    """import nacelle, os
nacelle.output("letter", letter.upper())
if letter == "b" and not os.path.exists(flag):
    raise RuntimeError("not yet")""",
]
LAST = ["file = now = ''\nletters = []", "print(open(file).read(), file, letters, now)"]
MADE = bundle(STEPS, first=FIRST, each=EACH, last=LAST)


def failed(pipelines: Pipelines, flag: Path, **changes: Any) -> Done:
    done = pipelines.run(MADE, parameters={"flag": text(str(flag))}, **changes)
    assert done.result.exit.code == "exception"
    assert done.said_en.startswith("Step each-2 (letter=b): Cell 2 stopped with RuntimeError")
    return done


def again(pipelines: Pipelines, before: Done, flag: Path, **given: Value) -> Done:
    """Asked for ten days later."""
    parameters = {"flag": text(str(flag)), **given}
    return pipelines.again(before, MADE, parameters=parameters, days=10)


def test_finished_steps_are_taken_over(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    before = failed(pipelines, flag)
    flag.touch()
    done = again(pipelines, before, flag)
    assert done.result.state == "succeeded", done.said_en + done.log + done.said
    assert f"Going on from the run {before.folder.path.name[:8]}" in done.log
    for name in ("first", "each-1"):
        assert f"{name}: taken over from the earlier run" in done.log
        assert f"{name}: Cell" not in done.log
    assert "each-2: Cell 2" in done.log
    # The copy's file, with the values and times of the run that began.
    shared = done.folder.path / "shared" / "table"
    day = NOON.strftime("%Y-%m-%d")
    assert printed(done, "last") == f"{day} {shared} ['A', 'B'] {day}\n"
    assert "succeeded, in an earlier run" in done.notebook.cells[0].source
    assert b"table" in pipelines.place.object("steps/first/notebook.ipynb")
    assert (before.folder.path / "shared" / "table").exists()
    assert not shared.exists()


def test_goes_on_from_a_run_that_went_on_itself(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    before = again(pipelines, failed(pipelines, flag), flag)
    assert before.result.state == "failed"
    flag.touch()
    done = again(pipelines, before, flag)
    assert done.result.state == "succeeded", done.said_en
    assert "first: taken over" in done.log and "first: Cell" not in before.log
    assert str(done.folder.path) in printed(done, "last")


def test_other_parameters_start_anew(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    before = failed(pipelines, flag)
    flag.touch()
    done = again(pipelines, before, flag, day=text("monday"))
    assert done.result.state == "succeeded", done.said_en
    assert "taken over" not in done.log
    assert printed(done, "last").startswith("monday ")


def test_a_run_that_succeeded_runs_anew(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    before = pipelines.run(MADE, parameters={"flag": text(str(flag))})
    done = again(pipelines, before, flag)
    assert done.result.state == "succeeded"
    assert "taken over" not in done.log


def test_what_is_damaged_runs_anew_with_all_after_it(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    before = failed(pipelines, flag)
    (before.folder.path / "steps" / "first" / "notebook.ipynb").unlink()
    flag.touch()
    done = again(pipelines, before, flag)
    assert done.result.state == "succeeded"
    assert "taken over" not in done.log and "each-1: Cell 2" in done.log


def test_a_run_whose_folder_is_gone_runs_anew(pipelines: Pipelines, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    before = failed(pipelines, flag)
    record = before.folder.path / "pipeline.json"
    assert json.loads(record.read_text())["items"][0]["outputs"]
    record.write_text("{")
    flag.touch()
    assert again(pipelines, before, flag).result.state == "succeeded"

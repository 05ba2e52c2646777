"""What is wrong with a pipeline is told with its line and column, all at once."""

from __future__ import annotations

from textwrap import dedent

import pytest

from nacelle.jobs.pipelines.references import Reference
from tests.jobs.pipelines.pipelines import mistakes, understood
from tests.jobs.running.runs import notebook

GIVES = ["year = 2026", "import nacelle", "nacelle.output('table', 's3://b/t')"]
TAKES = ["table = ''\nyear = 2026", "print(table)"]
GOOD = """
    name: figures
    parameters:
      year: 2026
    steps:
      - name: prepare
        notebook: a.ipynb
        parameters: {year: "${parameters.year}"}
      - name: train
        notebook: b.ipynb
        parameters:
          table: ${steps.prepare.outputs.table}
          year: 12
"""


def found(text: str) -> list[str]:
    return mistakes(text, a=GIVES, b=TAKES)


def test_a_good_pipeline_has_steps_and_a_form() -> None:
    pipeline, notebooks = understood(GOOD, a=GIVES, b=TAKES)
    assert [step.name for step in pipeline.steps] == ["prepare", "train"]
    assert [(field.name, field.type, field.default) for field in pipeline.fields] == [
        ("year", "whole", 2026)
    ]
    assert set(notebooks) == {"a.ipynb", "b.ipynb"}
    train = pipeline.steps[1]
    assert [name for _, name in train.before()] == ["prepare"]
    assert [one for _, one in train.references()] == [Reference("steps", "prepare", "table", 0)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("notebook: a", "notebok: a", "6:5: 'notebok' means nothing here; did you mean notebook?"),
        ("name: train", "name: prepare", "8:11: the step prepare is there already (line 5)"),
        ("steps.prepare", "steps.prepaer", "11:14: there is no step 'prepaer'; did you mean"),
        ("outputs.table", "outputs.tabel", "11:14: the step prepare gives no output 'tabel'; did"),
        ("parameters.year}", "parameters.yaer}", "7:25: there is no parameters.yaer; did you mean"),
        ("year: 12", "year: twelve", "12:7: b.ipynb: The parameter year: write a whole number"),
        ("year: 12", "yaer: 12", "12:7: b.ipynb: The notebook has no parameter yaer; did you"),
        ("year: 12", "year: {a: 1}", "12:13: a value is a text, a number, true or false, or a"),
        ("year: 12", "year:", "12:12: a value is a text, a number, true or false, or a list"),
        ("year: 12", 'year: "of ${matrix.year}"', "12:17: there is no matrix.year; there is none."),
        ("year: 12", "year: of ${year}", "12:16: ${year} names nothing; write ${parameters.NAME}"),
        ("year: 12", "year: ${parameters.year", "12:13: ${parameters.year names nothing; write"),
        ("year: 12", "year: ${run.fodler}", "12:13: there is no run.fodler; did you mean folder?"),
        ("b.ipynb", "c.ipynb", "9:15: there is no notebook c.ipynb; did you mean"),
        ("b.ipynb", "../b.ipynb", "9:15: a notebook is named from the pipeline's folder"),
        ("b.ipynb", "/b.ipynb", "9:15: a notebook is named from the pipeline's folder"),
        ("b.ipynb", "x/../../b.ipynb", "9:15: a notebook is named from the pipeline's folder"),
        ("b.ipynb", "b.txt", "9:15: a notebook is named from the pipeline's folder"),
        ("name: train", "name: a/b", "8:11: a step's name has 1 to 40 letters"),
        ("name: train", "name: train-2", "8:11: a step's name has 1 to 40 letters"),
        ("name: train", "name: 12", "8:11: 'name' is a text."),
        ("- name: train", "- title: train", "8:5: 'title' means nothing here; there is name"),
        ("name: figures", "name: a/b", "1:7: A job's name is no path"),
        ("name: figures", "title: figures", "1:1: 'title' means nothing here; there is name"),
        ("year: 2026\n", "year:\n", "3:8: the parameter year has no default"),
        ("year: 2026\n", "1year: 2026\n", "3:3: a parameter's name has letters"),
        ("year: 2026\n", "year: {defualt: 1}\n", "3:10: 'defualt' means nothing here; did you"),
        ("year: 2026\n", "year: {default: a, type: whole}\n", "3:28: the default of year does not"),
        ("year: 2026\n", "year: {default: a, type: int}\n", "3:28: 'type' is one of text, whole"),
        ("year: 2026\n", "year: 2026\n  year: 2\n", "4:3: 'year' stands here a second time (first"),
        ("year: 2026\n", "year: '{scheduled:%Q}'\n", "3:9: the default of year does not fit"),
        ("year: 12", "year: '{scheduled:%Q} ${run.id}'", "12:14: the time's format '%Q' cannot"),
        ("year: 2026\n", "year: &a 2026\n", "3:9: tags (!), anchors (&) and aliases (*) are"),
        ("year: 2026\n", "year: !!python/name:os.system ''\n", "3:9: tags (!), anchors (&)"),
        ("year: 2026\n", "year: 2026\n year: 3\n", "4:2: this is no YAML: "),
        ("- name: train", "- train\n  - name: train", "8:5: a step has names of its own"),
    ],
)
def test_a_mistake_is_told_with_its_place(before: str, after: str, said: str) -> None:
    text = dedent(GOOD).lstrip("\n")
    assert before in text
    lines = found(text.replace(before, after, 1))
    assert any(line.startswith(f"pipeline.yaml:{said}") for line in lines), lines


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("needs: [evaluate]", "13:13: there is no step 'evaluate'; "),
        ("needs: {a: b}", "13:12: 'needs' names steps: write"),
        ("needs: [train]", "13:13: steps wait for each other: train → train."),
        ("timeout: soon", "13:14: 'timeout' is a number of seconds"),
        ("timeout: 0", "13:14: 'timeout' is a number of seconds"),
        ("kernel: a b", "13:13: a kernel's name is one word."),
        ("matrix: {}", "8:11: the matrix has 1 combinations; 1 to 256 are run."),
        ("matrix: {a: FR}", "13:14: a matrix holds lists"),
        ("matrix: {a: []}", "13:14: a matrix holds lists"),
        ("matrix: {a: '${parameters.year}'}", "13:14: a matrix holds lists"),
        (f"matrix: {{a: {list(range(20))}, b: {list(range(20))}}}", "8:11: the matrix has 400"),
    ],
)
def test_a_step_that_cannot_be(more: str, said: str) -> None:
    text = f"{dedent(GOOD).lstrip(chr(10))}    {more}\n"
    (first, *others) = found(text) or [""]
    assert first.startswith(f"pipeline.yaml:{said}"), (first, others)


def test_steps_that_wait_for_each_other() -> None:
    text = dedent(GOOD).replace("parameters: {year", "needs: [train]\n    parameters: {year")
    (said,) = found(text)
    assert said.startswith("pipeline.yaml:12:14: steps wait for each other: ")
    assert "prepare → train → prepare" in said


def test_all_is_told_at_once_in_the_order_of_the_file() -> None:
    text = dedent(GOOD).replace("outputs.table", "outputs.a").replace("year: 12", "b: 1")
    assert [line.split(":")[1] for line in found(text)] == ["11", "12"]


@pytest.mark.parametrize("text", ["", "[]", "- a", "name: x", "name: x\nsteps: []", "12", "a: b"])
def test_what_is_no_pipeline(text: str) -> None:
    assert found(text)[0].startswith("pipeline.yaml:")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x]\nb: [*a, *a]",
        "[" * 100_000,
        "{a: " * 50_000,
        "x" * 100_001,
        "a: \x01",
        "? [a]\n: b",
        "a: [\n" * 5_000,
        f"name: a\n{'b' * 50_000}: c",
    ],
    ids=["aliases", "deep lists", "deep names", "long", "sign", "key", "deep lines", "long name"],
)
def test_a_file_made_to_harm_is_refused(text: str) -> None:
    said = found(text)
    assert said and len("".join(said)) < 2_000


def test_values_are_what_a_person_means() -> None:
    text = """
        name: figures
        parameters:
          country: NO
          code: 01.11
          on: 2026-01-31
          sure: true
          sizes: [1, 2.5]
          region: {default: FR, choices: [FR, DE], help: the region}
          key: {default: team/key, type: secret}
        steps:
          - {name: one, notebook: a.ipynb}
    """
    pipeline, _ = understood(text, a=GIVES)
    shown = {field.name: (field.type, field.default) for field in pipeline.fields}
    assert shown == {
        "country": ("text", "NO"),
        "code": ("text", "01.11"),
        "on": ("date", "2026-01-31"),
        "sure": ("yes-no", True),
        "sizes": ("list", (1, 2.5)),
        "region": ("text", "FR"),
        "key": ("secret", "team/key"),
    }
    assert pipeline.fields[5].choices == ("FR", "DE") and pipeline.fields[5].help == "the region"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("nacelle.output('x', 1)", True),
        ("nacelle.output(name='x', value=1)", True),
        ("from nacelle import output\noutput('x', 1)", True),
        ("%matplotlib inline\n!ls\nif 1:\n    !ls\nnacelle.output('x', 1)", True),
        ("for name in 'ab':\n    nacelle.output(name, 1)", False),
        ("from nacelle import output as give\ngive('table', 1)", False),
        ("output = !ls", False),
        ("output = 1 + " + "1 + " * 20_000 + "1", False),
    ],
)
def test_outputs_are_known_where_the_source_names_them(cell: str, told: bool) -> None:
    """Where it does not, no output is refused before the run."""
    assert bool(mistakes(GOOD, a=["year = 1", cell], b=TAKES)) is told


def test_outputs_of_another_language_are_not_known_before() -> None:
    (said,) = mistakes(GOOD, a=notebook("1", language="R"), b=TAKES)
    assert "has no parameter year" in said
    text = GOOD.replace('parameters: {year: "${parameters.year}"}', "needs: []")
    assert mistakes(text, a=notebook("1", language="R"), b=TAKES) == []


def test_a_notebook_that_cannot_be_read() -> None:
    (said,) = mistakes(GOOD, a=b"{}", b=TAKES)
    assert said.startswith("pipeline.yaml:6:15: a.ipynb: This file is no notebook")

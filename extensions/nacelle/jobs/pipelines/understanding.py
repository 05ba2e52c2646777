"""A pipeline with its notebooks, checked: references lead somewhere, no step waits for itself.

The cases, each with a test in tests/jobs/pipelines/test_pipelines_checks.py: a notebook that is not
there or cannot be read; a step that needs one that is not there, or itself by way of others; a
reference to a parameter, an output or an item of a matrix that there is none of; a parameter that
the step's notebook does not have, or of another type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nacelle.jobs import parameters
from nacelle.jobs.notebook import NotebookFile, read_notebook
from nacelle.jobs.parameters import Form, read_form
from nacelle.jobs.pipelines.bundle import Bundle
from nacelle.jobs.pipelines.mistakes import Mistakes, Place, nearest
from nacelle.jobs.pipelines.outputs import declared
from nacelle.jobs.pipelines.pipeline import Given, Pipeline, Step
from nacelle.jobs.pipelines.reading import read_pipeline
from nacelle.jobs.pipelines.references import OF_THE_RUN, Reference, Unknown
from nacelle.jobs.refusal import Refused
from nacelle.jobs.values import conform

MOST_ITEMS = 256


class Understood(NamedTuple):
    """A pipeline that can run, and its notebooks by their paths."""

    pipeline: Pipeline
    notebooks: Mapping[str, NotebookFile]


def understand(bundle: Bundle) -> Understood:
    """Check a pipeline with its notebooks. Raises PipelineRefused with all that is wrong."""
    pipeline = read_pipeline(bundle.text, bundle.file)
    mistakes = Mistakes(bundle.file)
    notebooks: dict[str, NotebookFile] = {}
    for step in pipeline.steps:
        _read(step, bundle.notebooks, notebooks, mistakes)
    for step in pipeline.steps:
        _check_needs(step, pipeline, mistakes)
    mistakes.end()
    _refuse_cycles(pipeline, mistakes)
    outputs = {path: declared(file) for path, file in notebooks.items()}
    forms = {path: read_form(file) for path, file in notebooks.items()}
    for step in pipeline.steps:
        for place, found in step.references():
            _check_reference(step, place, found, pipeline, outputs, mistakes)
        _check_matrix(step, pipeline, mistakes)
        _check_texts(step, mistakes)
        for name, (place, given) in step.parameters.items():
            _check_parameter(name, place, given, step, forms[step.notebook], mistakes)
    mistakes.end()
    return Understood(pipeline, notebooks)


def _read(
    step: Step, given: Mapping[str, bytes], read: dict[str, NotebookFile], mistakes: Mistakes
) -> None:
    if step.notebook in read:
        return
    if step.notebook not in given:
        near = nearest(step.notebook, given)
        mistakes.add(
            step.notebook_place,
            f"there is no notebook {step.notebook}; {near.en}",
            f"il n'y a pas de carnet {step.notebook} ; {near.fr}",
        )
        return
    try:
        # All together are limited already.
        read[step.notebook] = read_notebook(given[step.notebook], 2**40)
    except Refused as error:
        mistakes.add(
            step.notebook_place,
            f"{step.notebook}: {error.said.en}",
            f"{step.notebook} : {error.said.fr}",
        )


def _check_needs(step: Step, pipeline: Pipeline, mistakes: Mistakes) -> None:
    names = [one.name for one in pipeline.steps]
    for place, name in step.before():
        if name not in names:
            near = nearest(name, [one for one in names if one != step.name])
            mistakes.add(
                place,
                f"there is no step {name!r}; {near.en}",
                f"pas d'étape « {name} » ; {near.fr}",
            )


def _refuse_cycles(pipeline: Pipeline, mistakes: Mistakes) -> None:
    done: set[str] = set()

    def follow(step: Step, way: tuple[str, ...]) -> None:
        for place, name in step.before():
            if name in way:
                circle = " → ".join((*way[way.index(name) :], name))
                mistakes.add(
                    place,
                    f"steps wait for each other: {circle}. Take one of these needs away.",
                    f"des étapes s'attendent entre elles : {circle}. Retirez l'un de ces besoins.",
                )
                mistakes.end()
            before = pipeline.step(name)
            if before and name not in done:
                follow(before, (*way, name))
        done.add(step.name)

    for step in pipeline.steps:
        follow(step, (step.name,))


def _check_reference(
    step: Step,
    place: Place,
    found: Reference | Unknown,
    pipeline: Pipeline,
    outputs: Mapping[str, frozenset[str] | None],
    mistakes: Mistakes,
) -> None:
    if isinstance(found, Unknown):
        mistakes.add(
            place,
            f"{found.text} names nothing; write ${{parameters.NAME}},"
            " ${steps.STEP.outputs.NAME}, ${matrix.NAME}, or ${run.folder}; for the signs"
            " themselves, $${.",
            f"{found.text} ne désigne rien ; écrivez ${{parameters.NOM}},"
            " ${steps.ETAPE.outputs.NOM}, ${matrix.NOM} ou ${run.folder} ; pour les signes"
            " mêmes, $${.",
        )
        return
    if found.kind == "steps":
        before = pipeline.step(found.name)
        names = outputs[before.notebook] if before else None
        if names is not None and found.output not in names:
            near = nearest(found.output, sorted(names))
            mistakes.add(
                place,
                f"the step {found.name} gives no output {found.output!r}; {near.en} A notebook"
                f' gives one by nacelle.output("{found.output}", ...).',
                f"l'étape {found.name} ne donne pas « {found.output} » ; {near.fr} Un carnet le"
                f' donne par nacelle.output("{found.output}", ...).',
            )
        return
    known = {
        "parameters": [field.name for field in pipeline.fields],
        "matrix": list(step.matrix or {}),
        "run": list(OF_THE_RUN),
    }[found.kind]
    if found.name not in known:
        near = nearest(found.name, known)
        mistakes.add(
            place,
            f"there is no {found.kind}.{found.name}; {near.en}",
            f"il n'y a pas de {found.kind}.{found.name} ; {near.fr}",
        )


def _check_matrix(step: Step, pipeline: Pipeline, mistakes: Mistakes) -> None:
    items = 1
    lists = {field.name for field in pipeline.fields if field.type == "list"}
    for place, given in (step.matrix or {}).values():
        found = [one for _, one in given.references() if isinstance(one, Reference)]
        if isinstance(given.value, list):
            items *= len(given.value)
            fine = bool(given.value) and not any(one.kind == "matrix" for one in found)
        else:
            # A text that is nothing but a reference to a list.
            whole = isinstance(given.value, str) and len(found) == 1
            fine = whole and (found[0].kind == "steps" or found[0].name in lists)
        if not fine:
            mistakes.add(
                place,
                "a matrix holds lists: [FR, DE], ${parameters.NAME} of type list, or"
                " ${steps.STEP.outputs.NAME}.",
                "une matrice contient des listes : [FR, DE], ${parameters.NOM} de type list, ou"
                " ${steps.ETAPE.outputs.NOM}.",
            )
    if items > MOST_ITEMS or step.matrix == {}:
        mistakes.add(
            step.place,
            f"the matrix has {items} combinations; 1 to {MOST_ITEMS} are run.",
            f"la matrice a {items} combinaisons ; de 1 à {MOST_ITEMS} sont exécutées.",
        )


def _check_texts(step: Step, mistakes: Mistakes) -> None:
    """How long texts are, and the times that are written into them."""
    for _, given in (*step.parameters.values(), *(step.matrix or {}).values()):
        items = given.value if isinstance(given.value, list) else [given.value]
        for place, text in zip(given.inside, items, strict=True):
            try:
                if isinstance(text, str):
                    conform("text", text)
            except Refused as error:
                mistakes.add(place, f"{error.said.en}.", f"{error.said.fr}.")


def _check_parameter(
    name: str, place: Place, given: Given, step: Step, form: Form, mistakes: Mistakes
) -> None:
    if form.problem is not None and form.cell is not None:
        # Its cell cannot be read: papermill will put the value in all the same.
        return
    known = {field.name for field in form.fields}
    if name in known and any(True for _ in given.references()):
        # Its type is known when it runs.
        return
    try:
        parameters.check({name: given.value}, form)
    except parameters.ParametersRefused as error:
        said = error.problems[name]
        mistakes.add(place, f"{step.notebook}: {said.en}", f"{step.notebook} : {said.fr}")

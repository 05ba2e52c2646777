"""From the text of a pipeline's file to its steps; what each name may hold is told here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from nacelle.jobs.naming import job_name
from nacelle.jobs.pipelines.asking import read_parameters
from nacelle.jobs.pipelines.mistakes import Mistakes, Place, nearest
from nacelle.jobs.pipelines.pipeline import Given, Pipeline, Step
from nacelle.jobs.pipelines.yaml_reading import Many, Named, Node, One, read_yaml
from nacelle.jobs.refusal import Refused

MOST_STEPS = 100
_TOP = ("name", "parameters", "steps")
_OF_A_STEP = ("name", "notebook", "parameters", "needs", "matrix", "kernel", "timeout")
# A number at its end is that of an item of a matrix.
_STEP_NAME = re.compile(r"(?!.*-[0-9]+$)[A-Za-z][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
_LONGEST_TIMEOUT = 7 * 86_400


def read_pipeline(text: str, file: str) -> Pipeline:
    """Read a pipeline's file, alone: notebooks and references are not looked at.

    Raises PipelineRefused with all that is wrong.
    """
    mistakes = Mistakes(file)
    root = read_yaml(text, mistakes)
    if not isinstance(root, Named):
        mistakes.add(
            root.place,
            "a pipeline has a name and steps: write 'name: figures', and 'steps:' with a list.",
            "une chaîne a un nom et des étapes : écrivez « name: chiffres », et « steps: » avec"
            " une liste.",
        )
        mistakes.end()
        raise AssertionError("told above")
    known(root, _TOP, mistakes)
    name = _name(root, mistakes)
    fields = read_parameters(root.items.get("parameters"), mistakes)
    steps = tuple(_steps(root, mistakes))
    mistakes.end()
    return Pipeline(file, name, fields, steps)


def known(node: Named, names: Iterable[str], mistakes: Mistakes) -> None:
    """Tell of names that mean nothing here."""
    for name, (place, _) in node.items.items():
        if name not in names:
            near = nearest(name, names)
            mistakes.add(
                place,
                f"{name!r} means nothing here; {near.en}",
                f"« {name} » ne veut rien dire ici ; {near.fr}",
            )


def _name(root: Named, mistakes: Mistakes) -> str:
    place, node = root.items.get("name", (root.place, None))
    name = node.value if isinstance(node, One) else None
    if not isinstance(name, str):
        mistakes.add(
            place,
            "a pipeline has a name; write 'name: monthly figures'.",
            "une chaîne a un nom ; écrivez « name: chiffres du mois ».",
        )
        return ""
    try:
        return job_name(name)
    except Refused as error:
        mistakes.add(node.place if node else place, error.said.en, error.said.fr)
        return ""


def _steps(root: Named, mistakes: Mistakes) -> Iterable[Step]:
    place, node = root.items.get("steps", (root.place, None))
    if not isinstance(node, Many) or not 0 < len(node.items) <= MOST_STEPS:
        mistakes.add(
            place,
            f"'steps' is a list of 1 to {MOST_STEPS}, each '- name: ...' with a notebook.",
            f"« steps » est une liste de 1 à {MOST_STEPS} étapes, chacune « - name: ... » avec un"
            " carnet.",
        )
        return
    seen: dict[str, Place] = {}
    for one in node.items:
        if not isinstance(one, Named):
            mistakes.add(
                one.place,
                "a step has names of its own: write '- name: prepare', and below it 'notebook:'.",
                "une étape a ses propres noms : écrivez « - name: prepare » et dessous"
                " « notebook: ».",
            )
            continue
        step = _step(one, mistakes)
        if step.name and step.name in seen:
            mistakes.add(
                step.place,
                f"the step {step.name} is there already (line {seen[step.name].line}); choose"
                " another name.",
                f"l'étape {step.name} existe déjà (ligne {seen[step.name].line}) ; choisissez un"
                " autre nom.",
            )
        seen.setdefault(step.name, step.place)
        yield step


def _step(node: Named, mistakes: Mistakes) -> Step:
    known(node, _OF_A_STEP, mistakes)
    place, name = _text(node, "name", mistakes)
    if name is not None and not _STEP_NAME.fullmatch(name):
        mistakes.add(
            place,
            "a step's name has 1 to 40 letters, digits, '_' and '-', begins with a letter and does"
            " not end with '-' and a number.",
            "le nom d'une étape a de 1 à 40 lettres, chiffres, « _ » et « - », commence par une"
            " lettre et ne finit pas par « - » et un nombre.",
        )
    where, notebook = _text(node, "notebook", mistakes)
    if notebook is not None and not is_inside(notebook):
        mistakes.add(
            where,
            "a notebook is named from the pipeline's folder, such as prepare.ipynb or"
            " steps/prepare.ipynb; not by '..' or from '/'.",
            "un carnet est nommé depuis le dossier de la chaîne, comme prepare.ipynb ou"
            " etapes/prepare.ipynb ; ni par « .. » ni depuis « / ».",
        )
    return Step(
        name=name or "",
        place=place,
        notebook=str(PurePosixPath(notebook)) if notebook else "",
        notebook_place=where,
        parameters=_values(node, "parameters", mistakes),
        needs=tuple(_needs(node, mistakes)),
        matrix=_values(node, "matrix", mistakes) if "matrix" in node.items else None,
        kernel=_text(node, "kernel", mistakes)[1] if "kernel" in node.items else None,
        timeout=_timeout(node, mistakes),
    )


def is_inside(path: str) -> bool:
    """Whether a notebook's path stays in its folder, on any system."""
    parts = PurePosixPath(path).parts
    fine = path.endswith(".ipynb") and len(path) <= 500 and path.isprintable()
    return fine and not path.startswith("/") and ".." not in parts and not set(path) & set("\\:")


def _text(node: Named, name: str, mistakes: Mistakes) -> tuple[Place, str | None]:
    if name not in node.items:
        mistakes.add(
            node.place,
            f"this step has no {name}; write '{name}: ...'.",
            f"cette étape n'a pas de « {name} » ; écrivez « {name}: ... ».",
        )
        return node.place, None
    place, inner = node.items[name]
    value = inner.value if isinstance(inner, One) else None
    if not isinstance(value, str) or not value:
        mistakes.add(inner.place, f"{name!r} is a text.", f"« {name} » est un texte.")
        return place, None
    if name == "kernel" and not _WORD.fullmatch(value):
        mistakes.add(inner.place, "a kernel's name is one word.", "le nom d'un noyau est un mot.")
    return inner.place, value


def _needs(node: Named, mistakes: Mistakes) -> Iterable[tuple[Place, str]]:
    if "needs" not in node.items:
        return
    inner = node.items["needs"][1]
    for one in inner.items if isinstance(inner, Many) else [inner]:
        if isinstance(one, One) and isinstance(one.value, str):
            yield one.place, one.value
        else:
            mistakes.add(
                one.place,
                "'needs' names steps: write 'needs: [prepare]'.",
                "« needs » nomme des étapes : écrivez « needs: [prepare] ».",
            )


def _timeout(node: Named, mistakes: Mistakes) -> int | None:
    if "timeout" not in node.items:
        return None
    inner = node.items["timeout"][1]
    value = inner.value if isinstance(inner, One) else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LONGEST_TIMEOUT:
        return value
    mistakes.add(
        inner.place,
        "'timeout' is a number of seconds, such as 600.",
        "« timeout » est un nombre de secondes, comme 600.",
    )
    return None


def _values(node: Named, name: str, mistakes: Mistakes) -> dict[str, tuple[Place, Given]]:
    if name not in node.items:
        return {}
    inner = node.items[name][1]
    if not isinstance(inner, Named):
        mistakes.add(
            inner.place,
            f"{name!r} has names with values: write below it 'year: 2026'.",
            f"« {name} » a des noms avec des valeurs : écrivez dessous « year: 2026 ».",
        )
        return {}
    found = {}
    for key, (place, one) in inner.items.items():
        given = _given(one, mistakes)
        if given is not None:
            found[key] = place, given
    return found


def _given(node: Node, mistakes: Mistakes) -> Given | None:
    items = node.items if isinstance(node, Many) else [node]
    found = [(one.value, one.inside) for one in items if isinstance(one, One)]
    values = [value for value, _ in found if value is not None]
    if len(values) == len(items):
        value = values if isinstance(node, Many) else values[0]
        return Given(node.place, value, tuple(inside for _, inside in found))
    mistakes.add(
        node.place,
        'a value is a text, a number, true or false, or a list of these; an empty text is "".',
        "une valeur est un texte, un nombre, true ou false, ou une liste de ceux-ci ; un texte"
        ' vide s\'écrit "".',
    )
    return None

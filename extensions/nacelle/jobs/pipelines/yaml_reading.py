"""YAML as plain values with their places.

Read as a person means it, whatever YAML 1.1 makes of it: only `true` and `false` are yes or no (NO
is Norway), digits with a zero before them are a text (01.11 is a code), so are dates. Tags, anchors
and aliases are refused: they serve nobody here, and a few of them can fill a machine.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from nacelle.jobs.pipelines.mistakes import Mistakes, Place
from nacelle.jobs.values import Scalar

LONGEST_FILE = 100_000
_DEEPEST = 10
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool] = {"true": True, "false": False}


class One(NamedTuple):
    """A single value; None is written as nothing. `inside` is where its first sign stands."""

    place: Place
    value: Scalar | None
    inside: Place


class Many(NamedTuple):
    """A list."""

    place: Place
    items: list[Node]


class Named(NamedTuple):
    """A mapping; each name with its own place."""

    place: Place
    items: dict[str, tuple[Place, Node]]


Node = One | Many | Named


def read_yaml(text: str, mistakes: Mistakes) -> Node:
    """The values of a YAML text. Raises PipelineRefused where it is none; collects what is odd."""
    if len(text) > LONGEST_FILE:
        mistakes.add(
            Place(1, 1),
            f"the file has {len(text)} characters; {LONGEST_FILE} are read. Move data out of it.",
            f"le fichier fait {len(text)} caractères ; {LONGEST_FILE} sont lus. Déplacez-en les"
            " données.",
        )
        mistakes.end()
    try:
        _look_over(text, mistakes)
        mistakes.end()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context).split())
        mistakes.add(
            _place(mark) if mark else Place(1, 1),
            f"this is no YAML: {what}. Check the spaces before it and the quotes.",
            f"ce n'est pas du YAML : {what}. Vérifiez les espaces avant et les guillemets.",
        )
    except yaml.YAMLError:
        mistakes.add(
            Place(1, 1),
            "the file holds a sign that YAML does not allow; save it as UTF-8 text.",
            "le fichier contient un signe que YAML ne permet pas ; enregistrez-le en UTF-8.",
        )
    mistakes.end()
    return One(Place(1, 1), None, Place(1, 1)) if node is None else _read(node, mistakes)


def _look_over(text: str, mistakes: Mistakes) -> None:
    """Before anything is built: what could make a small file large, or deep."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        tagged = getattr(event, "tag", None) or getattr(event, "anchor", None)
        if tagged:
            mistakes.add(
                _place(event.start_mark),
                "tags (!), anchors (&) and aliases (*) are not read here; write the value itself,"
                " in quotes if it begins so.",
                "les étiquettes (!), ancres (&) et alias (*) ne sont pas lus ici ; écrivez la"
                " valeur même, entre guillemets si elle commence ainsi.",
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            mistakes.add(
                _place(event.start_mark),
                f"this lies more than {_DEEPEST} levels deep; a pipeline needs six.",
                f"ceci est à plus de {_DEEPEST} niveaux ; une chaîne en demande six.",
            )
            return


def _read(node: Any, mistakes: Mistakes) -> Node:
    place = _place(node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        value = _value(node.value) if node.style is None else node.value
        quoted = 0 if node.style is None else 1
        return One(place, value, Place(place.line, place.column + quoted))
    if isinstance(node, yaml.SequenceNode):
        return Many(place, [_read(one, mistakes) for one in node.value])
    found: dict[str, tuple[Place, Node]] = {}
    for key, inner in node.value:
        where = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            mistakes.add(where, "a name is a word.", "un nom est un mot.")
        elif key.value in found:
            before = found[key.value][0].line
            mistakes.add(
                where,
                f"{key.value!r} stands here a second time (first in line {before}); keep one.",
                f"« {key.value} » est écrit une deuxième fois (d'abord ligne {before}) ;"
                " gardez-en un.",
            )
        else:
            found[key.value] = where, _read(inner, mistakes)
    return Named(place, found)


def _value(text: str) -> Scalar | None:
    if text in ("", "~", "null"):
        return None
    if (word := _WORDS.get(text.lower())) is not None:
        return word
    if _WHOLE.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)

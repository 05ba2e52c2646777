"""The form of a notebook's parameters, made from its `parameters` cell without running it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field as Limits

from nacelle.jobs import assignments
from nacelle.jobs.assignments import Assignment
from nacelle.jobs.notebook import NotebookFile, parameters_cell
from nacelle.jobs.parts import Frozen, Scalar, Sentence, Value
from nacelle.jobs.refusal import Refused
from nacelle.jobs.values import ValueType, conform, read_list
from nacelle.language import Said

# A default that is no literal: shown as it is written, replaced by a text if at all.
FieldType = ValueType | Literal["computed"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")
_CHOICES = re.compile(
    r"(?:one of|parmi)\s*:\s*(?P<items>[^;]+?)(?P<rest>;.*|\.\s.*|\.?$)", re.IGNORECASE
)
_SECRET = re.compile(r"secret(?:\s+(?:name|by name))?\b\s*[:,;-]?\s*(?P<rest>.*)", re.IGNORECASE)
_ANNOTATED: dict[str, ValueType] = {
    "str": "text",
    "String": "text",
    "int": "whole",
    "Int": "whole",
    "Int64": "whole",
    "float": "number",
    "Float64": "number",
    "Real": "number",
    "bool": "yes-no",
    "Bool": "yes-no",
    "date": "date",
    "datetime": "date-time",
    "list": "list",
    "tuple": "list",
    "List": "list",
    "Vector": "list",
}


class FormField(Frozen):
    """One parameter: what to ask for, what it is when nothing is given, what the notebook says.

    `choices`, when there are any, are all the values that it may have. `items` is what a list
    holds. `code` is the default as it stands in the notebook.
    """

    name: str
    type: FieldType
    default: Scalar | tuple[Scalar, ...] | None = None
    code: str = ""
    help: str = ""
    choices: tuple[Scalar, ...] = ()
    items: ValueType = "text"


class Form(Frozen):
    """A notebook's parameters. `cell` counts from 1; `problem` says why there is nothing to ask."""

    fields: tuple[FormField, ...] = ()
    cell: Annotated[int, Limits(ge=1)] | None = None
    problem: Sentence | None = None


class ParametersRefused(Exception):
    """Values do not fit the form; `problems` has a sentence for each parameter that is wrong."""

    def __init__(self, problems: Mapping[str, Said]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


def read_form(notebook: NotebookFile) -> Form:
    """The form of a notebook; never raises: what cannot be read is told in `problem`."""
    place = parameters_cell(notebook)
    if place is None:
        return Form(
            problem=Sentence(
                en="The notebook has no parameters: no cell is tagged 'parameters'.",
                fr="Le carnet n'a pas de paramètres : aucune cellule n'a l'étiquette"
                " « parameters ».",
            )
        )
    try:
        found = assignments.read(notebook.cells[place]["source"], notebook.language)
    except assignments.Unreadable as error:
        return Form(cell=place + 1, problem=Sentence.of(error.said))
    # The last assignment is the one that counts, at the place of the first.
    latest = {one.name: one for one in found}
    return Form(cell=place + 1, fields=tuple(field_of(one) for one in latest.values()))


def check(values: Mapping[str, Any], form: Form) -> dict[str, Value]:
    """The values given, typed as the form says; what is not given keeps the notebook's default.

    Raises ParametersRefused with every problem at once.
    """
    fields = {field.name: field for field in form.fields}
    typed, problems = {}, {}
    for name, raw in values.items():
        if name not in fields:
            problems[name] = _unknown(name, list(fields))
            continue
        try:
            typed[name] = _typed(fields[name], raw)
        except Refused as error:
            problems[name] = Said(
                f"The parameter {name}: {error.said.en}.",
                f"Le paramètre {name} : {error.said.fr}.",
            )
    if problems:
        raise ParametersRefused(problems)
    return typed


def _typed(field: FormField, raw: Any) -> Value:
    kind: ValueType = "text" if field.type == "computed" else field.type
    value = read_list(raw, field.items) if kind == "list" else conform(kind, raw)
    if field.choices and value not in field.choices:
        known = ", ".join(str(one) for one in field.choices)
        raise Refused("value", f"choose one of {known}", f"choisissez parmi {known}")
    return Value(type=kind, value=value)


def _unknown(name: str, known: list[str]) -> Said:
    shown = name[:100]
    if not known:
        return Said(
            f"The notebook has no parameter {shown}: tag the cell that sets it 'parameters'.",
            f"Le carnet n'a pas de paramètre {shown} : donnez l'étiquette « parameters » à la"
            " cellule qui le définit.",
        )
    near = get_close_matches(name, known, n=1)
    return Said(
        f"The notebook has no parameter {shown}; "
        + (f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}."),
        f"Le carnet n'a pas de paramètre {shown} ; "
        + (f"vouliez-vous {near[0]} ?" if near else f"il a {', '.join(known)}."),
    )


def field_of(one: Assignment) -> FormField:
    """What to ask for a parameter that is assigned so."""
    kept: dict[str, Any] = {"name": one.name, "code": one.code, "help": one.help}
    if not one.literal:
        return FormField(**kept, type="computed")
    if one.choices:
        return _with_choices(one, one.choices, kept)
    if match := _CHOICES.match(one.help):
        choices = _read_choices(match["items"], one.default)
        rest = match["rest"].strip(" ;.")
        return _with_choices(one, choices, kept | {"help": rest or one.help})
    secret = _SECRET.match(one.help)
    if secret and isinstance(one.default, str):
        return FormField(
            **kept | {"help": secret["rest"]}, type="secret", default=one.default or None
        )
    if isinstance(one.default, tuple):
        return FormField(**kept, type="list", default=one.default, items=_items(one.default))
    return FormField(**kept, type=_type(one), default=one.default)


def _with_choices(
    one: Assignment, choices: tuple[Scalar, ...], kept: Mapping[str, Any]
) -> FormField:
    known = choices if one.default in choices or one.default is None else (one.default, *choices)
    scalars = tuple(choice for choice in known if not isinstance(choice, tuple))
    default = one.default if not isinstance(one.default, tuple) else None
    return FormField(**kept, type=_plain_type(scalars[0]), default=default, choices=scalars)


def _read_choices(text: str, default: Any) -> tuple[Scalar, ...]:
    """Choices written in a comment, of the type of the default."""
    words = [word.strip().strip("\"'`") for word in text.split(",")]
    kind = _plain_type(default) if default is not None else "text"
    try:
        read = [conform(kind, word) for word in words if word]
    except Refused:
        read = [word for word in words if word]
    return tuple(one for one in read if not isinstance(one, tuple))


def _type(one: Assignment) -> ValueType:
    if one.default is None and not one.annotation:
        return "text"
    said = _ANNOTATED.get(one.annotation)
    natural = _plain_type(one.default) if one.default is not None else said or "text"
    if said and (one.default is None or _fits(said, one.default)):
        return said
    if natural == "text" and isinstance(one.default, str) and said != "text":
        return _text_or_date(one.default)
    return natural


def _fits(kind: ValueType, default: Any) -> bool:
    try:
        return bool(conform(kind, default) == default)
    except Refused:
        # An empty date is a date that nobody gave yet.
        return default == "" and kind in ("date", "date-time")


def _text_or_date(text: str) -> ValueType:
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return "date"
        if _DATE_TIME.fullmatch(text):
            datetime.fromisoformat(text)
            return "date-time"
    except ValueError:
        pass
    return "text"


def _plain_type(value: Any) -> ValueType:
    if isinstance(value, bool):
        return "yes-no"
    if isinstance(value, int):
        return "whole"
    return "number" if isinstance(value, float) else "text"


def _items(values: tuple[Scalar, ...]) -> ValueType:
    kinds = {_plain_type(value) for value in values}
    if kinds == {"whole", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "text"

"""Types of parameters' values: reading what a form, a file or a command line gives.

A date is the text 2026-01-31, a date-time the text 2026-01-31T06:00:00+01:00 (ISO 8601); texts,
dates and lists of texts may hold {scheduled} and {actual} (nacelle.jobs.filling). A secret is the
name under which it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal

from nacelle.jobs import filling
from nacelle.jobs.naming import secret_name
from nacelle.jobs.refusal import Refused

ValueType = Literal["text", "whole", "number", "yes-no", "date", "date-time", "list", "secret"]
Scalar = str | int | float | bool
Plain = Scalar | tuple[Scalar, ...]

LONGEST_TEXT = 10_000
LONGEST_LIST = 1_000
_WHOLE_LIMIT = 2**63
_YES = ("true", "yes", "oui", "vrai", "1")
_NO = ("false", "no", "non", "faux", "0")


def conform(kind: ValueType, value: Any) -> Plain:
    """`value` as its type wants it. Raises Refused (field 'value'), which says what to write."""
    return _READERS[kind](value)


def read_list(value: Any, item: ValueType = "text") -> tuple[Scalar, ...]:
    """A list from a list, from JSON, or from a text with commas or one item a line. Or Refused."""
    items = _list(_split(value) if isinstance(value, str) else value)
    read = [conform(item, one) for one in items]
    return tuple(one for one in read if not isinstance(one, tuple))


def _split(text: str) -> Any:
    text = text.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise _refused(
                'the brackets hold no JSON list, such as ["a", "b"]',
                'les crochets ne contiennent pas de liste JSON, comme ["a", "b"]',
            ) from None
    separator = "\n" if "\n" in text else ","
    return [part.strip() for part in text.split(separator) if part.strip()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refused("write a text", "écrivez un texte")
    if len(value) > LONGEST_TEXT:
        raise _refused(
            f"the text has {len(value)} characters; {LONGEST_TEXT} are allowed."
            " Put it in a file and give the file's address",
            f"le texte a {len(value)} caractères ; {LONGEST_TEXT} sont permis."
            " Mettez-le dans un fichier et donnez l'adresse du fichier",
        )
    # R ends texts at NUL; a lone half of a pair cannot be written to a file.
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise _refused(
            "the text holds a sign that no file can keep; type it anew",
            "le texte contient un signe qu'aucun fichier ne peut garder ; retapez-le",
        )
    filling.check(value)
    return value


def _whole(value: Any) -> int:
    number = value
    if isinstance(value, str):
        try:
            number = int(value.strip())
        except ValueError:
            number = None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= _WHOLE_LIMIT:
        raise _refused("write a whole number, such as 12", "écrivez un nombre entier, comme 12")
    return number


def _number(value: Any) -> int | float:
    number = value
    if isinstance(value, str):
        try:
            number = float(value.strip())
        except ValueError:
            number = None
    sound = isinstance(number, int | float) and not isinstance(number, bool)
    # Not "above": that would let what is no number (nan) through.
    if not sound or not abs(number) < 1e308:
        raise _refused(
            "write a number with a point, such as 0.5", "écrivez un nombre avec un point, comme 0.5"
        )
    return int(number) if isinstance(value, str) and value.strip().isdecimal() else number


def _yes_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise _refused("write true or false", "écrivez true (oui) ou false (non)")


def _date(value: Any) -> str:
    text = _text(value).strip()
    try:
        if filling.fills(text):
            date.fromisoformat(filling.example(text, "date"))
            return text
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise _refused(
            "write a date such as 2026-01-31, or {scheduled}",
            "écrivez une date comme 2026-01-31, ou {scheduled}",
        ) from None


def _date_time(value: Any) -> str:
    text = _text(value).strip()
    try:
        if filling.fills(text):
            datetime.fromisoformat(filling.example(text, "date-time"))
            return text
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise _refused(
            "write a date and time such as 2026-01-31T06:00, or {scheduled}",
            "écrivez une date et une heure comme 2026-01-31T06:00, ou {scheduled}",
        ) from None


def _list(value: Any) -> tuple[Scalar, ...]:
    if isinstance(value, str):
        return read_list(value)
    if not isinstance(value, list | tuple):
        raise _refused("write a list, such as a, b, c", "écrivez une liste, comme a, b, c")
    if len(value) > LONGEST_LIST:
        raise _refused(
            f"it has {len(value)} items; {LONGEST_LIST} are allowed",
            f"elle a {len(value)} éléments ; {LONGEST_LIST} sont permis",
        )
    return tuple(_scalar(one) for one in value)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, int | float) else _text(value)


def _secret(value: Any) -> str:
    return secret_name(value if isinstance(value, str) else "")


_READERS: dict[ValueType, Callable[[Any], Plain]] = {
    "text": _text,
    "whole": _whole,
    "number": _number,
    "yes-no": _yes_no,
    "date": _date,
    "date-time": _date_time,
    "list": _list,
    "secret": _secret,
}


def _refused(en: str, fr: str) -> Refused:
    return Refused("value", en, fr)

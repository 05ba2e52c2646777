"""Assignments of cells in R and Julia: one a line, simple literals; all else is 'computed'."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nacelle.jobs.assignments import Assignment, Scalar

_R_LINE = re.compile(r"^\s*(?P<name>[^\W\d][\w.]*)\s*(?:<-|=(?!=))\s*(?P<value>\S.*)$")
_JULIA_LINE = re.compile(
    r"^\s*(?:const\s+)?(?P<name>[^\W\d][\w!]*)\s*+(?:::\s*(?P<type>[\w.]+)(?:\{[^}=]*\})?)?"
    r"\s*+=(?!=)\s*(?P<value>\S.*)$"
)
_NUMBER = r"[-+]?(?:\d[\d_]*+(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d+)?"
_R_NUMBER = re.compile(rf"({_NUMBER})(L?)")
_JULIA_NUMBER = re.compile(_NUMBER)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "$": "$"}
_LONGEST_NUMBER = 300
_UNKNOWN = object()


def read_r(source: str) -> list[Assignment]:
    """The assignments of an R cell."""
    return _read(source, _R_LINE, "\"'", _r_literal)


def read_julia(source: str) -> list[Assignment]:
    """The assignments of a Julia cell."""
    return _read(source, _JULIA_LINE, '"', _julia_literal)


def _read(
    source: str, pattern: re.Pattern[str], quotes: str, literal: Callable[[str], Any]
) -> list[Assignment]:
    found = []
    above: list[str] = []
    depth = 0
    for line in source.splitlines():
        code, comment = _split_comment(line, quotes)
        inside, depth = depth > 0, max(0, depth + _opened(code, quotes))
        if not code.strip():
            above = [*above, comment] if comment else []
            continue
        match = None if inside else pattern.match(code)
        if match:
            value = match["value"].rstrip().rstrip(";").rstrip()
            default: Any = literal(value) if depth == 0 else _UNKNOWN
            known = default is not _UNKNOWN
            kind = (match.groupdict().get("type") or "").rpartition(".")[2]
            found.append(
                Assignment(
                    match["name"],
                    value,
                    known,
                    default if known else None,
                    kind,
                    (),
                    comment or " ".join(above),
                )
            )
        above = []
    return found


def _split_comment(line: str, quotes: str) -> tuple[str, str]:
    """Code and comment of a line; a '#' within quotes is code."""
    for place, sign in _outside(line, quotes):
        if sign == "#":
            return line[:place], line[place:].lstrip("#'").strip()
    return line, ""


def _opened(code: str, quotes: str) -> int:
    """How many more brackets a line opens than it closes."""
    signs = [sign for _, sign in _outside(code, quotes)]
    return sum(sign in "([{" for sign in signs) - sum(sign in ")]}" for sign in signs)


def _outside(line: str, quotes: str) -> list[tuple[int, str]]:
    """Places and signs outside quoted texts."""
    found = []
    quote = ""
    escaped = False
    for place, sign in enumerate(line):
        if quote:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == quote:
                quote = ""
        elif sign in quotes:
            quote = sign
        else:
            found.append((place, sign))
    return found


def _r_literal(text: str) -> Any:
    if text in ("TRUE", "T", "FALSE", "F"):
        return text[0] == "T"
    if text in ("NULL", "NA", "NA_character_", "NA_real_", "NA_integer_"):
        return None
    if match := _R_NUMBER.fullmatch(text):
        number = _number(match[1])
        if match[2] or number is _UNKNOWN:
            return number
        # A number without L is no whole number in R, however it is written.
        return float(number)
    if match := re.fullmatch(r"c\s*\((.*)\)", text):
        return _list(match[1], "\"'", _r_literal)
    return _quoted(text, "\"'")


def _julia_literal(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text in ("nothing", "missing"):
        return None
    if _JULIA_NUMBER.fullmatch(text):
        return _number(text)
    if match := re.fullmatch(r"\[(.*)\]", text):
        return _list(match[1], '"', _julia_literal)
    # A bare $ starts code within a text of Julia.
    if re.search(r"(?<!\\)(?:\\\\)*\$", text):
        return _UNKNOWN
    return _quoted(text, '"')


def _number(text: str) -> Any:
    plain = text.replace("_", "")
    if len(plain) > _LONGEST_NUMBER or abs(float(plain)) == float("inf"):
        return _UNKNOWN
    return int(plain) if re.fullmatch(r"[-+]?\d+", plain) else float(plain)


def _quoted(text: str, quotes: str) -> Any:
    if len(text) < 2 or text[0] not in quotes or text[-1] != text[0]:
        return _UNKNOWN
    inner = text[1:-1]
    if re.search(rf"(?<!\\)(?:\\\\)*{text[0]}", inner):
        return _UNKNOWN
    escapes = re.findall(r"\\(.?)", inner)
    if any(sign not in _ESCAPES for sign in escapes):
        return _UNKNOWN
    return re.sub(r"\\(.)", lambda match: _ESCAPES[match[1]], inner)


def _list(inner: str, quotes: str, literal: Callable[[str], Any]) -> Any:
    if not inner.strip():
        return ()
    cuts = [place for place, sign in _outside(inner, quotes) if sign == ","]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(inner)]
    items = [literal(inner[start:end].strip()) for start, end in zip(starts, ends, strict=True)]
    scalars: list[Scalar] = [one for one in items if isinstance(one, str | int | float | bool)]
    return tuple(scalars) if len(scalars) == len(items) else _UNKNOWN

"""Assignments of a Python cell, from its syntax tree."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any

from nacelle.jobs.assignments import Assignment, Scalar, Unreadable

# Lines that are IPython's and not Python's.
_MAGIC = re.compile(r"^\s*[%!?]")


def read(source: str) -> list[Assignment]:
    """The assignments to plain names at the top of a cell. Raises Unreadable."""
    lines = ["" if _MAGIC.match(line) else line for line in source.splitlines()]
    text = "\n".join(lines) + "\n"
    try:
        tree = ast.parse(text)
        comments = _comments(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        line = getattr(error, "lineno", None)
        where_en = f" (line {line})" if line else ""
        where_fr = f" (ligne {line})" if line else ""
        raise Unreadable(
            f"The parameters cell is not valid Python{where_en}; mend it and try again.",
            f"La cellule des paramètres n'est pas du Python valide{where_fr} ; corrigez-la et"
            " réessayez.",
        ) from None
    found = []
    for statement in tree.body:
        for name, value, annotation in _targets(statement):
            found.append(
                _assignment(name, value, annotation, text, _help(statement, comments, lines))
            )
    return found


def _targets(statement: ast.stmt) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    if isinstance(statement, ast.AnnAssign):
        if isinstance(statement.target, ast.Name) and statement.value is not None:
            yield statement.target.id, statement.value, statement.annotation
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value, None
            elif isinstance(target, ast.Tuple) and all(
                isinstance(part, ast.Name) for part in target.elts
            ):
                yield from _unpacked(target, statement.value)


def _unpacked(target: ast.Tuple, value: ast.expr) -> Iterator[tuple[str, ast.expr, None]]:
    several = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
    parts = value.elts if several and isinstance(value, ast.Tuple) else [value] * len(target.elts)
    for name, part in zip(target.elts, parts, strict=True):
        if isinstance(name, ast.Name):
            # Not one name's own: a literal only if it was taken apart.
            yield name.id, part if several else ast.Name(id="_"), None


def _assignment(
    name: str, value: ast.expr, annotation: ast.expr | None, text: str, help: str
) -> Assignment:
    code = ast.get_source_segment(text, value) or ""
    known, default = _literal(value)
    kind, choices = _annotated(annotation)
    return Assignment(name, code, known, default, kind, choices, help)


def _literal(value: ast.expr) -> tuple[bool, Any]:
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False, None
    if isinstance(found, list | tuple):
        flat = all(_is_scalar(one) for one in found)
        return flat, tuple(found) if flat else None
    return (found is None or _is_scalar(found)), found if _is_scalar(found) else None


def _is_scalar(value: Any) -> bool:
    # An infinite number (1e999) cannot be kept as JSON.
    if isinstance(value, float):
        return abs(value) < float("inf")
    return isinstance(value, str | int | bool)


def _annotated(annotation: ast.expr | None) -> tuple[str, tuple[Scalar, ...]]:
    """The annotation's plain name and, of a Literal, its choices; `X | None` is X."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "", ()
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        none_left = isinstance(annotation.left, ast.Constant)
        return _annotated(annotation.right if none_left else annotation.left)
    if isinstance(annotation, ast.Subscript):
        outer, _ = _annotated(annotation.value)
        if outer == "Optional":
            return _annotated(annotation.slice)
        if outer == "Literal":
            known, choices = _literal(annotation.slice)
            listed = choices if isinstance(choices, tuple) else (choices,)
            return "", listed if known and None not in listed else ()
        return outer, ()
    if isinstance(annotation, ast.Attribute):
        return annotation.attr, ()
    return (annotation.id, ()) if isinstance(annotation, ast.Name) else ("", ())


def _comments(text: str) -> dict[int, str]:
    """Comments by line; tokens are asked since '#' may stand in a text."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _help(statement: ast.stmt, comments: Mapping[int, str], lines: list[str]) -> str:
    """The comment at the end of a statement, else the lines of comment right above it."""
    if (beside := comments.get(statement.end_lineno or statement.lineno)) is not None:
        return beside
    above: list[str] = []
    line = statement.lineno - 1
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        above.insert(0, comments[line])
        line -= 1
    return " ".join(above)

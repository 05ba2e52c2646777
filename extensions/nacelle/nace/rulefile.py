"""The rule file: a CSV that an expert edits in a spreadsheet, one rule a row, first match wins.

Columns, in any order: `pattern` and `code`; `kind` and `comment` may be left out or empty.

1. `exact` (the default): the text is the pattern, whatever the case, accents, numbers and signs.
2. `contains`: the pattern's words stand in the text one after the other, as whole words.
3. `regex`: an RE2 expression found anywhere in the text without accents, whatever the case. RE2
   reads a text once, so that no expression can take long; it has no look-around and no `\\1`.
4. `code` is a code of the deepest level in any spelling, or `reject` for texts that say nothing.
5. Lines that start with `#` and blank lines are skipped, as is a spreadsheet's first line `sep=;`.
6. The separator is a comma, a semicolon or a tab; the file is UTF-8 with or without a mark.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Literal, get_args

import msgspec

from nacelle.nace.errors import NaceError
from nacelle.nace.files import Location, read_bytes
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.tables import csv_rows, decode, missing_column, sniff_delimiter
from nacelle.nace.text import Preprocessor, fold

Kind = Literal["exact", "contains", "regex"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMNS = ("pattern", "code", "kind", "comment")
REJECT = "reject"
_MAX_PATTERN = 1000

# What spreadsheets are told, or write by themselves, to keep the zeros of a code: ="0111", '0111.
_PROTECTED = re.compile(r"=\"(.*)\"|'(.*)")
_TOLD = re.compile(r"\A\"?sep=(.)\"?[^\r\n]*", re.IGNORECASE)
_COMMENT = re.compile(r"[\s\",;]*(?:#|\Z)")
_SPREADSHEET_ERROR = re.compile(r"#(?:[A-Z/0]+[!?]|N/A|N/D|NV)")


class Rule(msgspec.Struct, frozen=True):
    """One rule; `line` is its line in the file, `code` is '' for a rejection.

    `pattern` is as the file has it, `key` as it is compared: cleaned, or a folded RE2 expression.
    """

    line: int
    kind: Kind
    pattern: str
    key: str
    code: str
    comment: str = ""


class RuleFile(msgspec.Struct, frozen=True):
    """The rules of a file in their order; `name` is the file's name without folders."""

    name: str
    rules: tuple[Rule, ...]

    def describe(self, rule: Rule) -> str:
        """A rule for people, e.g. `line 3 of rules.csv: contains 'bakery' (agreed in 2026)`."""
        said = f" ({rule.comment})" if rule.comment else ""
        return f"line {rule.line} of {self.name}: {rule.kind} {rule.pattern!r}{said}"


def read_rule_file(
    location: Location, nomenclature: Nomenclature, preprocessor: Preprocessor
) -> RuleFile:
    """Read and check the rules. Raises NaceError with file, line and column, and what to do."""
    name = PurePath(os.fspath(location)).name
    rows = _rows(decode(read_bytes(location), name), name)
    rules: list[Rule] = []
    first: dict[tuple[str, str], Rule] = {}
    for line, values in rows:
        try:
            rule = _rule(line, values, nomenclature, preprocessor)
        except _Problem as problem:
            raise NaceError(f"{name}, line {line}, column {problem.column}: {problem}") from None
        earlier = first.setdefault((rule.kind, rule.key), rule)
        if earlier.code != rule.code:
            raise NaceError(
                f"{name}, line {line}, column pattern: {rule.pattern!r} is also on line"
                f" {earlier.line}, with the code {earlier.code or REJECT}; the first wins, so"
                " delete one of them."
            )
        rules.append(rule)
    if not rules:
        raise NaceError(f"{name} has no rule; write one a line, or do without the file.")
    return RuleFile(name, tuple(rules))


class _Problem(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values by column of every row that is not blank or a comment."""
    lines = _parse(text, name)
    line, header = next(lines, (0, []))
    columns = [value.lower() for value in header]
    if not columns:
        raise NaceError(f"{name} is empty; its first line must be: {','.join(COLUMNS)}.")
    _check_columns(columns, name, line)
    for line, values in lines:
        extra = [value for value in values[len(columns) :] if value]
        if extra:
            raise NaceError(
                f"{name}, line {line}: {extra[0]!r} stands right of the last column; a value that"
                " holds the separator must stand in quotes."
            )
        yield line, dict.fromkeys(COLUMNS, "") | dict(zip(columns, values, strict=False))


def _parse(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    told = _TOLD.match(text)
    # Emptied, not dropped, so that the numbers of the lines stay true.
    text = _TOLD.sub("", text)
    header = next((line for line in text.split("\n") if _COMMENT.match(line) is None), "")
    delimiter = told[1] if told else sniff_delimiter(header)
    for start, row in csv_rows(io.StringIO(text, newline=""), delimiter, name):
        values = [value.strip() for value in row]
        if any(values) and not _is_comment(values[0], name, start):
            yield start, values


def _is_comment(value: str, name: str, line: int) -> bool:
    if _SPREADSHEET_ERROR.fullmatch(value):
        raise NaceError(
            f"{name}, line {line}: {value} is an error of the spreadsheet; write the text again, as"
            " text and not as a formula."
        )
    return value.startswith("#")


def _check_columns(columns: Sequence[str], name: str, line: int) -> None:
    for column in ("pattern", "code"):
        if column not in columns:
            raise NaceError(missing_column(name, column, columns))
    for column in filter(None, columns):
        if column not in COLUMNS:
            near = difflib.get_close_matches(column, COLUMNS, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(COLUMNS)}."
            raise NaceError(f"{name}, line {line}: {column!r} is not a column of rules; {advice}")
        if columns.count(column) > 1:
            raise NaceError(f"{name}, line {line}: the column {column!r} is there twice.")


def _rule(
    line: int, values: dict[str, str], nomenclature: Nomenclature, preprocessor: Preprocessor
) -> Rule:
    pattern, kind = values["pattern"], _kind(values["kind"])
    if not pattern:
        raise _Problem("pattern", "it is empty; write the words that the rule is for.")
    if len(pattern) > _MAX_PATTERN:
        raise _Problem("pattern", f"it has {len(pattern)} characters; at most {_MAX_PATTERN}.")
    key = _expression(pattern) if kind == "regex" else preprocessor.clean([pattern])[0]
    if not key:
        raise _Problem(
            "pattern",
            f"{pattern!r} has no letters, and numbers and signs are taken out of texts before they"
            " are compared; use the kind 'regex'.",
        )
    code = _code(values["code"], nomenclature)
    return Rule(line, kind, pattern, key, code, values["comment"])


def _kind(value: str) -> Kind:
    for kind in KINDS:
        if value.lower() == kind:
            return kind
    if not value:
        return "exact"
    near = difflib.get_close_matches(value.lower(), KINDS, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"write {', '.join(KINDS)} or nothing."
    raise _Problem("kind", f"{value!r} is not a kind; {advice}")


def _expression(pattern: str) -> str:
    # Late: it takes a quarter of a second and most rule files have no expression.
    import pyarrow as pa
    import pyarrow.compute as pc

    folded = fold(pattern)
    try:
        matches_nothing = pc.match_substring_regex(pa.array([""]), folded, ignore_case=True)
    except pa.ArrowInvalid as error:
        problem = str(error).removeprefix("Invalid regular expression: ")
        raise _Problem(
            "pattern", f"{pattern!r} is not a regular expression that RE2 knows: {problem}."
        ) from None
    if matches_nothing[0].as_py():
        raise _Problem(
            "pattern", f"{pattern!r} fits every text, even an empty one; write what must be there."
        )
    return folded


def _code(value: str, nomenclature: Nomenclature) -> str:
    found = _PROTECTED.fullmatch(value)
    spelling = (found[1] or found[2] or "").strip() if found else value
    if spelling.lower() == REJECT:
        return ""
    if not spelling:
        raise _Problem("code", f"it is empty; write a code of {nomenclature.label}, or {REJECT}.")
    code = nomenclature.find(spelling)
    if code is None:
        raise _Problem("code", nomenclature.explain_unknown(spelling))
    leaves = nomenclature.leaves_below(code)
    if len(leaves) > 1:
        shown = ", ".join(leaves[:5]) + (", ..." if len(leaves) > 5 else "")
        raise _Problem("code", f"{code} has {len(leaves)} codes below; write one of them: {shown}.")
    return leaves[0]

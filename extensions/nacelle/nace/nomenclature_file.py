"""Read the files of a nomenclature and say exactly where they do not hold together."""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from nacelle.nace.files import Location
from nacelle.nace.notes import Notes
from nacelle.nace.tables import Row, Table, read_table

_TITLE = re.compile(r"title_([a-z]{2,3})")
_SHORT_TITLE = re.compile(r"title_([a-z]{2,3})_\w+")
_NOTE = re.compile(r"(includes|includes_also|excludes)_([a-z]{2,3})")
_RULE = "implementation_rule"
_REVISION = re.compile(r"rev_?(\d)[._]?(\d?)", re.IGNORECASE)
_MAX_CODE = 20

NO_LANGUAGE = "und"


class Entry(msgspec.Struct, frozen=True):
    """One code of a nomenclature, as its file has it.

    `titles` has the title by language; `short_titles` the abbreviated ones. `parent` is '' at level
    1 and `official` is '' where the file has no other spelling.
    """

    code: str
    level: int
    parent: str
    titles: dict[str, str]
    short_titles: dict[str, tuple[str, ...]] = {}
    official: str = ""
    notes: dict[str, Notes] = {}


@dataclass(frozen=True)
class Parts:
    """What the files hold: name and version as far as the file's name tells, and the entries."""

    name: tuple[str, str]
    languages: tuple[str, ...]
    entries: tuple[Entry, ...]


def read_entries(path: Location, notes: Location | None) -> Parts:
    """Read and check a nomenclature and its notes. Raises NaceError with file, line, column."""
    table = read_table(path)
    table.require(("code", "parent", "level"))
    languages = _languages(table)
    lines = _lines_by_code(table)
    levels = {row["code"]: _level(table, row) for row in table.rows}
    for row in table.rows:
        _check_place(table, row, levels)
    by_code = _notes(table, None)
    if notes is not None:
        by_code = _notes(read_table(notes), set(lines)) | by_code
    entries = tuple(_entry(table, row, levels, by_code) for row in table.rows)
    return Parts(name_from_file(path), languages, entries)


def name_from_file(path: Location) -> tuple[str, str]:
    """Name and version that a file's name tells: nace_rev21.csv is (NACE, Rev. 2.1)."""
    stem = PurePosixPath(os.fspath(path).replace("\\", "/")).name.split(".")[0]
    name, _, rest = re.sub(r"[\s_-]+", "_", stem).partition("_")
    revision = _REVISION.fullmatch(rest)
    if revision:
        minor = f".{revision[2]}" if revision[2] else ""
        return name.upper(), f"Rev. {revision[1]}{minor}"
    return name.upper(), rest.replace("_", " ")


def _languages(table: Table) -> tuple[str, ...]:
    found = [match[1] for one in table.columns if (match := _TITLE.fullmatch(one))]
    if "title" in table.columns:
        found.append(NO_LANGUAGE)
    if not found:
        shown = ", ".join(table.columns)
        raise table.error(
            1, "title_en", f"no column has titles (title_en, title_fr, title); found are: {shown}."
        )
    return tuple(found)


def _lines_by_code(table: Table) -> dict[str, int]:
    lines: dict[str, int] = {}
    levels: dict[str, str] = {}
    for row in table.rows:
        code = row["code"]
        if not code:
            raise table.error(row.line, "code", "is empty; write the code or delete the line.")
        if len(code) > _MAX_CODE or not code.isprintable():
            raise table.error(row.line, "code", f"{code[:_MAX_CODE]!r}… is too long for a code.")
        if code in lines:
            raise table.error(
                row.line,
                "code",
                f"{code!r} is there already on line {lines[code]}."
                + _hint_of_lost_zeros(code, levels[code] != row["level"]),
            )
        lines[code], levels[code] = row.line, row["level"]
    return lines


def _hint_of_lost_zeros(code: str, other_level: bool) -> str:
    if not (code.isdigit() and other_level):
        return " Keep one of the two."
    return (
        " Both are numbers of different levels: the column seems to have lost its leading zeros"
        f" ({code} for 0{code}), as spreadsheets do. Export it again with the codes as text."
    )


def _level(table: Table, row: Row) -> int:
    text = row["level"]
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 20 and len(text) <= 2):
        raise table.error(
            row.line, "level", f"{text!r} is no level; write a whole number from 1 (the top) on."
        )
    return int(text)


def _check_place(table: Table, row: Row, levels: Mapping[str, int]) -> None:
    """A parent that is always one level higher leaves no room for cycles."""
    code, parent, level = row["code"], row["parent"], levels[row["code"]]
    if level == 1 and parent:
        raise table.error(
            row.line,
            "parent",
            f"{code} is of level 1, the top, and has the parent {parent!r};"
            " leave it empty or correct the level.",
        )
    if level > 1 and not parent:
        raise table.error(row.line, "parent", f"{code} is of level {level} and has no parent.")
    if level > 1 and parent not in levels:
        raise table.error(
            row.line,
            "parent",
            f"{parent!r}, the parent of {code}, is no code of this file."
            + _near_parent(parent, levels),
        )
    if level > 1 and levels[parent] != level - 1:
        raise table.error(
            row.line,
            "level",
            f"{code} is of level {level} and its parent {parent} of level"
            f" {levels[parent]}; a parent is one level above (here {level - 1}).",
        )


def _near_parent(parent: str, levels: Mapping[str, int]) -> str:
    stripped = parent.lstrip("0")
    if stripped != parent and stripped in levels:
        return f" {stripped!r} is: the column code seems to have lost its leading zeros."
    near = difflib.get_close_matches(parent, list(levels), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _entry(
    table: Table, row: Row, levels: Mapping[str, int], notes: Mapping[str, dict[str, Notes]]
) -> Entry:
    titles: dict[str, str] = {}
    short: dict[str, tuple[str, ...]] = {}
    for column, value in row.values.items():
        text = " ".join(value.split())
        if not text:
            continue
        if match := _TITLE.fullmatch(column):
            titles[match[1]] = text
        elif column == "title":
            titles[NO_LANGUAGE] = text
        elif match := _SHORT_TITLE.fullmatch(column):
            short[match[1]] = (*short.get(match[1], ()), text)
    code = row["code"]
    if not titles:
        named = ", ".join(one for one in table.columns if one.startswith("title"))
        raise table.error(row.line, named, f"{code} has no title in any language; write one.")
    return Entry(
        code=code,
        level=levels[code],
        parent=row["parent"],
        titles=titles,
        short_titles=short,
        official=row.values.get("code_dotted", ""),
        notes=notes.get(code, {}),
    )


def _notes(table: Table, known: set[str] | None) -> dict[str, dict[str, Notes]]:
    """Notes by code and language; `known` are the codes where the table is a file of its own."""
    columns = {one: match for one in table.columns if (match := _NOTE.fullmatch(one))}
    if known is not None:
        table.require(("code",))
        if not columns:
            raise table.error(
                1,
                "includes_en",
                "no column has notes (includes_en, includes_also_en, excludes_en); found are: "
                + ", ".join(table.columns)
                + ".",
            )
        _check_known(table, known)
    languages = tuple(dict.fromkeys(match[2] for match in columns.values()))
    found: dict[str, dict[str, Notes]] = {}
    for row in table.rows:
        made = {
            language: Notes(
                includes=row.values.get(f"includes_{language}", ""),
                includes_also=row.values.get(f"includes_also_{language}", ""),
                excludes=row.values.get(f"excludes_{language}", ""),
                rule=row.values.get(_RULE, ""),
            )
            for language in languages
        }
        kept = {language: one for language, one in made.items() if one != Notes()}
        if kept:
            found[row["code"]] = kept
    return found


def _check_known(table: Table, known: set[str]) -> None:
    seen: Counter[str] = Counter()
    for row in table.rows:
        code = row["code"]
        if code not in known:
            missing = _count_unknown(table.rows, known)
            raise table.error(
                row.line,
                "code",
                f"{code!r} is no code of the nomenclature, like {missing - 1} other rows of these"
                " notes: they seem to be of another version.",
            )
        seen[code] += 1
        if seen[code] > 1:
            raise table.error(row.line, "code", f"{code!r} has notes twice; keep one.")


def _count_unknown(rows: Sequence[Row], known: set[str]) -> int:
    return sum(row["code"] not in known for row in rows)

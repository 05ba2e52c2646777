"""Texts of a file's rows as they are asked, and its columns beside the answers'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nacelle.nace.errors import NaceError

if TYPE_CHECKING:
    from nacelle.nace.command_coded import Coded
    from nacelle.nace.command_rows import Columns

_RENAMED = "input_"


def readable_texts(values: Sequence[Any]) -> tuple[list[str], dict[int, str]]:
    """The texts (of text, bytes or None), '' where there is none; by row, why it is not one."""
    from nacelle.nace.labelled import UNREADABLE, readable

    texts, problems = [], {}
    for row, value in enumerate(values):
        raw = (
            value
            if isinstance(value, bytes) or value is None
            else str(value).encode("utf-8", "surrogatepass")
        )
        text, problem = readable(raw)
        if problem == UNREADABLE:
            problems[row] = "it is not UTF-8, or has control characters"
            text = ""
        texts.append(text)
    return texts, problems


def tell_unreadable(coded: Coded, problems: dict[int, str]) -> None:
    """Say in the answers why a text was not one."""
    for row, why in problems.items():
        coded.about["detail"][row] = why


def words_of(column: Any) -> list[str]:
    """A column beside the texts, as words; '' where there is nothing."""
    from nacelle.nace.command_rows import plain
    from nacelle.nace.text import cell_text

    return [cell_text(value) for value in plain(column)]


def renamed(columns: Columns, coded: Coded) -> Columns:
    """The input's columns; one that is called as an answer's is kept as `input_<name>`."""
    taken = coded.wide().keys()
    found = {f"{_RENAMED}{name}" if name in taken else name: one for name, one in columns.items()}
    if len(found) < len(columns):
        raise NaceError(
            f"The input has columns that are called alike once {_RENAMED!r} is put before those of"
            " the answers (code, title, ...); rename them."
        )
    return found

"""What the commands of jobs share: the service that is meant, errors as sentences, tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from nacelle.jobs.client import JobsClient, JobsError

Command = TypeVar("Command", bound=Callable[..., Any])
BAD_INPUT, NO = 2, 1


def of_service(command: Callable[..., None]) -> Callable[..., None]:
    """Options by which the service is found; the command gets a client, and errors are said."""

    @click.option("--url", help="Address of the jobs service; else $NACELLE_JOBS_URL.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @wraps(command)
    def with_client(url: str | None, **others: Any) -> None:
        try:
            with JobsClient(url) as client:
                command(client, **others)
        except JobsError as error:
            click.echo(str(error), err=True)
            sys.exit(BAD_INPUT if 400 <= error.status < 500 else NO)

    return with_client


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """`name=value` words. Raises UsageError for others."""
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{option} takes name=value, not {one!r}.")
        found[name] = value
    return found


def print_json(found: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print models as one JSON text."""
    if isinstance(found, BaseModel):
        plain: Any = found.model_dump(mode="json")
    elif isinstance(found, dict):
        plain = found
    else:
        plain = [one.model_dump(mode="json") for one in found]
    click.echo(json.dumps(plain, ensure_ascii=False, indent=1))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        words = (word.ljust(width) for word, width in zip(row, widths, strict=True))
        click.echo("  ".join(words).rstrip())


def when(moment: datetime | None) -> str:
    """A time on the clock of the reader's machine."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def words(values: Mapping[str, Any]) -> str:
    """Values by their names in one line."""
    return ", ".join(f"{name}={' '.join(str(value).split())}" for name, value in values.items())

"""Jobs of a running installation, asked by the client as people's scripts do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from nacelle.jobs.client import JobsClient
from nacelle.prefixes import JOBS_PREFIX
from tests.support.installation import Installation
from tests.support.person import Person


def token_of(person: Person) -> str:
    """A token of the person's own, as the hub's page of tokens makes."""
    made = person.call("POST", f"users/{person.name}/tokens", json={"note": "jobs"})
    return str(made.json()["token"])


@contextmanager
def jobs_of(platform: Installation, name: str) -> Iterator[JobsClient]:
    """A client of somebody; they need no session."""
    with (
        platform.person(name) as person,
        JobsClient(platform.url + JOBS_PREFIX, token_of(person), environ={}) as client,
    ):
        yield client


def write_notebook(path: Path, *cells: str, parameters: str = "year = 2026\n") -> Path:
    """A notebook of the Python kernel, with a parameters cell before its cells."""
    first = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    made = new_notebook(
        cells=[first, *map(new_code_cell, cells)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}
        },
    )
    nbformat.write(made, path)
    return path

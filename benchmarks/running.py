"""What benchmarks start: an installation in a folder of its own, gone afterwards; what answers."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.figure import Report
from tests.support.installation import Installation


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on this machine's disk, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="nacelle-bench-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def new_installation() -> Iterator[Installation]:
    """Not started; stopped at the end in any case."""
    with scratch() as folder:
        made = Installation(folder)
        try:
            yield made
        finally:
            made.run("down")


@contextmanager
def running_installation(report: Report) -> Iterator[Installation]:
    """Started with `nacelle up --detach`."""
    with new_installation() as made:
        report("starting the platform")
        made.up()
        yield made


@contextmanager
def running(
    command: list[str], log: Path, environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in `log`; ended at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def answers(client: httpx.Client, url: str) -> bool:
    """Whether `url` answers 200 now."""
    try:
        return client.get(url, timeout=10).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False

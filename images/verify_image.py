"""What the `verify` of each image checks, and how it says what is wrong. Run inside the image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


class Wrong(Exception):
    """The image is not as it has to be; the message says what."""


def check_user() -> None:
    """It runs as somebody who is not root."""
    if os.getuid() == 0:
        raise Wrong("the image runs as root; run it as its own user")


def check_programs(*names: str) -> None:
    """Programs are found on the path, Python in the platform's environment."""
    for name in ("sh", "tini", "git", *names):
        if shutil.which(name) is None:
            raise Wrong(f"{name} is not on the path")
    for name in ("python", "python3"):
        if shutil.which(name) != f"{sys.prefix}/bin/{name}":
            raise Wrong(f"{name} on the path is {shutil.which(name)}, not that of {sys.prefix}")


def check_modules(*names: str) -> None:
    """Modules can be imported."""
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            raise Wrong(f"{name} cannot be imported: {error!r}") from error


def check_closed() -> None:
    """Nothing of the environment can be written by the user."""
    if os.access(sys.prefix, os.W_OK):
        raise Wrong(f"{sys.prefix} can be written")


def check_authorities() -> None:
    """Where libcurl looks for the world's certificate authorities, there are some."""
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        raise Wrong("/etc/ssl/certs/ca-certificates.crt is not there")


def run(*command: str, seconds: int = 120) -> str:
    """What a command writes; Wrong when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Wrong(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def main(*checks: Callable[[], None]) -> int:
    """Run the checks; exit code 1 when one of them found something."""
    wrong = 0
    for check in checks:
        try:
            check()
            print(f"ok      {check.__name__}: {check.__doc__}")
        except Wrong as error:
            wrong += 1
            print(f"WRONG   {check.__name__}: {error}")
    return 1 if wrong else 0

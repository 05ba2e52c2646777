"""Packages frozen with a job, installed once for each set of them and shared by all its runs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec

from nacelle.jobs.running.children import warded
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.journal import Journal

_LOOK_SECONDS = 0.25
# What stands in a folder depends on these: compiled packages fit one Python only.
_ABOUT = "import sys, sysconfig; print(sys.version_info[:2], sysconfig.get_platform())"


class Packages:
    """The sets of packages below `folder`, for the Python that `kernel` runs."""

    def __init__(
        self, folder: Path, kernel: KernelSpec, environment: Mapping[str, str], halt: Halt
    ) -> None:
        self._folder = folder
        self._python = _python_of(kernel)
        self._environment = dict(environment)
        self._halt = halt

    def take(self, wanted: Sequence[str], journal: Journal) -> Path:
        """The folder that holds exactly `wanted`, each name==version; made when there is none.

        Nothing else comes with them: what a session had is all in the list. Raises Ended.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        place = self._folder / self._digest(wanted)
        with self._locked(place):
            if not place.exists():
                journal.say(f"Installing {len(wanted)} packages: {', '.join(sorted(wanted))}")
                self._install(sorted(wanted), place)
        return place

    def _digest(self, wanted: Sequence[str]) -> str:
        about = subprocess.run(
            [self._python, "-I", "-c", _ABOUT], capture_output=True, text=True, timeout=60
        ).stdout
        return hashlib.sha256(json.dumps([about, sorted(wanted)]).encode()).hexdigest()[:32]

    @contextmanager
    def _locked(self, place: Path) -> Iterator[None]:
        """Alone with this set; a runner that ends in whatever way frees it."""
        with place.with_suffix(".lock").open("a") as file:
            while True:
                self._halt.check()
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # Another run installs the same: it takes as long as it takes.
                    self._halt.wait(_LOOK_SECONDS)
            yield

    def _install(self, wanted: Sequence[str], place: Path) -> None:
        partial = place.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [self._python, "-m", "pip", "install", "--target", str(partial), "--no-deps"]
        command += ["--no-input", "--disable-pip-version-check", "--quiet", "--", *wanted]
        said = self._run(command)
        if said is not None:
            shutil.rmtree(partial, ignore_errors=True)
            raise Ended("packages", message=said)
        partial.rename(place)

    def _run(self, command: Sequence[str]) -> str | None:
        """None when it went well, else the last line that pip wrote."""
        with subprocess.Popen(
            warded(command),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pip:
            said, _ = pip.communicate()
        self._halt.check()
        if pip.returncode == 0:
            return None
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return lines[-1] if lines else f"pip ended with {pip.returncode}"


def _python_of(kernel: KernelSpec) -> str:
    """The Python that the kernel runs, as jupyter_client chooses it."""
    name = str(kernel.argv[0])
    if Path(name).name == name and name.rstrip("0123456789.") == "python":
        return sys.executable
    return shutil.which(name, path=os.environ.get("PATH")) or name

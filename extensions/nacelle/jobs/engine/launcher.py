"""Starting a runner: a process of its own session, which outlives the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from nacelle.jobs.order import RunFolder

RUNNER = (sys.executable, "-m", "nacelle.jobs.run")
# The service's own token among them.
_NOT_HANDED_DOWN = ("JUPYTERHUB_", "NACELLE_PART")


class Child:
    """A runner that this engine started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended: less than 0 for a signal; None while it lives."""
        return self._process.poll()

    def kill(self) -> None:
        self._process.kill()


class Launcher:
    """Starts `command` with the folder of a run as its last word."""

    def __init__(
        self, command: Sequence[str] = RUNNER, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._command = tuple(command)
        self._environment = {
            name: value for name, value in environ.items() if not name.startswith(_NOT_HANDED_DOWN)
        }

    def launch(self, folder: RunFolder, token: str) -> Child:
        """Start a runner and hand it the token, one line on its standard input."""
        with (folder.path / "runner.log").open("ab") as said:
            process = subprocess.Popen(
                (*self._command, str(folder.path)),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder.path,
                env={**self._environment, "NACELLE_PART": "run"},
                start_new_session=True,
            )
        assert process.stdin is not None
        try:
            process.stdin.write(f"{token}\n".encode())
            process.stdin.close()
        except BrokenPipeError:
            # It ended at once: that is seen as soon as somebody looks.
            pass
        return Child(process)

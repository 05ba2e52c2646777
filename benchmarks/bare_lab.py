"""A plain `jupyter lab` under the conditions of a session: what a session is measured against."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.running import answers, running
from nacelle.local import processes
from tests.support.installation import Installation
from tests.support.waiting import free_base, wait_for

# What makes a server one of the hub's.
HUB_NAMES = ("JUPYTERHUB_", "JPY_")
PATIENCE = 120.0


@dataclass(frozen=True)
class Conditions:
    """Environment, folder and arguments of a session, without what ties it to a hub."""

    environment: dict[str, str] = field(repr=False)
    folder: Path
    arguments: tuple[str, ...]


def conditions_of_session(installation: Installation) -> Conditions:
    """Take them from the one session that runs."""
    instance = installation.layout.instance
    session = processes.find(instance, lambda part: part == processes.SESSION)[0]
    environment = {
        name: value for name, value in session.environ().items() if not name.startswith(HUB_NAMES)
    }
    arguments = tuple(word for word in session.cmdline() if word.startswith("--"))
    return Conditions(environment, Path(session.cwd()), arguments)


def seconds_to_api(conditions: Conditions, client: httpx.Client, log: Path) -> float:
    """Start it; seconds until its /api answers 200; stop it."""
    port = free_base(1)
    command = [
        str(Path(sys.executable).with_name("jupyter-lab")),
        *conditions.arguments,
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
    ]
    began = time.monotonic()
    with running(command, log, conditions.environment, conditions.folder) as process:
        wait_for(
            lambda: _ended(process, log) or answers(client, f"http://127.0.0.1:{port}/api"),
            PATIENCE,
            "the bare Lab's /api",
        )
        return time.monotonic() - began


def _ended(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the bare Lab ended: {log.read_text(errors='replace')[-500:]}")
    return False

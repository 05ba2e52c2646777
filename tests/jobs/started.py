"""The jobs service as the platform starts it, in a process of its own; there is no hub."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from nacelle.credentials.identity import Person, sign_proof
from nacelle.jobs.service.access import SERVICE
from nacelle.layout import Layout
from nacelle.local.parts import service_environment
from nacelle.prefixes import JOBS_PREFIX
from nacelle.secrets import ensure_secrets, read_secret
from tests.support.installation import Installation, plain_environment
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Started:
    """A service that answers at `url`; its files are in `folder`."""

    url: str
    folder: Path
    secret: str

    def proof(self, person: Person) -> str:
        """What the hub's pages send for somebody."""
        return sign_proof(person, SERVICE, self.secret)

    def log(self) -> str:
        return (self.folder / "service.log").read_text(encoding="utf-8")


@contextmanager
def started_service(folder: Path) -> Iterator[Started]:
    """Started and stopped."""
    installation = Installation(folder)
    layout = Layout(installation.settings)
    ensure_secrets(layout)
    token = read_secret(layout, "service.jobs.token")
    environment = plain_environment(
        NACELLE_SETTINGS=str(installation.file), **service_environment(layout, "jobs", token)
    )
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nacelle.jobs.service"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = layout.address("jobs") + JOBS_PREFIX
    try:
        wait_for(lambda: _answers(url), 60, "the service")
        yield Started(url, folder, read_secret(layout, "jobs.secret"))
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False

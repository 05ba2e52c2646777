"""A whole installation, started and stopped by its own command as a user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from nacelle.layout import Layout
from nacelle.local import processes
from nacelle.local.platform import Platform
from nacelle.settings import load_settings
from tests.support.person import Person
from tests.support.waiting import free_base, wait_for

ROOT = Path(__file__).parents[2]
NACELLE = Path(sys.executable).parent / "nacelle"
PEOPLE: list[dict[str, Any]] = [
    {"name": "admin", "admin": True},
    {"name": "alice", "projects": ["prix"], "mail": "alice@example.org"},
    {"name": "bob"},
    {"name": "carol", "projects": ["prix"]},
]
# Quick to see what a member of the project registers, and to make records into Parquet.
NACE: dict[str, Any] = {
    "project": "prix",
    "check_seconds": 1,
    "records": {"rotate_seconds": 2, "compact_seconds": 2},
}


class Installation:
    """Settings and data in `folder`; `overrides` are settings over the tests' own."""

    def __init__(self, folder: Path, **overrides: Any) -> None:
        self.folder = folder
        self.file = folder / "settings.yaml"
        raw = {
            "data_dir": str(folder / "data"),
            "profiles": str(ROOT / "hub_config" / "profiles.yaml"),
            "port": free_base(),
            "users": PEOPLE,
            "nace": NACE,
            **overrides,
        }
        self.file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        self.settings = load_settings(self.file)
        self.layout = Layout(self.settings)
        self.url = self.settings.url.rstrip("/")

    def run(self, *words: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """`nacelle WORDS --settings ...`, with an environment of a plain terminal."""
        return subprocess.run(
            [str(NACELLE), *words, "--settings", str(self.file)],
            env=plain_environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def up(self) -> None:
        answer = self.run("up", "--detach")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def down(self) -> None:
        answer = self.run("down")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert not processes.find(self.layout.instance)

    def person(self, name: str) -> Person:
        """Logged in with the password that was made at first start."""
        return Person(self.url, name, self.password(name))

    def password(self, name: str) -> str:
        """The one that was made at first start."""
        lines = (self.layout.secrets / "passwords.txt").read_text(encoding="utf-8").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)[name]

    def process(self, part: str) -> psutil.Process:
        """The process that the supervisor runs for a part."""
        supervisor = Platform(self.settings, ROOT / "hub_config").supervisor()
        assert supervisor is not None
        found = [child for child in supervisor.children() if processes.part_of(child) == part]
        assert found, f"{part} does not run"
        return found[0]

    def kill(self, part: str) -> None:
        """kill -9, and wait until the process is gone."""
        process = self.process(part)
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: not _alive(process), 10, f"the end of {part}")

    def is_up(self) -> bool:
        """Whether it is started and every part answers."""
        return (self.layout.run / "settings.json").exists() and self.is_healthy()

    def is_healthy(self) -> bool:
        """Whether every part answers."""
        platform = Platform(self.settings, ROOT / "hub_config")
        return all(health.healthy for health in platform.health())

    def log(self, part: str) -> str:
        path = self.layout.logs / f"{part}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def plain_environment(**more: str) -> dict[str, str]:
    """What a terminal of a new user has, and nothing of the tests' own."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "TERM")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

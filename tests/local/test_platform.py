"""Stopping the platform, with a real supervisor over parts that are small."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nacelle.local import processes, supervised
from nacelle.local.parts import Part, make_supervisor_conf
from nacelle.local.platform import ENGINE, Platform
from nacelle.secrets import write_private
from nacelle.settings import Settings
from tests.support.waiting import wait_for

# Launches a run whenever none is under way, and writes down that it did.
LAUNCHES = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    with open(sys.argv[1], "a") as ran:
        ran.write("launched\\n")
    run = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(run, env={**os.environ, "NACELLE_PART": "run"}, start_new_session=True)
    child.wait()
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    made = Platform(Settings(data_dir=tmp_path / "data", port=9000), tmp_path)
    for folder in (made.layout.run, made.layout.logs):
        folder.mkdir(parents=True)
    script = tmp_path / "launches.py"
    script.write_text(LAUNCHES)
    command = (sys.executable, str(script), str(tmp_path / "ran"))
    parts = (Part(ENGINE, "engine", command, None, 50),)
    conf = make_supervisor_conf(made.layout, parts, made._socket)
    write_private(made.layout.run / "supervisor.conf", conf)
    yield made
    processes.end(processes.find(made.layout.instance))


def launches(folder: Path) -> int:
    file = folder / "ran"
    return len(file.read_text().splitlines()) if file.exists() else 0


def started(platform: Platform) -> None:
    """With the engine and one run of it."""
    platform._spawn_supervisor()
    instance = platform.layout.instance
    wait_for(lambda: processes.find(instance, lambda part: part == processes.RUN), 20, "a run")
    wait_for(platform.supervisor, 20, "the supervisor")


def test_nothing_is_launched_while_runs_are_ended(platform: Platform, tmp_path: Path) -> None:
    started(platform)
    assert platform.stop() == 3
    assert launches(tmp_path) == 1
    assert not processes.find(platform.layout.instance)


def test_a_part_that_is_stopped_is_not_started_again(platform: Platform) -> None:
    started(platform)
    assert supervised.stop(platform._socket, ENGINE)
    instance = platform.layout.instance
    assert not processes.find(instance, lambda part: part == ENGINE)
    # It is stopped already, and there is no such part.
    assert not supervised.stop(platform._socket, ENGINE)
    assert not supervised.stop(platform._socket, "nothing")


def test_without_a_supervisor_all_is_ended_too(platform: Platform, tmp_path: Path) -> None:
    started(platform)
    supervisor = platform.supervisor()
    assert supervisor
    supervisor.kill()
    wait_for(lambda: platform.supervisor() is None, 10, "its end")
    platform.stop()
    assert launches(tmp_path) == 1
    assert not processes.find(platform.layout.instance)

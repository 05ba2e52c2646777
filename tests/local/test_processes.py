from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from nacelle.local import processes

NAME = "test-of-processes"
# Says that it is ready, then waits for its end of the pipe; ignores a request to stop if asked to.
PROGRAM = """
import signal, sys
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start() -> Iterator[object]:
    started: list[subprocess.Popen[str]] = []

    def start(part: str, manner: str = "polite") -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, manner],
            env={processes.INSTANCE: NAME, processes.PART: part},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def test_processes_are_found_by_instance_and_part(start) -> None:  # type: ignore[no-untyped-def]
    hub, store = start("hub"), start("store")
    assert {p.pid for p in processes.find(NAME)} == {hub.pid, store.pid}
    assert [p.pid for p in processes.find(NAME, lambda part: part == "hub")] == [hub.pid]
    assert processes.find("another") == []


def test_a_process_never_finds_itself_or_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from nacelle.local import processes; print(len(processes.find('n')))"
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={processes.INSTANCE: "n"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == "0"


def test_end_asks_then_kills(start) -> None:  # type: ignore[no-untyped-def]
    polite, stubborn = start("a"), start("b", "stubborn")
    assert processes.end(processes.find(NAME), patience=1) == 2
    assert not psutil.pid_exists(polite.pid)
    assert not psutil.pid_exists(stubborn.pid)

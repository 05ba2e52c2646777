"""Tasks in processes that never outlive the one that asked for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.workers import Task, run
from tests.nace import tasks
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]


def quiet(share: float, what: str) -> None:
    """Nobody listens."""


def test_each_task_has_a_process_and_progress_is_heard(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "two", "three")]
    heard: list[float] = []
    run(
        [Task("leaving", tasks.leave, (path,)) for path in paths],
        2,
        lambda share, what: heard.append(share),
    )
    numbers = {int(path.read_text(encoding="utf-8")) for path in paths}
    assert len(numbers) == 3
    assert os.getpid() not in numbers
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_what_a_task_refuses_is_said_here_and_stops_the_others(tmp_path: Path) -> None:
    staying = Task("staying", tasks.stay, (tmp_path / "one",))
    refusing = Task("refusing", tasks.refuse, ("No rows; give some.",))
    with pytest.raises(NaceError, match=r"^No rows; give some\.$"):
        run([staying, refusing], 2, quiet)
    if (tmp_path / "one").exists():
        assert not psutil.pid_exists(int((tmp_path / "one").read_text(encoding="utf-8")))


def test_a_task_that_dies_is_said(tmp_path: Path) -> None:
    with pytest.raises(NaceError, match="dying: the process ended with status -9"):
        run([Task("dying", tasks.die, ())], 1, quiet)


def test_no_tasks_are_done_at_once() -> None:
    run([], 2, quiet)


@pytest.mark.drill
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_tasks_end_with_the_process_that_asked(tmp_path: Path, number: signal.Signals) -> None:
    code = "import pathlib, sys; from tests.nace.tasks import stay_under as stay\n"
    code += 'if __name__ == "__main__": stay(pathlib.Path(sys.argv[1]))'
    asking = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    paths = [tmp_path / "one", tmp_path / "two"]
    wait_for(lambda: all(path.exists() and path.read_text() for path in paths), 60)
    numbers = [int(path.read_text(encoding="utf-8")) for path in paths]
    asking.send_signal(number)
    asking.wait(30)
    wait_for(lambda: not any(psutil.pid_exists(one) for one in numbers), 30)

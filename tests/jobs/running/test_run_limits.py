"""A run is held to its time and memory, stops when asked, and leaves no process behind."""

from __future__ import annotations

import signal
import sys

import psutil
import pytest

from tests.jobs.running.runs import Place, all_gone
from tests.support.waiting import wait_for

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

SLEEP = "print('asleep')\nimport time\ntime.sleep(300)"
# Two generations on, in sessions of their own: nothing but the run ties them to it.
DAEMON = f"""import subprocess
code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time;" \\
       " time.sleep(300)'], start_new_session=True)"
subprocess.run([{sys.executable!r}, "-c", code], start_new_session=True)
{SLEEP}"""
MEGABYTE = 2**20


def test_a_run_that_takes_too_long(place: Place) -> None:
    done = place.run("1", SLEEP, "print('never')", timeout_seconds=10)
    assert (done.result.state, done.result.exit.code) == ("timed-out", "timed-out")
    assert done.said_en.startswith("The run was stopped after 10 s, the job's time limit.")
    assert done.printed() == "asleep\n"
    assert done.result.html and b"asleep" in place.object("notebook.html")


@pytest.mark.parametrize(
    "fill",
    [
        "x = b'x' * 1_500_000_000",
        f"import subprocess; subprocess.run([{sys.executable!r}, '-c',"
        " 'x = b\"x\" * 1_500_000_000; import time; time.sleep(60)'], start_new_session=True)",
    ],
    ids=["the kernel", "a process of it"],
)
def test_a_run_that_takes_too_much_memory(place: Place, fill: str) -> None:
    done = place.run("print('before')", f"{fill}\n{SLEEP}", memory_bytes=600 * MEGABYTE)
    assert (done.result.state, done.result.exit.code) == ("failed", "out-of-memory")
    assert "(600 MB)" in done.said_en
    assert done.printed() == "before\n"


def test_pages_that_processes_share_count_once(place: Place) -> None:
    cell = """import os, time
x = b"x" * 200_000_000
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        time.sleep(2)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
print("done")"""
    done = place.run(cell, memory_bytes=600 * MEGABYTE)
    assert done.result.state == "succeeded", done.said_en
    assert done.printed() == "done\n"


def test_the_system_takes_what_runs_in_a_notebook_first(place: Place) -> None:
    cell = "print(open('/proc/self/oom_score_adj').read())"
    assert place.run(cell).printed().strip() == "1000"


def test_a_run_that_is_stopped(place: Place) -> None:
    started = place.start(place.order("print('before')", DAEMON))
    started.wait_for("asleep")
    below = started.below()
    assert len(below) >= 3
    started.stop()
    done = started.done()
    assert (done.result.state, done.result.exit.code) == ("cancelled", "cancelled")
    assert done.printed() == "before\nasleep\n"
    assert b"before" in place.object("notebook.ipynb")
    all_gone(below)


def test_a_run_that_is_stopped_before_it_has_keys(place: Place) -> None:
    place.broker.answer = (503, {"message": "the store is away"})
    try:
        started = place.start(place.order("print('never')"))
        started.wait_for("No storage keys yet")
        started.stop()
        done = started.done()
    finally:
        place.broker.answer = None
    assert done.result.state == "cancelled"
    assert not done.folder.work.exists()


@pytest.mark.parametrize("whom", ["runner", "warden"])
def test_killed_it_leaves_no_process_behind(place: Place, whom: str) -> None:
    started = place.start(place.order(DAEMON))
    started.wait_for("asleep")
    below = started.below()
    # The warden, the kernel, and what the kernel started.
    assert len(below) >= 3
    if whom == "runner":
        started.process.send_signal(signal.SIGKILL)
        all_gone(below)
        started.process.wait(10)
        folder = started.folder
        wait_for(lambda: not folder.is_alive(), 10, "the lock to be free")
        assert folder.begun() and folder.read_result() is None
        # Lost, not to be run again by anybody.
        assert place.start(folder).process.wait(30) == 3
    else:
        psutil.Process(started.process.pid).children()[0].kill()
        done = started.done()
        assert (done.result.state, done.result.exit.code) == ("failed", "kernel-died")
        all_gone(below)


def test_what_a_notebook_leaves_running_ends_with_it(place: Place) -> None:
    cell = DAEMON.replace(SLEEP, "print('started')")
    started = place.start(place.order(cell, "import time; time.sleep(2)"))
    started.wait_for("started")
    below = started.below()
    assert started.done().result.state == "succeeded"
    all_gone(below)

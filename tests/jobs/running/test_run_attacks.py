"""What a notebook, a parameter, a file on disk or a second runner may try, and does not get."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from nacelle.jobs.running.hiding import HIDDEN
from tests.jobs.running.runs import TOKEN, Place, parameters, text

SERVICE_TOKEN = "service-token-ffffffffffffffffffffffff"


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os').system('touch ran')",
        "'); import os; os.system('touch ran') #",
        '"""\nimport os; os.system("touch ran")\n"""',
        "\\'); open('ran', 'w') #",
        "!touch ran",
        "%system touch ran",
        "$(touch ran) `touch ran` {open('ran', 'w')}",
    ],
)
def test_a_parameter_that_is_code_stays_a_text(place: Place, value: str) -> None:
    look = "import os; print(repr(given)); print(os.path.exists('ran'))"
    done = place.run(parameters("given = ''"), look, parameters={"given": text(value)})
    assert done.printed() == f"{value!r}\nFalse\n", done.log


def test_the_kernel_decides_how_values_are_written_not_the_notebook(place: Place) -> None:
    # As R this would be written c("a"), and as a shell's word without quotes.
    done = place.run(parameters("x = ''"), "print(x)", language="bash", parameters={"x": text("a")})
    assert done.printed() == "a\n", done.said_en


def test_keys_stand_in_nothing_that_a_run_leaves(place: Place) -> None:
    cell = """import json, os, sys, urllib.request
asked = urllib.request.Request(
    os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
)
keys = json.load(urllib.request.urlopen(asked))
print(dict(os.environ), keys)
print(keys["SecretAccessKey"], keys["Token"], file=sys.stderr)
os.write(1, os.environ["MLFLOW_TRACKING_TOKEN"].encode())
display({"text/html": "<b>" + keys["Token"] + "</b>"}, raw=True)
raise ValueError(keys["SecretAccessKey"] + os.environ["MLFLOW_TRACKING_TOKEN"])"""
    done = place.run(cell)
    given = place.broker.given[-1]
    assert done.said_en.startswith(f"Cell 1 stopped with ValueError: {HIDDEN}{HIDDEN}.")
    left = [one for one in done.folder.path.iterdir() if one.is_file()]
    texts = {one.name: one.read_text(errors="replace") for one in left}
    texts |= {name: place.object(name).decode() for name in ("log.txt", "notebook.html")}
    for name, told in texts.items():
        for secret in (TOKEN, given["SecretAccessKey"], given["Token"]):
            assert secret not in told, name
    assert texts["notebook.ipynb"].count(HIDDEN) >= 6


def test_the_token_stands_in_no_command(place: Place) -> None:
    started = place.start(place.order("print('here')", "import time; time.sleep(2)"))
    started.wait_for("here")
    runner = psutil.Process(started.process.pid)
    words = [word for one in (runner, *started.below()) for word in one.cmdline()]
    assert any("warden" in word for word in words)
    assert not any(TOKEN in word for word in words)
    started.done()


def test_the_kernel_has_nothing_of_the_engines_environment(place: Place) -> None:
    """The service's own token would let a notebook act for everybody."""
    folder = place.order("import os; print(*os.environ.items(), sep='\\n')")
    done = place.start(
        folder,
        JUPYTERHUB_API_TOKEN=SERVICE_TOKEN,
        JUPYTERHUB_COOKIE_SECRET=SERVICE_TOKEN,
        NACELLE_SECRET=SERVICE_TOKEN,
        AWS_ACCESS_KEY_ID=SERVICE_TOKEN,
        AWS_SECRET_ACCESS_KEY=SERVICE_TOKEN,
        MLFLOW_FLASK_SERVER_SECRET_KEY=SERVICE_TOKEN,
    ).done()
    assert done.result.state == "succeeded" and done.result.notebook
    assert "PATH" in done.printed()
    assert SERVICE_TOKEN not in done.printed() and "JUPYTERHUB" not in done.printed()


def test_a_notebook_that_was_changed_on_disk_does_not_run(place: Place) -> None:
    folder = place.order("print('promoted')")
    file = folder.read_order().notebook_file
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(b"promoted", b"changed!"))
    done = place.start(folder).done()
    file.unlink()
    assert (done.result.state, done.result.exit.code) == ("failed", "notebook")
    assert "not the one that was promoted" in done.said_en
    assert not done.folder.notebook.exists()
    again = place.start(place.order("print('other')")).folder
    assert again.read_order().notebook_file.exists()


def test_the_input_notebook_is_never_changed(place: Place) -> None:
    folder = place.order("print('x')")
    file = folder.read_order().notebook_file
    before = file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_mode
    place.start(folder).done()
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_mode) == before


def test_two_runners_on_one_folder_run_it_once(place: Place) -> None:
    folder = place.order("print('once')")
    pair = [place.start(folder) for _ in range(4)]
    assert sorted(one.process.wait(120) for one in pair) == [0, 3, 3, 3]
    assert folder.log.read_text().count("once\n") == 1
    # Nor ever after, although it is over.
    assert place.start(folder).process.wait(30) == 3
    assert folder.log.read_text().count("once\n") == 1


def test_without_a_token_it_has_not_begun(place: Place) -> None:
    folder = place.order("print('x')")
    command = [sys.executable, "-m", "nacelle.jobs.run", str(folder.path)]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert ended.returncode == 2
    assert folder.begun() is None and not folder.is_alive()
    assert place.start(folder).done().result.state == "succeeded"


@pytest.mark.parametrize("status", [401, 403])
def test_keys_that_are_refused_end_the_run_before_its_first_cell(place: Place, status: int) -> None:
    place.broker.answer = (status, {"message": "ada has left"})
    try:
        done = place.run("print('ran')")
    finally:
        place.broker.answer = None
    assert (done.result.state, done.result.exit.code) == ("failed", "keys-refused")
    assert "ada has left" in done.said_en and "whether ada still has" in done.said_en
    assert "ran\n" not in done.log
    assert done.result.notebook is done.result.html is done.result.log is None


def test_a_broker_that_is_away_for_a_moment_is_waited_for(place: Place) -> None:
    place.broker.answer = (503, {"message": "the hub is away"})
    try:
        started = place.start(place.order("print('ran')"))
        started.wait_for("the hub is away")
    finally:
        place.broker.answer = None
    done = started.done()
    assert done.result.state == "succeeded" and done.printed() == "ran\n"


def test_what_a_broken_order_says_is_the_platforms_failure(place: Place) -> None:
    folder = place.order("1")
    folder.order.write_text("{}")
    done = place.start(folder).done()
    assert done.result.exit.code == "platform"
    assert folder.path.name[:8] in done.said_en
    assert "ValidationError" in done.said and TOKEN not in done.said


def test_terminals_are_not_commanded_by_what_cells_print(place: Place) -> None:
    done = place.run(r"print('\x1b]0;title\x07\x1b[31mred\x1b[0m\x9b31m\x08\x00 end')")
    assert "red31m end\n" in done.log
    assert not set(done.log) & {"\x1b", "\x07", "\x9b", "\x08", "\x00"}


def test_outputs_of_before_are_not_taken_for_the_runs_own(place: Place) -> None:
    old: Any = nbformat.v4.new_code_cell(
        "x = 1", outputs=[nbformat.v4.new_output("stream", text="of before\n")]
    )
    done = place.run("import sys; sys.exit(1)", old)
    assert "of before" not in Path(done.folder.notebook).read_text()

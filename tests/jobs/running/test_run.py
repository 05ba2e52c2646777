"""Notebooks run by a runner: from an order to a result, in the real store."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.jobs.parts import Progress
from nacelle.jobs.running.room import TOO_LARGE
from tests.jobs.running.runs import OWNER, TARGET, Place, parameters, text

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill


def test_a_notebook_runs_and_leaves_its_results_in_the_store(place: Place) -> None:
    cells = ("# Figures", parameters("month = '2025-12'"), "print('for', month)", "6 * 7")
    done = place.run(*cells, parameters={"month": text("{scheduled:%Y-%m}")})
    assert done.result.state == "succeeded", done.said_en + done.log + done.said
    assert done.result.exit.code == "succeeded"
    assert done.folder.read_progress() == Progress(cell=4, of=4)
    assert done.result.notebook == f"{TARGET}/notebook.ipynb"
    assert done.result.html == f"{TARGET}/notebook.html"
    assert done.result.log == f"{TARGET}/log.txt"
    assert done.printed() == "for 2026-01\n"
    assert place.object("notebook.ipynb") == done.folder.notebook.read_bytes()
    assert place.object("notebook.html") == done.folder.html.read_bytes()
    log = place.object("log.txt").decode()
    assert log == done.log
    assert "Cell 3 of 4\nfor 2026-01\n" in log and "Every cell ran." in log
    assert done.said == ""


def test_the_page_asks_nobody_for_anything(place: Place) -> None:
    done = place.run("# $x^2$", "from IPython.display import HTML\nHTML('<b>bold</b>')")
    page = done.folder.html.read_text()
    assert "<b>bold</b>" in page
    assert "<script" not in page and "cdn" not in page and "unpkg" not in page


def test_what_it_leaves_on_disk(place: Place) -> None:
    done = place.run("import os; print(os.listdir('.')); open('left', 'w').write('x')")
    assert done.printed() == "[]\n"
    names = {one.name for one in done.folder.path.iterdir()}
    assert names == {
        "begun",
        "lock",
        "log",
        "notebook.html",
        "notebook.ipynb",
        "order.json",
        "progress.json",
        "result.json",
        "runner.log",
    }
    # That one is whoever's who started the runner.
    others = {one.name for one in done.folder.path.iterdir() if one.stat().st_mode & 0o077}
    assert others <= {"runner.log"}
    assert not done.folder.is_alive()


@pytest.mark.parametrize(
    ("cells", "parameters_given", "number"),
    [
        (("# Words", "1 + 1", "def f():\n    return {}['a']\nf()", "2"), False, 3),
        ((parameters("n = 1"), "1 + 1", "{}['a']", "2"), True, 3),
        (("{}['a']", "2"), True, 1),
    ],
)
def test_an_exception_is_told_with_its_cell(
    place: Place, cells: tuple[Any, ...], parameters_given: bool, number: int
) -> None:
    given = {"n": text("2")} if parameters_given else {}
    done = place.run(*cells, parameters=given)
    assert (done.result.state, done.result.exit.code) == ("failed", "exception")
    assert done.result.exit.cell == number
    assert done.said_en == (
        f"Cell {number} stopped with KeyError: 'a'. Open the output notebook at that cell."
    )
    assert "KeyError: 'a'" in done.log and "\x1b" not in done.log
    # The rest did not run and does not look as if it had.
    states = [cell.metadata.papermill.status for cell in done.notebook.cells]
    assert states[-2:] == ["failed", "pending"]
    assert done.notebook.cells[-1].outputs == []
    assert done.result.notebook and done.result.html
    assert b"KeyError" in place.object("notebook.html")
    progress = done.folder.read_progress()
    assert progress == Progress(cell=number - 1, of=len(cells))


@pytest.mark.parametrize("leave", ["import sys; sys.exit()", "import sys; sys.exit(0)", "quit()"])
def test_a_cell_may_end_the_notebook_on_purpose(place: Place, leave: str) -> None:
    done = place.run("print('first')", leave, "print('never')")
    assert done.result.state == "succeeded"
    assert done.printed().startswith("first\n") and "never" not in done.printed()
    assert "Cell 2 ended the notebook on purpose." in done.log


def test_leaving_with_a_number_is_a_failure(place: Place) -> None:
    done = place.run("import sys; sys.exit(3)", "print('never')")
    assert done.said_en.startswith("Cell 1 stopped with SystemExit: 3.")


def test_an_interrupt_is_an_exception(place: Place) -> None:
    interrupt = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    done = place.run(interrupt)
    assert done.said_en.startswith("Cell 1 stopped with KeyboardInterrupt: no message.")


@pytest.mark.parametrize(
    "die", ["import os; os._exit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]
)
def test_a_kernel_that_dies_is_told_with_its_cell(place: Place, die: str) -> None:
    done = place.run("print('before')", die, "print('never')")
    assert (done.result.state, done.result.exit.code) == ("failed", "kernel-died")
    assert done.result.exit.cell == 2
    assert done.printed() == "before\n"
    assert b"before" in place.object("notebook.html")


def test_a_kernel_that_is_not_installed(place: Place) -> None:
    done = place.run("1", kernel="absent")
    assert (done.result.state, done.result.exit.code) == ("failed", "kernel-missing")
    assert "no kernel absent" in done.said_en
    assert done.result.notebook is None


def test_a_kernel_whose_program_is_gone(place: Place, tmp_path: Any) -> None:
    spec = tmp_path / "kernels" / "gone"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        '{"argv": ["/nowhere/python9", "{connection_file}"], "display_name": "x",'
        ' "language": "python"}'
    )
    done = place.run("1", kernel="gone", variables={"JUPYTER_PATH": str(tmp_path)})
    assert done.result.exit.code == "kernel-missing", done.said_en + done.log
    assert "/nowhere/python9 cannot be started" in done.log


def test_what_is_printed_bit_by_bit_is_one_output(place: Place) -> None:
    cell = """import sys, time
for number in range(3):
    print(number, flush=True)
    time.sleep(0.3)
print('\\rhalf\\rwhole', file=sys.stderr)"""
    done = place.run(cell)
    (first, second) = done.notebook.cells[0].outputs
    assert first.text == "0\n1\n2\n"
    assert second.name == "stderr"
    assert "0\n1\n2\nwhole\n" in done.log


def test_a_program_that_prints_without_end_does_not_fill_the_machine(place: Place) -> None:
    done = place.run("for _ in range(100):\n    print('x' * 1_000_000, flush=True)", "1 / 0")
    assert "printed too much" in done.log and "outputs are too large" in done.log
    assert done.folder.log.stat().st_size < 15_000_000
    assert done.folder.notebook.stat().st_size < 60_000_000
    # What ends a run is told all the same.
    assert "ZeroDivisionError" in done.said_en


def test_a_single_output_does_not_fill_the_machine(place: Place) -> None:
    done = place.run(
        "display({'text/html': 'x' * 60_000_000}, raw=True)",
        "raise ValueError('y' * 1_000_000)",
    )
    (output,) = done.notebook.cells[0].outputs
    assert output.data == {"text/plain": TOO_LARGE}
    assert done.log.count(TOO_LARGE) >= 1
    assert done.folder.notebook.stat().st_size < 2_000_000
    assert "ValueError" in done.said_en


def test_the_kernel_knows_whose_run_it_is(place: Place) -> None:
    cell = """import os
for name in ("PROJECT_USER", "NACELLE_RUN_ID", "NACELLE_BROKER_URL", "NACELLE_PART"):
    print(os.environ[name])
print(os.path.realpath(os.environ["HOME"]) == os.path.realpath("../home"))"""
    done = place.run(cell)
    number = done.folder.path.name
    assert done.printed() == f"{OWNER}\n{number}\n{place.broker.url}\nrun\nTrue\n"


def test_a_cell_reads_and_writes_the_store_with_the_runs_keys(place: Place) -> None:
    cell = """import boto3
client = boto3.client("s3")
client.put_object(Bucket="user-ada", Key="figures", Body=b"12")
print(client.get_object(Bucket="user-ada", Key="figures")["Body"].read())"""
    done = place.run(cell)
    assert done.printed() == "b'12'\n", done.log

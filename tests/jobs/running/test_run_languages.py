"""R and Julia, where they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.environments.machine import probe_machine
from nacelle.kernels import NAMES
from nacelle.shares import share
from tests.jobs.running.runs import Place, parameters, text

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

INSTALLED = probe_machine().kernels
needs_r = pytest.mark.skipif("r" not in INSTALLED, reason="R or IRkernel is not installed")
needs_julia = pytest.mark.skipif("julia" not in INSTALLED, reason="Julia is not installed")
VALUE = 'été $(x) "\\n'


@pytest.fixture
def ours(tmp_path: Path) -> dict[str, str]:
    """Where our kernelspecs are found under their names."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    for source, name in NAMES.items():
        (folder / name).symlink_to(share("kernels") / source)
    return {"JUPYTER_PATH": str(tmp_path)}


@needs_r
def test_r_runs_with_its_parameters(place: Place, ours: dict[str, str]) -> None:
    done = place.run(
        parameters("given <- ''"),
        "cat(given == 'été $(x) \"\\\\n', '\\n')",
        kernel="ir",
        language="R",
        variables=ours,
        parameters={"given": text(VALUE)},
    )
    assert done.result.state == "succeeded", done.said_en + done.log
    assert done.printed() == "TRUE \n"
    assert done.result.html


@needs_r
def test_an_error_in_r_is_told_with_its_cell(place: Place, ours: dict[str, str]) -> None:
    cells = ("x <- 1", "f <- function() stop('no figures')\nf()", "cat('never')")
    done = place.run(*cells, kernel="ir", language="R", variables=ours)
    assert (done.result.state, done.result.exit.code) == ("failed", "exception")
    assert done.result.exit.cell == 2
    assert done.said_en.startswith("Cell 2 stopped with Error in f(): no figures.")


@needs_r
def test_r_may_end_the_notebook_on_purpose(place: Place, ours: dict[str, str]) -> None:
    cells = ("cat('first\\n')", "quit()", "cat('never\\n')")
    done = place.run(*cells, kernel="ir", language="R", variables=ours)
    assert done.result.state == "succeeded", done.said_en + done.log
    assert done.printed() == "first\n"


@needs_r
def test_what_other_programs_print_below_r_is_in_the_log(
    place: Place, ours: dict[str, str]
) -> None:
    cells = ("system('echo below', wait = TRUE)\nSys.sleep(1)", "cat('last\\n')")
    done = place.run(*cells, kernel="ir", language="R", variables=ours)
    assert "below\n" in done.log and "last\n" in done.log


@needs_r
def test_r_that_is_killed_is_told_with_its_cell(place: Place, ours: dict[str, str]) -> None:
    cells = ("1", "tools::pskill(Sys.getpid(), 9)\nSys.sleep(60)")
    done = place.run(*cells, kernel="ir", language="R", variables=ours)
    assert (done.result.exit.code, done.result.exit.cell) == ("kernel-died", 2)


@needs_julia
def test_julia_runs_with_its_parameters(place: Place, ours: dict[str, str]) -> None:
    done = place.run(
        parameters('given = ""'),
        "println(length(given))",
        kernel="julia-1",
        language="julia",
        variables=ours,
        parameters={"given": text(VALUE)},
    )
    assert done.result.state == "succeeded", done.said_en + done.log
    assert done.printed() == f"{len(VALUE)}\n"


@needs_julia
def test_an_error_in_julia_is_told_with_its_cell(place: Place, ours: dict[str, str]) -> None:
    done = place.run("1", 'error("no figures")', kernel="julia-1", language="julia", variables=ours)
    assert (done.result.exit.code, done.result.exit.cell) == ("exception", 2)
    assert "no figures" in done.said_en

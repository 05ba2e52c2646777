"""Frozen packages: installed once, on the kernel's path, and told in words when they cannot be."""

from __future__ import annotations

import ensurepip
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.jobs.running.runs import Place

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

LOOK = "import small, sys; print(small.VERSION, small.__file__)"


@pytest.fixture
def index(tmp_path: Path) -> dict[str, str]:
    """A folder with one small package in two versions, and how pip finds it."""
    for version in ("1.0", "2.0"):
        about = f"small-{version}.dist-info"
        with zipfile.ZipFile(tmp_path / f"small-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("small.py", f"VERSION = {version!r}\n")
            # Not there: what was frozen is complete, and nothing else is looked for.
            needs = "Requires-Dist: nowhere-to-be-found\n"
            wheel.writestr(
                f"{about}/METADATA",
                f"Metadata-Version: 2.1\nName: small\nVersion: {version}\n{needs}",
            )
            wheel.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{about}/RECORD", "")
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    if find_spec("pip") is None:
        # The one that comes with Python itself.
        (wheel_of_pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
        found["PYTHONPATH"] = str(wheel_of_pip)
    return found


def test_they_are_installed_once_and_shared(place: Place, index: dict[str, str]) -> None:
    first = place.run(LOOK, packages=("small==1.0",), variables=index)
    assert first.result.state == "succeeded", first.said_en + first.log
    version, file = first.printed().split()
    assert version == "1.0" and Path(file).is_relative_to(place.folder / "packages")
    assert "Installing 1 packages: small==1.0" in first.log
    stamp = Path(file).stat().st_mtime_ns
    again = place.run(LOOK, packages=("small==1.0",), variables=index)
    assert again.printed() == first.printed() and Path(file).stat().st_mtime_ns == stamp
    assert "Installing" not in again.log
    other = place.run(LOOK, packages=("small==2.0",), variables=index)
    assert other.printed().startswith("2.0 ")
    assert Path(file).exists()


def test_two_runs_at_once_install_them_once(place: Place, index: dict[str, str]) -> None:
    wanted = ("small==1.0", "small==1.0")
    both = [place.start(place.order(LOOK, packages=wanted, variables=index)) for _ in range(2)]
    done = [one.done() for one in both]
    assert [one.result.state for one in done] == ["succeeded"] * 2, [one.log for one in done]
    assert sum("Installing" in one.log for one in done) == 1


def test_packages_that_cannot_be_had_are_told_in_pips_words(
    place: Place, index: dict[str, str]
) -> None:
    done = place.run("print('ran')", packages=("absent==3.1",), variables=index)
    assert (done.result.state, done.result.exit.code) == ("failed", "packages")
    assert "No matching distribution found for absent==3.1" in done.said_en
    assert "ran\n" not in done.log
    assert not list((place.folder / "packages").glob("*.partial"))
    # The next run tries anew.
    assert place.run("1", packages=("absent==3.1",), variables=index).result.exit.code == "packages"

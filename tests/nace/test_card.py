"""Where the code of a model came from."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from nacelle.nace import card


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package that is committed in a checkout."""
    folder = tmp_path / "extensions" / "nacelle" / "nace"
    folder.mkdir(parents=True)
    (folder / "card.py").write_text("a = 1\n")
    monkeypatch.setattr(card, "__file__", str(folder / "card.py"))
    return folder


def git(folder: Path, *asked: str) -> str:
    given = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run([*given, *asked], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_changes_that_were_not_committed_are_said(package: Path) -> None:
    root = package.parents[2]
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "all")
    commit = git(root, "rev-parse", "HEAD")
    (root / "notes.txt").write_text("no part of the package")
    assert card.code_version() == commit
    (package / "card.py").write_text("a = 2\n")
    assert card.code_version() == f"{commit}-dirty"


def test_without_a_checkout_it_is_the_version(package: Path) -> None:
    assert card.code_version() == version("nacelle")

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets.config import Config

from nacelle.lab.configure import configure, make_root, welcome
from nacelle.shares import share


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_root_holds_a_link_to_the_home_alone(home: Path) -> None:
    root = make_root(home)
    assert [entry.name for entry in root.iterdir()] == ["home"]
    assert (root / "home").resolve() == home
    assert make_root(home) == root


def test_a_home_that_moved_is_linked_again(home: Path, tmp_path: Path) -> None:
    link = make_root(home) / "home"
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere")
    make_root(home)
    assert link.resolve() == home


def test_a_new_home_gets_the_notebooks(home: Path) -> None:
    make_root(home)
    welcome(home, share("notebooks"))
    assert (home / "tutorials" / "01-first-steps.ipynb").exists()
    assert (home / "pipelines" / "nace" / "train.ipynb").exists()


def test_case_1_a_folder_that_exists_is_left_as_it_is(home: Path) -> None:
    make_root(home)
    (home / "tutorials").mkdir()
    (home / "tutorials" / "mine").write_text("x", encoding="utf-8")
    welcome(home, share("notebooks"))
    assert [entry.name for entry in (home / "tutorials").iterdir()] == ["mine"]


def test_case_2_what_was_deleted_does_not_come_back(home: Path) -> None:
    make_root(home)
    welcome(home, share("notebooks"))
    notebook = home / "tutorials" / "01-first-steps.ipynb"
    notebook.unlink()
    welcome(home, share("notebooks"))
    assert not notebook.exists()


def test_a_profile_s_kernels_alone_are_offered(home: Path) -> None:
    c = Config()
    configure(c, {"NACELLE_KERNELS": "python3,ir"})
    assert c.KernelSpecManager.allowed_kernelspecs == {"python3", "ir"}

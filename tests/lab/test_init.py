from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nacelle.lab.init import NAME, REPORT, run_init, start_init


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    folder.mkdir()
    git(folder, "init", "-b", "main")
    (folder / "lesson.txt").write_text("one", encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    git(folder, "config", "--global", "user.name", "t")
    git(folder, "config", "--global", "user.email", "t@example.org")
    return folder


def test_case_1_the_repository_is_fetched_and_own_changes_are_kept(
    course: Path, home: Path
) -> None:
    wanted = {"git": f"file://{course}", "branch": "main"}
    run_init(wanted, home)
    assert (home / "course" / "lesson.txt").read_text(encoding="utf-8") == "one"
    (home / "course" / "mine.txt").write_text("mine", encoding="utf-8")
    (course / "second.txt").write_text("two", encoding="utf-8")
    git(course, "add", ".")
    git(course, "commit", "-m", "second")
    run_init(wanted, home)
    assert (home / "course" / "second.txt").exists()
    assert (home / "course" / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert not (home / REPORT).exists()


def test_case_2_the_script_runs_in_the_home_after_it(course: Path, home: Path) -> None:
    wanted = {"git": f"file://{course}", "branch": "main", "script": "cp course/lesson.txt here"}
    thread = start_init({NAME: json.dumps(wanted)}, home)
    assert thread is not None
    thread.join(60)
    assert (home / "here").read_text(encoding="utf-8") == "one"


def test_case_3_a_failure_is_told_and_goes_away(home: Path) -> None:
    run_init({"script": "echo no such data; exit 3"}, home)
    assert "no such data" in (home / REPORT).read_text(encoding="utf-8")
    run_init({"script": "true"}, home)
    assert not (home / REPORT).exists()


def test_case_3_a_repository_that_is_not_there(home: Path) -> None:
    run_init({"git": f"file://{home}/none"}, home)
    assert (home / REPORT).exists()


def test_nothing_is_asked_nothing_is_done(home: Path) -> None:
    assert start_init({}, home) is None

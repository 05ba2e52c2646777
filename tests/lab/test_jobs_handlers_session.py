"""/nacelle/session: packages beyond the environment, Git, and paths that lead outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nacelle.environments.packages import Package, beyond
from nacelle.lab.session_handlers import OutsideHome, file_of
from tests.lab.lab_server import LabServer, lab_server


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def distribution(site: Path, name: str, version: str, **direct: Any) -> None:
    """What pip leaves of a package."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    if direct:
        (info / "direct_url.json").write_text(json.dumps(direct), encoding="utf-8")


def kernel(home: Path, name: str, *argv: str, language: str = "python") -> None:
    folder = home / ".local" / "share" / "jupyter" / "kernels" / name
    folder.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": name, "language": language}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    folder = tmp_path_factory.mktemp("session")
    home = folder / "home"
    venv = home / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = venv / "lib" / version / "site-packages"
    distribution(site, "Prix_Index", "1.2.3")
    distribution(site, "from-archive", "2.0", url="https://example.org/a.whl", archive_info={})
    distribution(site, "mine", "0.1", url="file:///home/mine", dir_info={"editable": True})
    distribution(site, "odd", "1.0 beta")
    kernel(home, "venv", str(venv / "bin" / "python"), "-m", "ipykernel")
    kernel(home, "plain", "python", "-m", "ipykernel")
    kernel(home, "gone", str(home / "nowhere" / "python"))
    kernel(home, "r", "R", "--slave", language="R")
    with lab_server(folder, NACELLE_PROFILE="python") as running:
        yield running


def session(server: LabServer, path: str = "home/a.ipynb", kernel: str = "plain") -> Any:
    answer = server.http.get("/nacelle/session", params={"path": path, "kernel": kernel})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_virtual_environment_s_packages_are_beyond_the_platform_s(server: LabServer) -> None:
    found = session(server, kernel="venv")
    assert found["packages"] == ["from-archive==2.0", "prix-index==1.2.3"]
    assert found["unfrozen"] == ["mine", "odd"]


def test_the_platform_s_own_kernel_has_nothing_beyond(server: LabServer) -> None:
    found = session(server)
    assert (found["packages"], found["unfrozen"]) == ([], [])
    assert found["profile"] == "python"


@pytest.mark.parametrize("name", ["r", "gone", "unknown", ""])
def test_what_cannot_be_asked_has_nothing_to_tell(server: LabServer, name: str) -> None:
    assert session(server, kernel=name)["packages"] == []


def test_another_version_is_beyond_too() -> None:
    baseline = {"a": Package("1", False), "b": Package("1", False)}
    found = beyond({"a": Package("2", False), "b": Package("1", False)}, baseline)
    assert found.packages == ["a==2"]


def test_where_a_notebook_stands_in_git(server: LabServer) -> None:
    folder = server.home / "repository" / "work"
    folder.mkdir(parents=True)
    top = folder.parent
    git(top, "init", "-b", "main")
    path = "home/repository/work/a.ipynb"
    (folder / "a.ipynb").write_text("{}", encoding="utf-8")
    assert session(server, path)["git"] is None, "there is no commit yet"
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    git(top, "remote", "add", "origin", "https://alice:token@git.example.org/a.git")
    commit = git(top, "rev-parse", "HEAD")
    expected = {"commit": commit, "dirty": False, "remote": "https://git.example.org/a.git"}
    assert session(server, path)["git"] == expected
    (folder / "a.ipynb").write_text("{ }", encoding="utf-8")
    assert session(server, path)["git"] == expected | {"dirty": True}
    git(top, "checkout", "--", ".")
    (folder / "b.ipynb").write_text("{}", encoding="utf-8")
    assert session(server, "home/repository/work/b.ipynb")["git"]["dirty"], "in no commit"
    assert session(server, path)["git"] == expected, "files beside it do not count"


def test_a_repository_s_own_programs_do_not_run(server: LabServer) -> None:
    folder = server.home / "trap"
    folder.mkdir()
    git(folder, "init", "-b", "main")
    (folder / "a.ipynb").write_text("{}", encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    sprung = folder / "sprung"
    git(folder, "config", "core.fsmonitor", f"touch {sprung}; false")
    assert session(server, "home/trap/a.ipynb")["git"]["dirty"] is False
    assert not sprung.exists()


def test_what_lies_in_a_bucket_has_no_commit(server: LabServer) -> None:
    assert session(server, "user-alice/a.ipynb")["git"] is None


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "home/../../x", "home/..", "home/link/x", "home/a\\..\\b"],
)
def test_paths_that_lead_outside_are_refused(server: LabServer, path: str, tmp_path: Path) -> None:
    link = server.home / "link"
    if not link.is_symlink():
        link.symlink_to(tmp_path)
    answer = server.http.get("/nacelle/session", params={"path": path, "kernel": ""})
    assert answer.status_code == 400
    assert set(answer.json()["said"]) == {"en", "fr"}


def test_without_the_platform_s_root_the_server_s_own_folder_is_the_limit(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    assert file_of("work/a.ipynb", tmp_path) == tmp_path / "work" / "a.ipynb"
    for path in ("work/../../a.ipynb", "a\0b"):
        with pytest.raises(OutsideHome):
            file_of(path, tmp_path)

"""A user's server in a container takes its tokens from a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nacelle.hub.kube_traits import make_traits
from nacelle.lab.lost_home import NOTE, tell_lost_home
from nacelle.lab.start import CONFIG, NoTokens, make_command, read_tokens
from nacelle.settings import Settings

# Shows what the server would be started with, and ends.
SERVER = """#!{python}
import json, os, sys
print(json.dumps([sys.argv, dict(os.environ)]))
"""


def test_tokens_are_variables(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    file.write_text('{"JUPYTERHUB_API_TOKEN": "abc"}', encoding="utf-8")
    assert read_tokens(file) == {"JUPYTERHUB_API_TOKEN": "abc"}


@pytest.mark.parametrize("text", ["", "{", "[]", '"abc"'])
def test_a_file_that_is_no_set_of_variables(tmp_path: Path, text: str) -> None:
    file = tmp_path / "session.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(NoTokens, match=r"session\.json"):
        read_tokens(file)


def test_the_platform_s_configuration_comes_first() -> None:
    command = make_command(["--debug"])
    assert command[0].endswith("/jupyterhub-singleuser")
    assert command[1:] == [f"--config={CONFIG}", "--debug"]
    assert CONFIG.exists()


def test_without_the_file_it_says_so_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nacelle.lab.start"],
        env={"PATH": "/usr/bin", "NACELLE_SESSION_FILE": "/nowhere/session.json"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "The session cannot start: /nowhere/session.json cannot be read"
        " (No such file or directory). Start it from the hub."
    )


def test_files_in_the_home_are_not_imported(tmp_path: Path) -> None:
    """The pod's command as the hub writes it; its working directory is the home."""
    for name in ("random.py", "yaml.py", "nacelle.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')", encoding="utf-8")
    command = make_traits(Settings(), ())["cmd"]
    done = subprocess.run(
        [sys.executable, *command[1:]],
        env={"PATH": "/usr/bin", "NACELLE_SESSION_FILE": "/nowhere/session.json"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "Start it from the hub." in done.stderr


def test_the_server_takes_the_place_of_the_process_and_has_all_of_it(tmp_path: Path) -> None:
    tokens, server = tmp_path / "session.json", tmp_path / "jupyterhub-singleuser"
    tokens.write_text(json.dumps({"JUPYTERHUB_API_TOKEN": "abc"}), encoding="utf-8")
    server.write_text(SERVER.format(python=sys.executable), encoding="utf-8")
    server.chmod(0o755)
    # As if this environment's programs were there.
    (tmp_path / "python").symlink_to(sys.executable)
    started = (
        "import sys; from pathlib import Path; import nacelle.lab.start as start;"
        f"sys.executable = {str(tmp_path / 'python')!r}; sys.argv = ['start', '--debug'];"
        "start.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", started],
        env={"PATH": "/usr/bin", "NACELLE_SESSION_FILE": str(tokens), "MINE": "kept"},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments, environ = json.loads(done.stdout)
    assert arguments[1:] == [f"--config={CONFIG}", "--debug"]
    assert environ["JUPYTERHUB_API_TOKEN"] == "abc" and environ["MINE"] == "kept"
    assert environ["JUPYTER_CONFIG_PATH"].endswith("/jupyter")


def test_a_home_that_was_lost_is_told_in_the_new_one(tmp_path: Path) -> None:
    tell_lost_home({}, tmp_path)
    assert list(tmp_path.iterdir()) == []
    tell_lost_home({"NACELLE_HOME_WAS_LOST": "1"}, tmp_path)
    assert "buckets are untouched" in (tmp_path / NOTE).read_text(encoding="utf-8")

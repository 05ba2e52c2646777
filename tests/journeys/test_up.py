"""`nacelle up` and its family: what a user types, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nacelle.local import processes
from tests.support.installation import NACELLE, Installation, plain_environment
from tests.support.person import Person
from tests.support.waiting import wait_for


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.run("down")


def assert_refused(installation: Installation, *words: str, extra: tuple[str, ...] = ()) -> None:
    answer = installation.run("up", "--detach", *extra)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not processes.find(installation.layout.instance)


def test_a_busy_port_is_named(installation: Installation) -> None:
    for part in ("proxy", "store"):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", installation.layout.port(part)))
            taken.listen()
            port = str(installation.layout.port(part))
            assert_refused(installation, port, part, "--port")


def test_an_address_of_another_machine_is_named(installation: Installation) -> None:
    assert_refused(installation, "host", "192.0.2.1", extra=("--host", "192.0.2.1"))
    assert_refused(installation, "host", "a/b", extra=("--host", "a/b"))


def test_a_refused_or_idle_command_leaves_no_folder(
    installation: Installation, tmp_path: Path
) -> None:
    mistyped = tmp_path / "mistyped"
    assert installation.run("down", "--data", str(mistyped)).stdout == "Nothing was running.\n"
    assert installation.run("status", "--data", str(mistyped)).returncode == 1
    words = ("--data", str(mistyped), "--host", "192.0.2.1")
    assert installation.run("up", "--detach", *words).returncode == 2
    assert not mistyped.exists()


def set_password(installation: Installation, name: str, word: str) -> tuple[int, str]:
    """`nacelle password`, with the word given twice as it asks."""
    answer = subprocess.run(
        [str(NACELLE), "password", name, "--settings", str(installation.file)],
        env=plain_environment(),
        input=f"{word}\n{word}\n",
        capture_output=True,
        text=True,
    )
    return answer.returncode, answer.stdout + answer.stderr


def test_a_password_is_set_or_refused_in_a_sentence(platform: Installation) -> None:
    code, said = set_password(platform, "mallory", "a long enough word")
    assert code == 2 and "mallory" in said and "Traceback" not in said
    code, said = set_password(platform, "admin", "short")
    assert code == 2 and "Traceback" not in said and said.strip()
    code, said = set_password(platform, "admin", "a long enough word")
    assert code == 0, said
    Person(platform.url, "admin", "a long enough word").close()


def test_a_wrong_key_in_the_settings_is_named(installation: Installation) -> None:
    text = installation.file.read_text(encoding="utf-8")
    installation.file.write_text(text + "\nprot: 9000\n", encoding="utf-8")
    assert_refused(installation, "prot", "did you mean 'port'", str(installation.file))


def test_a_wrong_profile_is_named(installation: Installation, tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text("- name: python\n  titel: x\n", encoding="utf-8")
    text = installation.file.read_text(encoding="utf-8")
    text = text.replace(str(installation.settings.profiles), str(profiles))
    installation.file.write_text(text, encoding="utf-8")
    assert_refused(installation, str(profiles), "titel")


def test_a_data_folder_that_cannot_be_written_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "in-the-way"
    file.write_text("", encoding="utf-8")
    assert_refused(
        installation, str(file), "cannot be written", extra=("--data", str(file / "data"))
    )
    assert_refused(installation, "cannot be written", extra=("--data", "/proc/nacelle"))


def test_a_full_disk_is_told(installation: Installation, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode != 0:
        # Without the right to mount, any small file system will do; Linux has one here.
        small = Path("/dev/shm") / f"nacelle-test-{os.getpid()}"
    try:
        full = shutil.disk_usage(small if small.exists() else "/dev/shm").free < 500 * 2**20
        assert full, "this test needs a file system with less than 500 MB left"
        assert_refused(installation, "MB", "free some", extra=("--data", str(small / "data")))
    finally:
        subprocess.run(["umount", str(small)], capture_output=True)


def test_ctrl_c_stops_everything(installation: Installation) -> None:
    running = subprocess.Popen(
        [str(NACELLE), "up", "--settings", str(installation.file)],
        env=plain_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    screen = ""
    # The last line of the screen names the last part.
    while "idle servers" not in screen:
        line = running.stdout.readline()
        assert line, screen
        screen += line
    assert len(processes.find(installation.layout.instance)) >= 7
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=90)
    assert running.returncode == 0
    assert f"Address  {installation.settings.url}" in screen
    assert "passwords.txt" in screen
    assert not processes.find(installation.layout.instance)


def test_ctrl_c_while_it_starts_leaves_nothing(installation: Installation) -> None:
    running = subprocess.Popen(
        [str(NACELLE), "up", "--settings", str(installation.file)],
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    instance = installation.layout.instance
    wait_for(lambda: len(processes.find(instance)) > 3, 60, "the first parts")
    running.send_signal(signal.SIGINT)
    running.wait(90)
    assert not processes.find(instance)


@pytest.mark.drill
def test_down_finds_a_platform_whose_folder_was_removed(installation: Installation) -> None:
    installation.up()
    shutil.rmtree(installation.layout.data)
    answer = installation.run("down")
    assert answer.returncode == 0 and "Stopped" in answer.stdout
    assert not processes.find(installation.layout.instance)
    assert not installation.layout.data.exists()


@pytest.mark.drill
def test_a_second_start_finds_everything_again(installation: Installation) -> None:
    installation.up()
    assert installation.run("status").returncode == 0
    assert installation.run("doctor").returncode == 0
    with installation.person("alice") as alice:
        kernel = alice.start_server(profile="python").kernel()
        kernel.run(
            "import boto3, mlflow, pathlib\n"
            "boto3.client('s3').put_object(Bucket='user-alice', Key='kept', Body=b'object')\n"
            "mlflow.set_experiment('kept')\n"
            "pathlib.Path('kept.ipynb').write_text('notebook')"
        )
    passwords = (installation.layout.secrets / "passwords.txt").read_text(encoding="utf-8")
    again = installation.run("up", "--detach")
    assert again.returncode == 2 and "is running" in again.stderr
    installation.down()
    assert installation.run("status").returncode == 1
    installation.up()
    assert (installation.layout.secrets / "passwords.txt").read_text(encoding="utf-8") == passwords
    with installation.person("alice") as alice:
        kernel = alice.start_server(profile="python").kernel()
        printed = kernel.run(
            "import boto3, mlflow, pathlib\n"
            "kept = boto3.client('s3').get_object(Bucket='user-alice', Key='kept')\n"
            "print(kept['Body'].read().decode(), mlflow.get_experiment_by_name('kept').name,"
            " pathlib.Path('kept.ipynb').read_text())"
        )
    assert printed.split() == ["object", "kept", "notebook"]


def test_secrets_are_private_and_in_no_log_or_command_line(platform: Installation) -> None:
    layout = platform.layout
    files = [path for path in layout.secrets.rglob("*") if path.is_file()]
    assert len(files) > 5
    for file in files:
        public = file.name == "ca.pem"
        assert public or stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(layout.secrets.stat().st_mode) == 0o700
    words = {
        file.read_text(encoding="utf-8").strip()
        for file in files
        if file.name.endswith((".token", ".key", ".secret", ".cookie", ".crypt"))
    }
    assert len(words) >= 5
    lines = [" ".join(process.cmdline()) for process in processes.find(layout.instance)]
    logs = [path.read_text(errors="replace") for path in layout.logs.rglob("*") if path.is_file()]
    for text in [*lines, *logs]:
        assert not any(word in text for word in words)

"""The keeper as a process, beside a real hub, door and MLflow."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import psutil
import pytest
import yaml

from nacelle.nace.classifier import Classifier
from nacelle.nace.model_folder import MODEL
from nacelle.nace.register import log_classifier
from nacelle.nace.register_threshold import register_threshold
from nacelle.nace.serving import keeper
from nacelle.nace.serving.champion import (
    Current,
    Watch,
    model_folder,
    read_current,
    read_state,
)
from nacelle.nace.serving.keeper import Compacting, every
from nacelle.nace.threshold import choose_threshold
from nacelle.nace.threshold_file import TAG, ThresholdFile
from nacelle.secrets import read_secret
from tests.proxy.running import Hub
from tests.support.waiting import wait_for

SPACE = "projet-nace"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("installed"))
    try:
        for part in ("hub", "mlflow", "mlflow-door"):
            hub.start(part)
        for part in ("hub", "mlflow", "mlflow-door"):
            hub.wait(part)
        yield hub
    finally:
        hub.stop_all()


class Keeping:
    """A keeper of the model `name`, with a folder of its own."""

    def __init__(self, hub: Hub, folder: Path, name: str) -> None:
        self.hub, self.name = hub, name
        # The ports of the hub's installation, and data of its own.
        raw = yaml.safe_load((hub.folder / "settings.yaml").read_text())
        raw |= {"data_dir": str(folder), "nace": {"model": name, "check_seconds": 1}}
        self.settings = folder / "settings.yaml"
        self.settings.write_text(yaml.safe_dump(raw))
        self.models = folder / "nace" / "models"
        self.log = folder / "keeper.log"
        self.token = read_secret(hub.layout, "service.nace.token")
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        names = {"NACELLE_SETTINGS": str(self.settings), "JUPYTERHUB_API_TOKEN": self.token}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nacelle.nace.serving.keeper"],
                env={"PATH": os.environ["PATH"], "HOME": str(self.log.parent), **names},
                stdout=log,
                stderr=log,
            )
        return self.process

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def fetching(self) -> psutil.Process | None:
        """The process that fetches, while there is one."""
        for child in self.children():
            try:
                if any("serving.fetch" in word for word in child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def register(self, folder: Path, alias: str | None = "champion") -> str:
        with self.hub.as_user("dora", SPACE):
            logged = log_classifier(Classifier.load(folder), name=self.name, alias=alias)
        return str(logged.version)

    @contextmanager
    def registry(self) -> Iterator[mlflow.MlflowClient]:
        with self.hub.as_user("dora", SPACE):
            yield mlflow.MlflowClient()

    def serves(self, number: str) -> Current:
        """Wait until a version is published; it can be loaded."""

        def published() -> Current | None:
            current = read_current(self.models)
            return current if current and current.registry_version == number else None

        current = wait_for(published, 90, f"version {number}; {self.log.read_text()[-2000:]}")
        assert Classifier.load(model_folder(self.models, current)).version == current.model_version
        return current

    def says(self, field: str, words: str) -> str:
        """Wait until the keeper's state says this."""

        def said() -> str:
            found = getattr(read_state(self.models), field) or ""
            return found if words in found else ""

        return wait_for(said, 90, f"{field}: {words}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def keep(installed: Hub, tmp_path: Path) -> Iterator[Callable[[str], Keeping]]:
    made: list[Keeping] = []

    def start(name: str) -> Keeping:
        made.append(Keeping(installed, tmp_path, name))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def proved(model: str) -> ThresholdFile:
    result = choose_threshold([0.9] * 100, [True] * 100, 0.9, 0.05)
    return ThresholdFile(model, "NACE Rev. 2", "gold", "2026-11-21T12:00:00+00:00", result)


def test_the_alias_is_followed(
    keep: Callable[[str], Keeping], small_model: Path, isco_model: Path
) -> None:
    """From nothing to a model, a threshold, another model, and a registry without the alias."""
    keeping = keep("followed")
    assert "nothing to serve" in keeping.says("problem", "MLflow has no models:/followed@champion")
    keeping.register(small_model)
    first = keeping.serves("1")
    assert first.uri == "models:/followed@champion"
    assert first.threshold is None
    file = model_folder(keeping.models, first) / MODEL
    before = file.stat()
    watch = Watch(keeping.models, first)

    with keeping.registry():
        # What is of another model promises nothing for this one.
        mlflow.MlflowClient().set_model_version_tag(
            "followed", "1", TAG, proved("another").to_tag()
        )
    keeping.says("warning", "it was proved for another model")
    assert f"another, not for {first.model_version}" in keeping.log.read_text()
    with keeping.registry():
        assert register_threshold(proved(first.model_version), "models:/followed@champion") == (
            "models:/followed/1"
        )
    taken = wait_for(watch.changed, 30, "the threshold")
    assert taken.threshold and taken.threshold.threshold == 0
    assert taken.folder == first.folder
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    keeping.register(isco_model)
    second = keeping.serves("2")
    assert second.threshold is None
    assert wait_for(watch.changed, 5, "the change") == second
    assert (keeping.models / first.folder).is_dir()

    with keeping.registry() as client:
        client.delete_registered_model_alias("followed", "champion")
    keeping.says("problem", "Version 2, taken up")
    assert read_current(keeping.models) == second
    log = keeping.log.read_text()
    assert log.count('"message": "fetched"') == 2
    assert keeping.token not in log


def test_a_broken_model_is_refused_once_and_the_old_one_stays(
    keep: Callable[[str], Keeping], installed: Hub, small_model: Path, isco_model: Path
) -> None:
    keeping = keep("broken")
    keeping.register(small_model)
    good = keeping.serves("1")
    number = keeping.register(isco_model, alias=None)
    stored = max(
        (installed.folder / "artifacts").rglob("network.npz"), key=lambda path: path.stat().st_mtime
    )
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    with keeping.registry() as client:
        client.set_registered_model_alias("broken", "champion", number)
    refused = keeping.says("refused", f"broken, version {number}, is not taken up")
    assert "it is damaged" in refused and "network.npz" not in refused
    assert "network.npz was changed or cut short" in keeping.log.read_text()
    checked = read_state(keeping.models).checked
    wait_for(lambda: read_state(keeping.models).checked != checked, 30, "another look")
    assert read_current(keeping.models) == good
    assert keeping.log.read_text().count('"message": "fetched"') == 2
    # Mended in place, it is looked at again when the keeper is told to.
    stored.write_bytes(whole)
    keeping.process.send_signal(signal.SIGHUP)
    keeping.serves(number)
    assert wait_for(lambda: read_state(keeping.models).refused is None, 10)


@pytest.mark.drill
def test_killed_again_and_again_it_leaves_what_serves(
    keep: Callable[[str], Keeping], small_model: Path, isco_model: Path
) -> None:
    keeping = keep("killed")
    keeping.register(small_model)
    first = keeping.serves("1")
    keeping.register(isco_model)
    for _ in range(3):
        child = wait_for(keeping.fetching, 30, "a fetch")
        keeping.stop(signal.SIGKILL)
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running()
        assert read_current(keeping.models) == first
        keeping.start()
    second = keeping.serves("2")
    wait_for(lambda: not list(keeping.models.glob(".incoming-*")), 10, "clearing away")
    assert {path.name for path in keeping.models.iterdir() if path.is_dir()} == {
        first.folder,
        second.folder,
    }


def test_it_stops_at_once_with_what_it_started(
    keep: Callable[[str], Keeping], small_model: Path
) -> None:
    keeping = keep("stopped")
    keeping.register(small_model)
    child = wait_for(keeping.fetching, 30, "a fetch")
    child.suspend()
    assert keeping.token not in " ".join(child.cmdline())
    assert keeping.stop() == 0
    wait_for(lambda: not child.is_running(), 10, "its end")
    assert not list(keeping.models.glob(".incoming-*"))


def test_there_is_one_keeper(keep: Callable[[str], Keeping]) -> None:
    keeping = keep("one")
    keeping.says("problem", "MLflow has no")
    first = keeping.process
    try:
        assert keeping.start().wait(60) == 1
        assert "Another keeper looks after" in keeping.log.read_text()
    finally:
        keeping.process = first


def test_mlflow_away_is_said_and_what_serves_stays(
    keep: Callable[[str], Keeping], installed: Hub, small_model: Path
) -> None:
    keeping = keep("away")
    keeping.register(small_model)
    current = keeping.serves("1")
    installed.stop("mlflow-door")
    try:
        keeping.says("problem", "MLflow does not answer. Version 1, taken up")
        assert "ConnectError" in keeping.log.read_text()
        # The last good model serves after a start without MLflow, too.
        keeping.stop()
        records = keeping.models.parent / "records"
        records.mkdir()
        (records / "closed.jsonl").write_text("{}\n")
        keeping.start()
        keeping.says("problem", "MLflow does not answer")
        assert read_current(keeping.models) == current
    finally:
        installed.start("mlflow-door")
        installed.wait("mlflow-door")
    wait_for(lambda: read_state(keeping.models).problem is None, 30, "MLflow again")
    # Whatever becomes of the compaction, it is logged and nothing else waits for it.
    wait_for(lambda: "records" in keeping.log.read_text(), 60, "word of the records")
    lines = [line for line in keeping.log.read_text().splitlines() if "records" in line]
    assert all(json.loads(line)["part"] == "nace-keeper" for line in lines)


async def test_no_process_is_started_where_there_is_nothing_to_compact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    async def compacted() -> None:
        started.append(1)

    monkeypatch.setattr(keeper, "compact", compacted)
    forever, days = Compacting(tmp_path, 0), Compacting(tmp_path, 30)
    await forever()
    assert not started
    await days()
    await days()
    assert len(started) == 1
    (tmp_path / "fresh.jsonl").touch()
    await forever()
    await days()
    assert len(started) == 3


def test_a_duty_that_fails_has_its_next_turn_when_woken(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    async def duty() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("once")

    async def go() -> None:
        woken = asyncio.Event()
        task = asyncio.create_task(every(3600, duty, woken))
        while len(done) < 3:
            woken.set()
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(asyncio.wait_for(go(), 10))
    assert "a duty failed" in caplog.text


def test_without_its_token_it_says_who_starts_it() -> None:
    names = {key: value for key, value in os.environ.items() if key != "JUPYTERHUB_API_TOKEN"}
    ended = subprocess.run(
        [sys.executable, "-m", "nacelle.nace.serving.keeper"],
        env=names,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "JUPYTERHUB_API_TOKEN is not set" in ended.stderr

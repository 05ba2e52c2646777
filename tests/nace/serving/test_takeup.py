"""Taking up models: killed at any step, damaged on disk, refused, rolled back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.model_folder import open_folder, seal, version_of
from nacelle.nace.serving import takeup
from nacelle.nace.serving.champion import model_folder, previous, read_current, read_state
from nacelle.nace.serving.fetch import MODEL as FETCHED
from nacelle.nace.serving.fetch import OUTCOME, Outcome
from nacelle.nace.serving.registry import NoChampion, Registry, RegistryAway, Version
from nacelle.nace.serving.takeup import TakeUp


class Versions(Registry):
    """A registry whose answer is set; the real one stands in test_keeper."""

    def __init__(self) -> None:
        self.model, self.alias = "nace", "champion"
        self.answer: Version | Exception = NoChampion("MLflow has no models:/nace@champion.")

    async def ask(self) -> Version:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def point(self, number: str, threshold: str = "") -> None:
        self.answer = Version(number, f"models:/m-{number}", "run", threshold)


class Shelf:
    """Models by the number of their version, fetched by copying; `fetched` says which were."""

    def __init__(self, **models: Path | Outcome) -> None:
        self.models = {name.removeprefix("v"): one for name, one in models.items()}
        self.fetched: list[str] = []

    async def __call__(self, uri: str, folder: Path) -> str:
        number = uri.rsplit("/", 1)[1]
        self.fetched.append(number)
        found = self.models[number]
        if isinstance(found, Path):
            shutil.copytree(found, folder / FETCHED)
            found = Outcome("ready", version_of(open_folder(found)))
        (folder / OUTCOME).write_bytes(msgspec.json.encode(found))
        return "ended with status 0"


@pytest.fixture(scope="module")
def other_model(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model under another name, which is another version."""
    folder = tmp_path_factory.mktemp("other") / "other"
    shutil.copytree(small_model, folder)
    content: dict[str, Any] = open_folder(folder)
    seal(folder, {**{key: content[key] for key in content if key != "files"}, "name": "other"})
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    return path


def look(taking: TakeUp) -> None:
    asyncio.run(taking.look())


def folders(models: Path) -> set[str]:
    return {path.name for path in models.iterdir() if path.is_dir()}


def served(models: Path) -> str:
    """The registry's number of what serves, which can be loaded."""
    current = read_current(models)
    assert current is not None
    assert Classifier.load(model_folder(models, current)).version == current.model_version
    return current.registry_version


def test_the_one_before_is_kept_and_no_other(
    models: Path, small_model: Path, other_model: Path
) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model, v2=other_model, v3=small_model)
    taking = TakeUp(models, registry, shelf)
    for number in ("1", "2", "3"):
        registry.point(number)
        look(taking)
        assert served(models) == number
    current, before = read_current(models), previous(models)
    assert current and before
    assert before.registry_version == "2"
    assert folders(models) == {current.folder, before.folder}


def test_going_back_needs_no_download(models: Path, small_model: Path, other_model: Path) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model, v2=other_model)
    taking = TakeUp(models, registry, shelf)
    for number in ("1", "2", "1", "2"):
        registry.point(number)
        look(taking)
        assert served(models) == number
    assert shelf.fetched == ["1", "2"]


def test_a_number_given_again_is_another_version(
    models: Path, small_model: Path, other_model: Path
) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model)
    taking = TakeUp(models, registry, shelf)
    registry.point("1")
    look(taking)
    shelf.models["1"] = other_model
    registry.answer = Version("1", "models:/m-new", "run")
    look(taking)
    current = read_current(models)
    assert current and current.model_version == Classifier.load(other_model).version


def test_a_refused_version_is_left_alone_until_another_comes(
    models: Path, small_model: Path, other_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Outcome("checking", problem="/data/x: a weight is wrong.", fault="answers")
    shelf = Shelf(v1=small_model, v2=broken, v3=other_model)
    registry = Versions()
    taking = TakeUp(models, registry, shelf)
    registry.point("1")
    look(taking)
    registry.point("2")
    for _ in range(3):
        look(taking)
        state = read_state(models)
        assert "nace, version 2, is not taken up" in str(state.refused)
        assert "it gives answers that are no good" in str(state.refused)
        assert served(models) == "1"
    assert shelf.fetched == ["1", "2"]
    # The reason is for the log, once.
    assert "/data/x" not in str(read_state(models).refused)
    assert [vars(one).get("detail") for one in caplog.records].count(broken.problem) == 1
    taking.forget()
    look(taking)
    assert shelf.fetched == ["1", "2", "2"]
    registry.point("3")
    look(taking)
    assert served(models) == "3"
    assert read_state(models).refused is None


def test_a_process_killed_while_it_fetches_refuses_nothing(models: Path, small_model: Path) -> None:
    registry, shelf = Versions(), Shelf(v1=Outcome("fetching"))
    taking = TakeUp(models, registry, shelf)
    registry.point("1")
    look(taking)
    state = read_state(models)
    assert "version 1, could not be fetched" in str(state.problem)
    assert "nothing to serve" in str(state.problem)
    assert state.refused is None
    look(taking)
    assert shelf.fetched == ["1"], "not at each look"
    shelf.models["1"] = small_model
    taking.forget()
    look(taking)
    assert served(models) == "1"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at the next look."""
    monkeypatch.setattr(takeup, "_AGAIN", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_process_killed_while_it_checks_is_tried_again(models: Path, small_model: Path) -> None:
    registry, shelf = Versions(), Shelf(v1=Outcome("checking"))
    taking = TakeUp(models, registry, shelf)
    registry.point("1")
    for tried in (1, 2):
        look(taking)
        state = read_state(models)
        assert f"try {tried} of 3" in str(state.problem) and state.refused is None
    shelf.models["1"] = small_model
    look(taking)
    assert served(models) == "1"
    assert read_state(models).problem is None


@pytest.mark.usefixtures("at_once")
def test_a_model_that_ends_each_process_is_refused_at_last(models: Path, small_model: Path) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model, v2=Outcome("checking"))
    taking = TakeUp(models, registry, shelf)
    for number in ("1", "2"):
        registry.point(number)
        look(taking)
    for number in ("1", "2", "2", "2", "2"):
        registry.point(number)
        look(taking)
    assert shelf.fetched == ["1", "2", "2", "2"]
    assert "none of 3 processes could check it to the end" in str(read_state(models).refused)
    assert served(models) == "1"


def test_what_serves_goes_on_where_mlflow_is_away_or_the_alias_gone(
    models: Path, small_model: Path
) -> None:
    registry = Versions()
    taking = TakeUp(models, registry, Shelf(v1=small_model))
    registry.point("1")
    look(taking)
    checked = read_state(models).checked
    for error in (RegistryAway("MLflow does not answer."), NoChampion("There is no such alias.")):
        registry.answer = error
        look(taking)
        problem = str(read_state(models).problem)
        assert problem.startswith(str(error))
        assert "Version 1, taken up" in problem
        assert served(models) == "1"
    assert checked is not None
    registry.point("1")
    look(taking)
    assert read_state(models).problem is None


def test_a_damaged_model_is_fetched_again(
    models: Path, small_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model)
    registry.point("1")
    look(TakeUp(models, registry, shelf))
    current = read_current(models)
    assert current
    damaged = model_folder(models, current) / "rules.json"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    look(TakeUp(models, registry, shelf))
    assert served(models) == "1"
    assert shelf.fetched == ["1", "1"]


def test_a_disk_that_cannot_be_written_leaves_what_serves(
    models: Path, small_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(uri: str, folder: Path) -> str:
        raise OSError(28, "No space left on device")

    registry = Versions()
    registry.point("1")
    look(TakeUp(models, registry, Shelf(v1=small_model)))
    registry.point("2")
    look(TakeUp(models, registry, full))
    assert "version 2, cannot be kept on the disk" in str(read_state(models).problem)
    details = [vars(one).get("detail") for one in caplog.records]
    assert "[Errno 28] No space left on device" in details
    assert served(models) == "1"
    assert len(folders(models)) == 1


def test_killed_at_any_step_it_leaves_a_model_that_serves(
    models: Path, small_model: Path, other_model: Path
) -> None:
    registry, shelf = Versions(), Shelf(v1=small_model, v2=other_model, v3=small_model)
    for number in ("1", "2"):
        registry.point(number)
        look(TakeUp(models, registry, shelf))
    start = models.with_name("start")
    shutil.copytree(models, start)
    registry.point("3")
    steps = 0
    while _killed_at(steps, lambda: look(TakeUp(models, registry, shelf))):
        assert served(models) in ("2", "3")
        look(TakeUp(models, registry, shelf))
        current = read_current(models)
        assert current and current.registry_version == "3"
        assert len(folders(models)) == 2
        shutil.rmtree(models)
        shutil.copytree(start, models)
        steps += 1
    # Copying, publishing and clearing away take some tens of steps.
    assert steps > 20


def _killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do the work in a process that kills itself before its `step`th change of the disk."""
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 0o103
            if writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        try:
            sys.addaudithook(hook)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)

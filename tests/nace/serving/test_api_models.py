"""Models that come while requests run, that are broken, or that bring something of their own."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.drops import DropReport
from nacelle.nace.labelled import Labelled
from nacelle.nace.serving.champion import Current, publish
from nacelle.nace.text import TextSettings
from nacelle.nace.threshold import choose_threshold
from nacelle.nace.threshold_file import ThresholdFile
from nacelle.nace.train import train
from tests.nace.data import ISCO, made
from tests.nace.serving.asking import CLASSIFY, classify, classify_one, refused
from tests.nace.serving.running import RunningService
from tests.nace.small import SMALL
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def other_model(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same classifier under another name, and so with another version."""
    classifier = Classifier.load(small_model)
    classifier.name = "other"
    folder = tmp_path_factory.mktemp("models") / "other"
    classifier.save(folder)
    return folder


@pytest.fixture(scope="module")
def running(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service for models that change; each test begins with the small one."""
    with RunningService(tmp_path_factory.mktemp("models") / "service") as service:
        service.publish(small_model)
        service.start()
        yield service


@pytest.fixture
def client(running: RunningService, small_model: Path) -> Iterator[httpx.Client]:
    with running.client() as client:
        take_up(running, client, running.publish(small_model))
        yield client


def take_up(service: RunningService, client: httpx.Client, current: Current) -> None:
    """Wait until a published model serves."""

    def serves() -> bool:
        said = client.get("/v1/model").json()
        proved = current.threshold.threshold if current.threshold else None
        return bool((said["version"], said["threshold"]) == (current.model_version, proved))

    wait_for(serves, 60, "the model")


def test_no_request_is_lost_and_none_answered_by_two_models(
    running: RunningService, client: httpx.Client, small_model: Path, other_model: Path
) -> None:
    models = [running.publish(small_model), running.publish(other_model, "2")]
    take_up(running, client, models[1])
    texts = [f"{word} {number}" for number in range(100) for word in ("bread", "wheat", "road")]
    stop = threading.Event()

    def ask() -> Counter[str]:
        seen: Counter[str] = Counter()
        with running.client() as mine:
            while not stop.is_set():
                answer = mine.post(CLASSIFY, json={"texts": texts})
                assert answer.status_code == 200, answer.text
                found = answer.json()["predictions"]
                assert [one["text"] for one in found] == texts
                (version,) = {one["model_version"] for one in found}
                (name,) = {one["model"] for one in found}
                seen[f"{name} {version}"] += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for turn in range(4):
                publish(running.models, models[turn % 2])
                take_up(running, client, models[turn % 2])
        finally:
            stop.set()
        seen = sum((one.result() for one in asking), Counter())
    assert set(seen) == {
        f"{n} {m.model_version}" for n, m in zip(("small", "other"), models, strict=True)
    }


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda folder: cut(folder / "network.npz"),
    "spoilt": lambda folder: spoil(folder / "fasttext.bin"),
    "a file is gone": lambda folder: (folder / "rules.json").unlink(),
    "not JSON": lambda folder: (folder / "model.json").write_text("{"),
    "of another kind": lambda folder: (folder / "model.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_refused_and_the_old_one_stays(
    running: RunningService, client: httpx.Client, other_model: Path, damage: str
) -> None:
    before = client.get("/v1/model").json()["version"]
    name = f"9-{damage}"
    shutil.copytree(other_model, running.models / name)
    DAMAGE[damage](running.models / name)
    publish(running.models, Current(name, "models:/nace@champion", "9", "0" * 12, "2026-01-01"))
    wait_for(lambda: f'"model": "{name}"' in running.log(), 30, "the refusal")
    assert "not taken up" in running.log().splitlines()[-1]
    assert classify_one(client, "bread")["model_version"] == before
    # It goes on following: the next good one is taken.
    take_up(running, client, running.publish(other_model, "2"))


def pending(running: RunningService) -> str:
    """What the service says of a model that it could not load; '' where there is none."""
    said = httpx.get(f"{running.url}/readyz", trust_env=False).json()
    return str(said.get("pending") or "")


def test_a_model_that_can_be_loaded_later_is_taken_up_then(
    running: RunningService, client: httpx.Client, other_model: Path
) -> None:
    before = client.get("/v1/model").json()["version"]
    name = f"7-{Classifier.load(other_model).version}"
    shutil.copytree(other_model, running.models / name)
    rules = running.models / name / "rules.json"
    away = rules.rename(running.models / "rules.away")
    newest = running.publish(other_model, "7")
    wait_for(lambda: pending(running), 30, "what it says of it")
    assert pending(running) == (
        f"Version 7 ({newest.model_version}) could not be loaded by this process: its files are"
        " damaged or not all there. It tries again every few seconds."
    )
    assert classify_one(client, "bread")["model_version"] == before
    away.rename(rules)
    take_up(running, client, newest)
    assert pending(running) == ""
    # However often it was tried.
    assert running.log().count(f'"model": "{name}", "reason"') == 1


def test_what_was_pending_is_forgotten_when_another_is_to_serve(
    running: RunningService, client: httpx.Client, small_model: Path, other_model: Path
) -> None:
    name = f"8-{Classifier.load(other_model).version}"
    shutil.copytree(other_model, running.models / name)
    cut(running.models / name / "network.npz")
    running.publish(other_model, "8")
    wait_for(lambda: pending(running), 30, "what it says of it")
    running.publish(small_model)
    wait_for(lambda: not pending(running), 30, "the return")


def test_a_service_that_starts_with_a_damaged_model_serves_the_one_before(
    small_model: Path, other_model: Path, tmp_path: Path
) -> None:
    with RunningService(tmp_path) as service:
        before = service.publish(small_model)
        newest = service.publish(other_model, "2")
        cut(service.models / newest.folder / "network.npz")
        service.start()
        with service.client() as client:
            assert classify_one(client, "bread")["model_version"] == before.model_version
            assert pending(service).startswith(f"Version 2 ({newest.model_version}) could not")
            shutil.rmtree(service.models / newest.folder)
            shutil.copytree(other_model, service.models / newest.folder)
            take_up(service, client, newest)


def test_a_service_that_can_load_none_says_so_until_it_can(
    small_model: Path, tmp_path: Path
) -> None:
    with RunningService(tmp_path) as service:
        current = service.publish(small_model)
        rules = service.models / current.folder / "rules.json"
        away = rules.rename(service.models / "rules.away")
        service.start(ready=False)
        with service.client() as client:
            answer = refused(client.get("/readyz"), 503, "could not be loaded by this process")
            assert "There is no model yet" not in answer.text and str(tmp_path) not in answer.text
            away.rename(rules)
            wait_for(lambda: client.get("/readyz").is_success, 30, "the model")


def proved(version: str, at: float) -> ThresholdFile:
    rows = 5000
    index = [position / rows for position in range(rows)]
    result = choose_threshold(index, [one >= at for one in index], 0.9, 0.05)
    return ThresholdFile(version, "NACE Rev. 2", "gold", "2026-11-21T12:00:00+00:00", result)


def test_what_was_proved_for_the_model_decides(
    running: RunningService, client: httpx.Client, small_model: Path
) -> None:
    kept = proved(Classifier.load(small_model).version, 0.5)
    take_up(running, client, running.publish(small_model, threshold=kept))
    sure, unsure = classify(client, texts=["01.11", "dog"])
    assert sure["index"] > kept.threshold > unsure["index"]
    assert (sure["automatic"], unsure["automatic"]) == (True, False)
    assert sure["threshold"] == unsure["threshold"] == kept.threshold
    said = client.get("/v1/model").json()
    assert said["threshold"] == said["guarantee"]["threshold"] == kept.threshold
    assert said["guarantee"]["target"] == 0.9 and said["guarantee"]["lower"] >= 0.9
    # Whoever asks with a threshold of their own gets that one.
    assert classify_one(client, "dog", threshold=0)["automatic"] is True


def test_nothing_is_proved_for_another_level(
    running: RunningService, client: httpx.Client, small_model: Path
) -> None:
    kept = proved(Classifier.load(small_model).version, 0.5)
    take_up(running, client, running.publish(small_model, threshold=kept))
    one = classify_one(client, "01.11", level=2)
    assert one["automatic"] is None and one["threshold"] is None
    assert classify_one(client, "01.11", level=4)["automatic"] is True


def test_side_variables_count_text_by_text(
    running: RunningService, client: httpx.Client, tmp_path: Path
) -> None:
    model = train_with_side(tmp_path)
    take_up(running, client, running.publish(model, "3"))
    assert client.get("/v1/model").json()["side"] == ["nature"]
    body = {
        "texts": ["trade", {"text": "trade", "side": {"nature": "n2512"}}],
        "side": {"nature": "n2511"},
    }
    answer = client.post(CLASSIFY, json=body).json()
    assert [one["top"][0]["code"] for one in answer["predictions"]] == ["2511", "2512"]
    records = [one for one in running.records() if one.request_id == answer["request_id"]]
    assert [one.side for one in records] == [{"nature": "n2511"}, {"nature": "n2512"}]
    form = {"description_activity": "trade", "nature": "n2512", "unknown to the model": "x"}
    (insee,) = client.post("/predict/", json={"forms": [form]}).json()
    assert insee["1"]["code"] == "2512"
    refused(client.post(CLASSIFY, json={"text": "a", "side": {"x": "y"}}), 422, "declares nature")


def train_with_side(folder: Path) -> Path:
    """A model of two codes that the text does not tell apart, but a side variable does."""
    codes = [code for _ in range(60) for code in ("2511", "2512")]
    # Each text is another, or they would count as one.
    texts = [f"trade {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(len(codes))]
    rows = Labelled(
        texts=texts,
        codes=codes,
        languages=["en"] * len(codes),
        sources=["test"] * len(codes),
        side={"nature": [f"n{code}" for code in codes]},
        report=DropReport(),
    )
    settings = msgspec.structs.replace(SMALL, text=TextSettings(side=("nature",)))
    train(rows, made(folder, ISCO), settings, name="side").save(folder / "side")
    return folder / "side"

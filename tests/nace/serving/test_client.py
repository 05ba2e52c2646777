"""The clients against a running service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from nacelle.nace import AsyncClient, Client, ClientError, Refusal, ServiceAway, TextItem
from nacelle.nace.classifier import Classifier
from nacelle.nace.client_batches import Text
from nacelle.nace.client_sender import Answer
from nacelle.nace.prediction import Prediction
from tests.nace.serving.running import RunningService
from tests.support.waiting import free_base, wait_for

TEXTS = ("bakery", "road haulage", "growing of wheat", "idem", "", "0111", "hairdresser")


@pytest.fixture
def nace(service: RunningService) -> Iterator[Client]:
    with Client(service.url, service.key) as client:
        yield client


def many(number: int) -> list[str]:
    return list(islice(cycle(TEXTS), number))


def codes(answers: list[Answer]) -> list[str]:
    return [
        "refused" if isinstance(one, Refusal) else one.top[0].code if one.top else ""
        for one in answers
    ]


def test_one_text_is_answered_as_in_process(nace: Client, small_model: Path) -> None:
    found = nace.classify("bakery", top=3)
    (expected,) = Classifier.load(small_model).predict(["bakery"], k=3)
    assert isinstance(found, Prediction)
    assert found.top == expected.top
    assert found.index == pytest.approx(expected.index)
    assert found.request_id


def test_options_reach_the_service(service: RunningService) -> None:
    with Client(service.url, service.key, titles="fr") as client:
        found = client.classify("bakery", level=2, top=1, threshold=0.0, language="en")
    (one,) = found.top
    assert (one.code, one.title) == ("10", "Industries alimentaires")
    assert (found.threshold, found.automatic) == (0.0, True)
    (record,) = [one for one in service.records() if one.request_id == found.request_id]
    assert record.language == "en"


def test_many_texts_keep_their_order_over_several_requests(
    service: RunningService, small_model: Path
) -> None:
    texts = [f"{text} {number}" if text else "" for number, text in enumerate(many(500))]
    with Client(service.url, service.key, batch=40, parallel=3) as client:
        found = list(client.classify_many(texts))
    expected = Classifier.load(small_model).predict(texts)
    assert [one.text for one in found if isinstance(one, Prediction)] == texts
    assert codes(found) == [one.top[0].code if one.top else "" for one in expected]
    assert len({one.request_id for one in found}) == 13


def test_texts_are_read_as_they_are_needed(service: RunningService) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "bakery"

    with Client(service.url, service.key, batch=10, parallel=2) as client:
        found = list(islice(client.classify_many(endless()), 100))
    assert len(found) == 100
    assert read <= 100 + 5 * 10


def test_a_refused_text_does_not_lose_the_others(nace: Client) -> None:
    long, huge, badly = "x" * 6000, "y" * 5_000_000, TextItem("bakery", "not a language" * 5)
    texts: list[Text] = ["bakery", long, "road haulage", huge, badly, "bakery"]
    found = list(nace.classify_many(texts))
    assert codes(found) == ["1071", "refused", "4941", "refused", "refused", "1071"]
    kinds = [one.kind for one in found if isinstance(one, Refusal)]
    assert kinds == ["text-too-long", "body-too-large", "wrong-body"]
    assert isinstance(found[1], Refusal) and "6,000 characters" in found[1].detail
    assert found[1].request_id
    with pytest.raises(ClientError, match="6,000 characters") as refused:
        nace.classify(long)
    assert refused.value.status == 413


def test_options_that_cannot_be_are_refused_at_once(nace: Client, service: RunningService) -> None:
    before = len(service.records())
    with pytest.raises(ClientError, match="level is 9") as refused:
        list(nace.classify_many(many(2000), level=9))
    assert refused.value.kind == "unknown-level"
    with pytest.raises(ClientError, match="no side variable 'form'"):
        nace.classify("bakery", side={"form": "1"})
    assert len(service.records()) == before


def test_smaller_limits_than_usual_are_found_out(small_model: Path, tmp_path: Path) -> None:
    limits = {"batch": 7, "text_length": 60, "body_bytes": 900}
    with RunningService(tmp_path / "small", limits=limits) as service:
        service.publish(small_model)
        service.start()
        texts = ["bakery", "x" * 61, *("road haulage " + "a" * 40,) * 30, "z" * 900]
        with Client(service.url, service.key) as client:
            found = list(client.classify_many(texts))
    assert codes(found)[:3] == ["1071", "refused", "4941"]
    assert [isinstance(one, Refusal) for one in found] == [False, True, *[False] * 30, True]


def test_who_asks_too_often_waits_as_told(service: RunningService) -> None:
    key = service.make_key("slow", rate=4, burst=1)
    with Client(service.url, key, batch=1, parallel=3) as client:
        found = list(client.classify_many(many(6)))
    assert len(found) == 6
    with service.client() as http:
        numbers = http.get("/metrics").text
    refused = [line for line in numbers.splitlines() if "classify" in line and '"429"' in line]
    assert refused and float(refused[0].split()[-1]) >= 1


def test_a_used_up_quota_ends_it_with_what_was_answered(service: RunningService) -> None:
    key = service.make_key("few", daily_quota=10)
    found: list[Answer] = []
    away = pytest.raises(ServiceAway, match="10 texts a day")
    with Client(service.url, key, batch=5, parallel=1) as client, away as refused:
        for one in client.classify_many(many(15)):
            found.append(one)
    assert len(found) == 10
    assert refused.value.kind == "quota-used"
    assert refused.value.retry_after


def test_an_unknown_key_is_said_with_the_request(service: RunningService) -> None:
    unknown = pytest.raises(ClientError, match="not known; copy it whole")
    with Client(service.url, "nacelle_000000000000_x") as client, unknown as refused:
        client.model()
    assert (refused.value.status, refused.value.kind) == (401, "unknown-caller")
    assert refused.value.request_id in str(refused.value)


def test_without_a_key_it_says_where_one_goes(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NACELLE_API_KEY", raising=False)
    with Client(service.url) as client, pytest.raises(ClientError, match="NACELLE_API_KEY"):
        client.classify("bakery")


def test_a_service_that_is_not_there_is_said_after_a_while() -> None:
    url = f"http://127.0.0.1:{free_base()}/services/nace"
    away = pytest.raises(ServiceAway, match=f"{url} does not answer")
    with Client(url, "key", patience=0.5) as client, away as refused:
        client.classify("bakery")
    assert refused.value.status is None


def test_another_address_of_the_same_machine_is_told_from_the_service(
    service: RunningService,
) -> None:
    with Client(service.url + "/v2", service.key) as client, pytest.raises(ClientError) as refused:
        client.classify("bakery")
    assert refused.value.status == 404


def test_killed_workers_lose_no_text(small_model: Path, tmp_path: Path) -> None:
    with RunningService(tmp_path / "killed", workers=2) as service:
        service.publish(small_model)
        service.start()
        texts = [f"bakery {number}" for number in range(6000)]
        found: list[Answer] = []
        killed = set()
        with Client(service.url, service.key, batch=50, parallel=4) as client:
            for one in client.classify_many(texts):
                found.append(one)
                if len(found) in (300, 2500):
                    wait_for(lambda: len(service.workers()) == 2, 60, "both workers")
                    # One of them, then all.
                    for worker in service.workers()[: 1 if len(found) == 300 else None]:
                        killed.add(worker.pid)
                        worker.kill()
        assert [one.text for one in found if isinstance(one, Prediction)] == texts
        assert len(killed) >= 3
        recorded = {(one.request_id, one.text) for one in service.records()}
        assert {(one.request_id, one.text) for one in found if isinstance(one, Prediction)} <= (
            recorded
        )


def test_reading_routes_have_methods(nace: Client, small_model: Path) -> None:
    assert nace.model()["version"] == Classifier.load(small_model).version
    assert "1071" in [one["code"] for one in nace.search("bread", limit=5)]
    assert nace.code("01.11")["parents"][0]["code"] == "A"
    with pytest.raises(ClientError, match="no code of NACE") as refused:
        nace.code("99.99")
    assert refused.value.status == 404


def test_a_client_that_was_closed_opens_again(service: RunningService) -> None:
    client = Client(service.url, service.key)
    first = client.classify("bakery")
    client.close()
    client.close()
    assert client.classify("bakery").top == first.top
    client.close()


def test_leaving_in_the_middle_ends_what_is_under_way(service: RunningService) -> None:
    with Client(service.url, service.key, batch=5) as client:
        answers = client.classify_many(many(500))
        next(answers)
    with pytest.raises(BaseException):  # noqa: B017
        list(answers)


def test_the_same_without_threads(service: RunningService) -> None:
    async def run() -> tuple[Prediction, list[Answer], list[Answer]]:
        async with AsyncClient(service.url, service.key, batch=20) as client:
            one = await client.classify("bakery", top=1)
            texts = ["x" * 6000, *many(99)]
            found = [answer async for answer in client.classify_many(texts)]
            empty = [answer async for answer in client.classify_many([])]
            assert (await client.model())["level"] == 4
            assert await client.search("bread") and (await client.code("10"))["children"]
            with pytest.raises(ClientError, match="level is 9"):
                await client.classify("bakery", level=9)
            return one, found, empty

    one, found, empty = asyncio.run(run())
    assert one.top[0].code == "1071"
    assert codes(found)[:3] == ["refused", "1071", "4941"]
    assert len(found) == 100
    assert empty == []


def test_it_works_beneath_a_running_loop(nace: Client) -> None:
    async def notebook() -> str:
        return nace.classify("bakery").top[0].code

    assert asyncio.run(notebook()) == "1071"

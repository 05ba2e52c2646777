"""What the API answers to texts, over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from nacelle.nace.classifier import Classifier
from tests.nace.serving.asking import CLASSIFY, classify, classify_one, refused
from tests.nace.serving.running import RunningService

CEREALS = "Growing of cereals (except rice), leguminous crops and oil seeds"
CEREALES = "Culture de céréales (à l'exception du riz), de légumineuses et de graines oléagineuses"


def test_one_text_is_coded_and_recorded(client: httpx.Client, service: RunningService) -> None:
    answer = client.post(CLASSIFY, json={"text": "growing of wheat", "top": 2})
    assert answer.status_code == 200
    body = answer.json()
    (one,) = body["predictions"]
    assert one["top"][0]["code"] == "0111" and len(one["top"]) == 2
    assert one["request_id"] == body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    (record,) = [r for r in service.records() if r.request_id == body["request_id"]]
    assert record.text == "growing of wheat" and record.caller.startswith("key:")


def test_the_answer_is_that_of_the_classifier(client: httpx.Client, small_model: Path) -> None:
    classifier = Classifier.load(small_model)
    texts = ["software for banks", "hairdresser", "road haulage of goods", "", "01.11"]
    asked = classify(client, texts=texts, top=3)
    expected = classifier.predict(texts, k=3)
    for got, one in zip(asked, expected, strict=True):
        assert [c["code"] for c in got["top"]] == [c.code for c in one.top]
        assert [c["probability"] for c in got["top"]] == pytest.approx(
            [c.probability for c in one.top], rel=1e-4
        )
        assert got["index"] == pytest.approx(one.index, rel=1e-4)
        assert (got["stage"], got["detail"]) == (one.stage, one.detail)
        assert got["model_version"] == classifier.version


def test_a_batch_is_answered_in_its_order_with_a_record_each(
    client: httpx.Client, service: RunningService
) -> None:
    texts = [f"{word} number {number}" for number in range(150) for word in ("wheat", "bread")]
    answer = client.post(CLASSIFY, json={"texts": texts}).json()
    assert [one["text"] for one in answer["predictions"]] == texts
    records = [one for one in service.records() if one.request_id == answer["request_id"]]
    assert [(one.position, one.text) for one in records] == list(enumerate(texts))


def test_a_batch_of_none_is_answered(client: httpx.Client) -> None:
    assert classify(client, texts=[]) == []


def test_a_text_may_have_its_own_language(client: httpx.Client, service: RunningService) -> None:
    answer = client.post(
        CLASSIFY,
        json={"texts": ["bread", {"text": "bread", "language": "de"}], "language": "fr"},
    ).json()
    records = [one for one in service.records() if one.request_id == answer["request_id"]]
    # What is said once for all is for those who say nothing themselves.
    assert [one.language for one in records] == ["fr", "de"]


@pytest.mark.parametrize("top", [1, 3, 8])
def test_so_many_codes_are_given(client: httpx.Client, top: int) -> None:
    found = classify_one(client, "bread", top=top)["top"]
    probabilities = [one["probability"] for one in found]
    assert len(found) == top
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= one <= 1 for one in probabilities)


def test_requests_that_share_a_chunk_get_what_each_asked(client: httpx.Client) -> None:
    few = classify_one(client, "bread", top=1)
    many = classify_one(client, "bread", top=8)
    assert few["top"] == many["top"][:1] and few["index"] == many["index"]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_upper_levels_add_up(client: httpx.Client, small_model: Path, level: int) -> None:
    classifier = Classifier.load(small_model)
    codes, sums = classifier.by_level(classifier.answer(["bread"]), level)
    expected = sorted(zip(sums[0].tolist(), codes, strict=True), reverse=True)
    assert sum(probability for probability, _ in expected) == pytest.approx(1, abs=1e-5)
    one = classify_one(client, "bread", top=50, level=level)
    given = [(candidate["probability"], candidate["code"]) for candidate in one["top"]]
    assert len(given) == min(50, len(codes))
    for (seen, code), (right, _) in zip(given, expected, strict=False):
        assert seen == pytest.approx(right, rel=1e-3, abs=1e-7)
        assert classifier.nomenclature.level(code) == level
    assert one["index"] == pytest.approx(expected[0][0] - expected[1][0], abs=1e-5)


def test_a_level_below_the_model_s_is_refused(client: httpx.Client) -> None:
    answer = client.post(CLASSIFY, json={"text": "bread", "level": 5})
    refused(answer, 422, "the levels 1 to 4")


def test_automatic_says_whether_the_index_reaches_the_threshold(client: httpx.Client) -> None:
    index = classify_one(client, "wheat and bread and road")["index"]
    assert 0 < index < 1
    for threshold, automatic in ((0.0, True), (index, True), (min(1.0, index + 1e-9), False)):
        one = classify_one(client, "wheat and bread and road", threshold=threshold)
        assert one["automatic"] is automatic and one["threshold"] == threshold


def test_without_a_threshold_nothing_is_said_of_automatic(client: httpx.Client) -> None:
    one = classify_one(client, "bread")
    assert one["automatic"] is None and one["threshold"] is None


@pytest.mark.parametrize("text", ["", "   ", "a", "???", "12345"])
def test_what_is_rejected_is_never_automatic(client: httpx.Client, text: str) -> None:
    one = classify_one(client, text, threshold=0)
    assert one["stage"] == "rejected" and one["detail"]
    assert one["top"] == [] and one["index"] == 0 and one["automatic"] is False


@pytest.mark.parametrize(
    ("text", "stage", "words"),
    [
        ("01.11", "code", "0111"),
        ("", "rejected", "empty"),
        ("a bakery with a small café beside it", "model", ""),
    ],
)
def test_the_stage_and_its_reason_are_said(
    client: httpx.Client, text: str, stage: str, words: str
) -> None:
    one = classify_one(client, text)
    assert one["stage"] == stage and words in one["detail"]


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("fr", CEREALES),
        ("fr-FR,fr;q=0.9,en;q=0.1", CEREALES),
        ("en;q=0.2,fr;q=0.1", CEREALS),
        ("de", CEREALS),
        (";;;q=x,,", CEREALS),
        (None, CEREALS),
    ],
)
def test_titles_are_in_the_language_that_is_accepted(
    client: httpx.Client, accepted: str | None, title: str
) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    answer = client.post(CLASSIFY, json={"text": "growing of wheat"}, headers=headers)
    assert answer.json()["predictions"][0]["top"][0]["title"] == title


def test_either_text_or_texts(client: httpx.Client) -> None:
    for body in ({}, {"text": "a", "texts": ["b"]}):
        refused(client.post(CLASSIFY, json=body), 422, "either text (one activity) or texts")


def test_an_unknown_side_variable_is_refused(client: httpx.Client) -> None:
    body = {"texts": ["bread", {"text": "bread", "side": {"surface": "12"}}]}
    refused(client.post(CLASSIFY, json=body), 422, "Text 2: the model knows no side variable")


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 401, "Send an API key or a hub token"),
        ({"Authorization": "Bearer nonsense"}, 401, "Send an API key"),
        ({"Authorization": "Bearer nacelle_0123456789ab_" + "x" * 43}, 401, "not known"),
        ({"X-API-Key": "é"}, 401, "not known"),
        ({"Authorization": "Basic !!!"}, 401, "password of HTTP Basic"),
        ({"X-Nacelle-Identity": "forged"}, 401, "not the hub's"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CLASSIFY),
        ("POST", "/predict/"),
        ("GET", "/v1/model"),
        ("GET", "/v1/nomenclature/0111"),
        ("GET", "/v1/nomenclature?q=bread"),
        ("GET", "/metrics"),
    ],
)
def test_who_is_unknown_is_refused(
    service: RunningService,
    headers: dict[str, str],
    status: int,
    words: str,
    method: str,
    path: str,
) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    with service.client() as nobody:
        del nobody.headers["Authorization"]
        answer = nobody.request(method, path, headers=encoded, json={"text": "bread"})
    refused(answer, status, words)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("form", ["bearer", "token", "x-api-key", "basic"])
def test_a_key_may_be_sent_in_every_usual_form(service: RunningService, form: str) -> None:
    headers = {
        "bearer": {"Authorization": f"bearer {service.key}"},
        "token": {"Authorization": f"token {service.key}"},
        "x-api-key": {"X-API-Key": service.key},
    }.get(form, {})
    auth = ("anybody", service.key) if form == "basic" else None
    with httpx.Client(base_url=service.url, headers=headers, auth=auth, trust_env=False) as client:
        classify_one(client, "bread")
        assert client.get("/v1/model").status_code == 200


def test_scopes_are_obeyed(service: RunningService) -> None:
    numbers = service.make_key("numbers", scope="administer")
    texts = service.make_key("texts", scope="classify")
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        for key, route, method in ((numbers, CLASSIFY, "POST"), (texts, "/metrics", "GET")):
            answer = client.request(
                method, route, json={"text": "bread"}, headers={"X-API-Key": key}
            )
            refused(answer, 403)


def test_each_request_has_a_number_of_its_own(client: httpx.Client) -> None:
    answers = [client.get("/healthz"), client.get("/nothing"), client.post(CLASSIFY, content=b"")]
    answers.append(client.post(CLASSIFY, json={"text": "bread"}))
    numbers = {answer.headers["x-request-id"] for answer in answers}
    assert len(numbers) == len(answers)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}

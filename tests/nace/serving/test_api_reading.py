"""What the API says of its model, of the nomenclature and of itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.serving.champion import KeeperState, write_state
from tests.nace.serving.asking import CLASSIFY, classify, refused
from tests.nace.serving.running import RunningService
from tests.support.waiting import wait_for


def test_the_model_is_described(client: httpx.Client, small_model: Path) -> None:
    classifier = Classifier.load(small_model)
    said = client.get("/v1/model").json()
    assert said["name"] == "small" and said["version"] == classifier.version
    assert said["registry"] == "models:/nace@champion" and said["registry_version"] == "1"
    assert (said["level"], said["codes"]) == (4, len(classifier.classes))
    assert said["nomenclature"]["name"] == "NACE" and said["nomenclature"]["levels"] == 4
    assert said["threshold"] is None and said["guarantee"] is None
    assert said["metrics"] == classifier.card.get("figures")
    assert said["card"].startswith("# ") or said["card"].startswith("---")


@pytest.mark.parametrize("spelling", ["0111", "01.11", "01.11 ", "A0111", "0111z"])
def test_a_code_in_any_spelling(client: httpx.Client, spelling: str) -> None:
    said = client.get(f"/v1/nomenclature/{spelling}").json()
    assert said["code"] == "0111" and said["level"] == 4
    assert [one["code"] for one in said["parents"]] == ["A", "01", "011"]
    assert said["children"] == []
    assert said["titles"]["fr"].startswith("Culture de céréales")


def test_an_upper_code_has_its_children(client: httpx.Client) -> None:
    said = client.get("/v1/nomenclature/01", headers={"Accept-Language": "fr"}).json()
    assert [one["code"] for one in said["children"]] == [f"01{n}" for n in range(1, 8)]
    assert said["parents"] == [{"code": "A", "title": "Agriculture, sylviculture et pêche"}]
    assert said["children"][0]["title"] == "Cultures non permanentes"


@pytest.mark.parametrize("unknown", ["0199", "99.99", "%00", "\ufffd", "..%2f..%2fetc", "x" * 40])
def test_an_unknown_code_is_no_error_of_ours(client: httpx.Client, unknown: str) -> None:
    refused(client.get(f"/v1/nomenclature/{unknown}"), 404)


def test_an_unknown_code_is_told_its_neighbours(client: httpx.Client) -> None:
    refused(client.get("/v1/nomenclature/0119x"), 404, "near are 0119")


def found(client: httpx.Client, q: str, limit: int = 20, language: str = "en") -> list[str]:
    answer = client.get(
        "/v1/nomenclature",
        params={"q": q, "limit": limit},
        headers={"Accept-Language": language},
    )
    assert answer.status_code == 200, answer.text
    return [one["code"] for one in answer.json()["codes"]]


def test_search_finds_titles_in_either_language(client: httpx.Client) -> None:
    assert "1071" in found(client, "manufacture of bread")
    assert "1071" in found(client, "fabrication de pain")


def test_an_unknown_word_does_not_empty_the_results(client: httpx.Client) -> None:
    assert found(client, "bread xyzzyx") == found(client, "xyzzyx bread")
    assert set(found(client, "bread")) <= set(found(client, "bread xyzzyx"))
    assert found(client, "xyzzyx") == []


@pytest.mark.parametrize(
    ("one", "many"), [("metal", "metals"), ("grape", "grapes"), ("vehicle", "vehicles")]
)
def test_a_plural_does_not_change_the_ranking(client: httpx.Client, one: str, many: str) -> None:
    assert found(client, one) == found(client, many) != []


def test_the_last_word_may_be_half_typed(client: httpx.Client) -> None:
    assert "1071" in found(client, "manufacture of brea")
    assert "1071" not in found(client, "brea manufacture")


def test_a_code_is_found_as_itself(client: httpx.Client) -> None:
    (first, *_) = client.get("/v1/nomenclature", params={"q": "01.11"}).json()["codes"]
    assert (first["code"], first["score"]) == ("0111", None)


def test_at_most_so_many_are_found(client: httpx.Client) -> None:
    assert found(client, "manufacture", limit=3) == found(client, "manufacture")[:3]


@pytest.mark.parametrize("query", ["", "q=", "q=a&limit=0", "q=a&limit=101", f"q={'x' * 201}"])
def test_a_search_that_does_not_fit_is_refused(client: httpx.Client, query: str) -> None:
    refused(client.get(f"/v1/nomenclature?{query}"), 422, "query.")


def asked_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def test_it_is_alive_and_ready(service: RunningService) -> None:
    write_state(service.models, KeeperState(checked=asked_now()))
    # Probes have no key.
    assert httpx.get(f"{service.url}/healthz", trust_env=False).json() == {"status": "ok"}
    said = httpx.get(f"{service.url}/readyz", trust_env=False).json()
    assert said["ready"] is True and said["problem"] is None
    version = Classifier.load(service.models / next(service.models.glob("1-*")).name).version
    assert said["model"] == f"1 ({version})"
    assert said["refused"] is said["pending"] is None


def test_a_keeper_that_does_not_run_is_said(service: RunningService) -> None:
    for state, words in (
        (KeeperState(), "was never asked: the keeper does not run"),
        (KeeperState(checked="2026-01-01T00:00:00+00:00"), "last asked 2026-01-01T00:00:00+00:00"),
    ):
        write_state(service.models, state)
        answer = httpx.get(f"{service.url}/readyz", trust_env=False)
        assert answer.status_code == 200 and words in answer.json()["problem"]


def test_the_numbers_count_texts_and_refusals(client: httpx.Client) -> None:
    def number(line: str) -> float:
        said = [one for one in client.get("/metrics").text.splitlines() if one.startswith(line)]
        return float(said[0].split()[-1]) if said else 0

    texts = 'nacelle_nace_texts_total{stage="rejected",to="agent"}'
    wrong = 'nacelle_nace_requests_total{route="classify",status="400"}'
    before = number(texts), number(wrong)
    classify(client, texts=["", ""])
    client.post(CLASSIFY, content=b"{")
    assert (number(texts), number(wrong)) == (before[0] + 2, before[1] + 1)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service that has no model yet."""
    with RunningService(tmp_path_factory.mktemp("empty"), anonymous=True) as running:
        running.start(ready=False)
        yield running


def test_without_a_model_it_says_what_to_do(empty: RunningService) -> None:
    with empty.client() as client:
        assert client.get("/healthz").status_code == 200
        for answer in (
            client.get("/readyz"),
            client.get("/v1/model"),
            client.get("/v1/nomenclature/0111"),
            client.post(CLASSIFY, json={"text": "bread"}),
            client.post("/predict/", json={"forms": []}),
        ):
            refused(answer, 503, "registers one in MLflow as nace and gives it the alias champion")
            assert int(answer.headers["retry-after"]) > 0


def test_without_a_model_it_says_what_keeps_the_registry(empty: RunningService) -> None:
    write_state(empty.models, KeeperState(problem="MLflow does not answer."))
    refused(httpx.get(f"{empty.url}/readyz", trust_env=False), 503, "MLflow does not answer")
    write_state(empty.models, KeeperState())
    refused(httpx.get(f"{empty.url}/readyz", trust_env=False), 503, "the keeper does not run")


def test_the_anonymous_may_classify_where_a_setting_says_so(
    empty: RunningService, small_model: Path
) -> None:
    empty.publish(small_model)
    wait_for(lambda: httpx.get(f"{empty.url}/readyz", trust_env=False).is_success)
    with httpx.Client(base_url=empty.url, trust_env=False) as nobody:
        assert classify(nobody, text="growing of wheat")
        assert empty.records()[-1].caller == "anonymous"
        refused(nobody.get("/metrics"), 403)
        refused(nobody.get("/v1/keys"), 403)


def test_a_registry_that_is_away_is_said_while_the_model_serves(
    empty: RunningService, small_model: Path
) -> None:
    empty.publish(small_model)
    wait_for(lambda: httpx.get(f"{empty.url}/readyz", trust_env=False).is_success)
    sentence = "MLflow does not answer. Version 1 goes on serving."
    write_state(empty.models, KeeperState(problem=sentence, refused="Version 2 is broken."))
    answer = httpx.get(f"{empty.url}/readyz", trust_env=False)
    assert answer.status_code == 200
    assert (answer.json()["problem"], answer.json()["refused"]) == (
        sentence,
        "Version 2 is broken.",
    )

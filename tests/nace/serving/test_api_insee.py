"""The route for Insee's clients, in their shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.nace.serving.asking import classify_one, refused
from tests.nace.serving.running import RunningService

WHEAT = {"description_activity": "growing of wheat"}


def predict(client: httpx.Client, *forms: dict[str, Any], **query: object) -> list[dict[str, Any]]:
    asked: dict[str, Any] = query
    answer = client.post("/predict/", json={"forms": forms}, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_the_shape_is_theirs(client: httpx.Client) -> None:
    (found,) = predict(client, WHEAT, nb_echos_max=2, prob_min=0)
    one = classify_one(client, "growing of wheat", top=2)
    assert list(found) == ["1", "2", "IC", "MLversion"]
    for rank, candidate in zip(("1", "2"), one["top"], strict=True):
        assert found[rank] == {
            "code": candidate["code"],
            "probabilite": pytest.approx(candidate["probability"], abs=1e-6),
            "libelle": candidate["title"],
        }
    assert found["IC"] == pytest.approx(one["index"], abs=1e-6)
    assert found["MLversion"] == one["model_version"]


def test_improbable_codes_are_left_out(client: httpx.Client) -> None:
    (all_of_them,) = predict(client, WHEAT, nb_echos_max=8, prob_min=0)
    least = all_of_them["3"]["probabilite"]
    (found,) = predict(client, WHEAT, nb_echos_max=8, prob_min=least * 1.01)
    assert set(found) == {"1", "2", "IC", "MLversion"}


def test_five_codes_of_one_per_cent_are_usual(client: httpx.Client) -> None:
    (usual,) = predict(client, WHEAT)
    assert [usual] == predict(client, WHEAT, nb_echos_max=5, prob_min=0.01)


def test_a_form_without_a_text_has_no_code(client: httpx.Client) -> None:
    forms: list[dict[str, Any]] = [
        {"description_activity": None, "nature": None},
        {},
        WHEAT,
        {"nature": "99"},
    ]
    found = predict(client, *forms)
    assert [list(one) for one in (found[0], found[1], found[3])] == [["IC", "MLversion"]] * 3
    assert found[0]["IC"] == 0 and found[2]["1"]["code"] == "0111"


def test_titles_follow_accept_language(client: httpx.Client) -> None:
    answer = client.post("/predict/", json={"forms": [WHEAT]}, headers={"Accept-Language": "fr"})
    assert answer.json()[0]["1"]["libelle"].startswith("Culture de céréales")


def test_their_clients_send_the_key_as_a_password(service: RunningService) -> None:
    with httpx.Client(auth=("insee", service.key), trust_env=False) as client:
        answer = client.post(f"{service.url}/predict/", json={"forms": [WHEAT]})
        assert answer.status_code == 200
    with httpx.Client(auth=("insee", "wrong"), trust_env=False) as client:
        refused(client.post(f"{service.url}/predict/", json={"forms": [WHEAT]}), 401)


def test_it_is_recorded_like_the_other(client: httpx.Client, service: RunningService) -> None:
    answer = client.post("/predict/", json={"forms": [WHEAT, WHEAT]})
    number = answer.headers["x-request-id"]
    assert [r.position for r in service.records() if r.request_id == number] == [0, 1]


@pytest.mark.parametrize(
    "query", ["nb_echos_max=0", "nb_echos_max=51", "nb_echos_max=x", "prob_min=nan", "prob_min=2"]
)
def test_a_query_that_does_not_fit_is_refused(client: httpx.Client, query: str) -> None:
    name = query.partition("=")[0]
    refused(client.post(f"/predict/?{query}", json={"forms": [WHEAT]}), 422, name)


@pytest.mark.parametrize("forms", [None, "x", [None], [{"description_activity": 3}]])
def test_forms_that_do_not_fit_are_refused(client: httpx.Client, forms: object) -> None:
    refused(client.post("/predict/", json={"forms": forms}), 422, "forms")

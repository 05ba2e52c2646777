"""What the clients are made of: batches, addresses and keys, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from nacelle.nace.client_batches import Limits, Options, Text, cut
from nacelle.nace.client_errors import ClientError, ServiceAway, error_of
from nacelle.nace.client_place import find_place
from nacelle.nace.serving.problems import Problem
from nacelle.nace.serving.wire import TextItem
from nacelle.prefixes import NACE_PREFIX

WIDE = Limits(2000, 4_000_000, 5000)
SESSION = {
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:8000/services/mlflow",
    "JUPYTERHUB_API_TOKEN": "token",
}


def sent(texts: list[Text], limits: Limits = WIDE) -> list[list[object]]:
    return [json.loads(batch.body(Options()))["texts"] for batch in cut(texts, limits)]


def test_batches_are_cut_by_their_number_of_texts() -> None:
    assert sent(list("abcde"), Limits(2, 4000, 50)) == [["a", "b"], ["c", "d"], ["e"]]
    assert sent([]) == []


def test_batches_are_cut_by_bytes_and_not_by_characters() -> None:
    texts: list[Text] = ["é" * 100] * 40
    limits = Limits(2000, 3000, 5000)
    batches = list(cut(texts, limits))
    assert sum(map(len, batches)) == 40
    assert len(batches) > 2
    options = Options(50, 20, 0.123456789, "x" * 35)
    assert all(len(one.body(options)) <= 3000 for one in batches)


def test_a_text_larger_than_a_body_is_a_batch_of_its_own() -> None:
    lengths = [len(one) for one in cut(["a", "b" * 5000, "c"], Limits(2000, 3000, 50))]
    assert lengths == [1, 1, 1]


def test_nothing_is_an_empty_text_and_a_number_is_none() -> None:
    given: list[Any] = [None, float("nan"), np.float64("nan"), pd.NA, np.str_("bar"), "\ud83d"]
    assert sent(given) == [["", "", "", "", "bar", "?"]]
    item = TextItem("boulangerie", "fr", {"form": "5499\ud83d"})
    assert sent([item]) == [[{"text": "boulangerie", "language": "fr", "side": {"form": "5499?"}}]]
    with pytest.raises(ClientError, match="Text 2 is of the type int"):
        sent(["a", 3])


def test_texts_are_read_no_further_than_for_the_next_batch() -> None:
    read: list[str] = []

    def texts() -> object:
        for one in "abcdef":
            read.append(one)
            yield one

    next(cut(texts(), Limits(2, 4000, 50)))  # type: ignore[arg-type]
    assert read == ["a", "b", "c"]


def test_options_that_were_not_given_are_not_sent() -> None:
    (batch,) = cut(["a"], WIDE)
    assert json.loads(batch.body(Options())) == {"texts": ["a"], "top": 5}
    asked = json.loads(batch.body(Options(3, 2, 0.0, "fr")))
    assert asked == {"texts": ["a"], "top": 3, "level": 2, "threshold": 0.0, "language": "fr"}


def test_a_session_finds_its_own_service_and_token() -> None:
    place = find_place(environ=SESSION)
    assert (place.url, place.key) == ("http://127.0.0.1:8000" + NACE_PREFIX, "token")
    assert "token" not in repr(place)


def test_arguments_come_before_the_environment() -> None:
    environ = SESSION | {"NACELLE_API_KEY": "key", "NACELLE_NACE_URL": "https://a.example/nace/"}
    assert find_place(environ=environ).url == "https://a.example/nace"
    assert find_place(environ=environ).key == "key"
    assert find_place("https://b.example", "mine", environ).key == "mine"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://127.0.0.1:8000/services/nace", "token"),
        ("http://127.0.0.1:8001/services/nace", ""),
        ("https://127.0.0.1:8000/services/nace", ""),
        ("https://elsewhere.example/services/nace", ""),
    ],
)
def test_a_hub_token_goes_to_its_own_platform_alone(url: str, key: str) -> None:
    assert find_place(url, environ=SESSION).key == key


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "NACELLE_NACE_URL"),
        ("ftp://a.example", "no address"),
        ("a.example/services/nace", "no address"),
        ("http://a.example:port", "no address"),
        ("http://", "no address"),
        ("http://a.example/?key=1", "no address"),
        ("http://me:secret@a.example", "gets around"),
    ],
)
def test_what_is_no_address_is_said(url: str | None, said: str) -> None:
    with pytest.raises(ClientError, match=said) as refused:
        find_place(url, environ={})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["two words", "line\nline", "clé"])
def test_a_key_that_was_copied_badly_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ClientError, match="copy it whole") as refused:
        find_place("http://a.example", key, {})
    assert key not in str(refused.value)


def answer(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("GET", "http://a.example/services/nace/v1/model?q=secret")
    return httpx.Response(status, content=body, headers=named, request=request)


def test_a_problem_becomes_an_error_with_its_sentence() -> None:
    problem = Problem(429, "Wait 3 s.", kind="too-many-requests").body("abc")
    error = error_of(answer(429, problem, retry_after="3", x_request_id="abc"))
    assert isinstance(error, ServiceAway)
    assert (error.status, error.kind, error.retry_after) == (429, "too-many-requests", 3)
    assert str(error) == "Wait 3 s. (request abc)"


@pytest.mark.parametrize(("status", "kind"), [(502, ServiceAway), (302, ClientError)])
def test_what_others_answer_is_told_by_its_status(status: int, kind: type[ClientError]) -> None:
    error = error_of(answer(status, b"<html>", location="/hub/login"))
    assert type(error) is kind
    assert f"answered {status} (/hub/login)" in str(error)
    assert "secret" not in str(error)


def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    found = error_of(answer(503, retry_after=later)).retry_after
    assert found and 3500 < found <= 3600
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert error_of(answer(503, retry_after=past)).retry_after == 0
    assert error_of(answer(503, retry_after="soon")).retry_after is None


def test_the_client_imports_little() -> None:
    script = (
        "import sys, nacelle.nace as nace\nassert 'httpx' not in sys.modules\n"
        "nace.Client, nace.AsyncClient\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"mlflow", "pandas", "pyarrow", "sklearn", "fasttext", "scipy", "pydantic", "fastapi"}
    assert not heavy & set(done.stdout.split())

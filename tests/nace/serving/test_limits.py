"""What is too much is refused in a sentence, and the service goes on."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.nace.serving.asking import CLASSIFY, Line, alive, classify, refused
from tests.nace.serving.running import RunningService
from tests.support.waiting import wait_for

BODY, TEXT, BATCH, WAITING, SECONDS, CONNECTIONS = 400_000, 1_000, 3_000, 50, 2, 20
JSON = "Content-Type: application/json"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def narrow(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service with small limits."""
    limits = {
        "body_bytes": BODY,
        "text_length": TEXT,
        "batch": BATCH,
        "waiting_texts": WAITING,
        "seconds": SECONDS,
        "connections": CONNECTIONS,
    }
    with RunningService(tmp_path_factory.mktemp("narrow"), limits=limits) as running:
        running.publish(small_model)
        running.start()
        yield running


@pytest.fixture
def client(narrow: RunningService) -> Iterator[httpx.Client]:
    """It must be alive after each test."""
    with narrow.client() as client:
        yield client
        alive(client)


def test_a_body_may_be_so_large_and_not_larger(client: httpx.Client) -> None:
    body = b'{"text": "bread"}'
    assert client.post(CLASSIFY, content=body.ljust(BODY)).status_code == 200
    refused(client.post(CLASSIFY, content=body.ljust(BODY + 1)), 413, "larger than 400,000 bytes")


def test_a_chunked_body_is_measured_as_it_comes(narrow: RunningService) -> None:
    with Line(narrow) as line:
        line.head(JSON, "Transfer-Encoding: chunked")
        line.chunks(b" " * 50_000 for _ in range(1_000))
        answer = line.answer()
        refused(answer, 413, "larger than 400,000 bytes")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", [CLASSIFY, "/predict/", "/v1/keys", "/healthz", "/nothing"])
def test_two_gigabytes_are_refused_unread(narrow: RunningService, path: str) -> None:
    with Line(narrow) as line:
        # Nothing of the body is sent: the head is enough to refuse it.
        line.head(JSON, "Content-Length: 2147483648", "Expect: 100-continue", path=path)
        refused(line.answer(), 413)
        assert line.is_closed()


def test_a_length_that_no_machine_has_is_refused(narrow: RunningService) -> None:
    for length in ("9" * 18, "9" * 400, "-1", "1e3", "0x10"):
        with Line(narrow) as line:
            line.head(JSON, f"Content-Length: {length}")
            answer = line.answer()
            refused(answer, 413 if length == "9" * 18 else 400)


def test_a_client_that_sends_much_still_hears_why_not(client: httpx.Client) -> None:
    refused(client.post(CLASSIFY, content=b" " * 20_000_000), 413)


@pytest.mark.parametrize("size", [5_000_000, 30_000_000])
@pytest.mark.parametrize("times", range(4))
def test_clients_that_only_listen_in_the_end_hear_why_not(
    narrow: RunningService, size: int, times: int
) -> None:
    """Python's own clients send the whole of a body before they look for an answer."""
    headers = {"Authorization": f"Bearer {narrow.key}", "Content-Type": "application/json"}
    asked = urllib.request.Request(narrow.url + CLASSIFY, b" " * size, headers)
    with pytest.raises(urllib.error.HTTPError) as told:
        _DIRECT.open(asked, timeout=30)
    assert told.value.code == 413 and b"larger than 400,000 bytes" in told.value.read()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", CLASSIFY, {"Authorization": "Bearer nacelle_unknown"}, 401),
        ("PUT", CLASSIFY, {}, 405),
        ("POST", CLASSIFY, {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/keys", {}, 413),
    ],
)
def test_every_refusal_of_a_large_body_is_heard(
    narrow: RunningService, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    url = urlsplit(narrow.url)
    assert url.hostname
    for _ in range(4):
        line = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        sent = {"Authorization": f"Bearer {narrow.key}"} | headers
        line.request(method, url.path + path, b" " * 5_000_000, sent)
        assert line.getresponse().status == status
        line.close()


def test_large_bodies_that_stall_leave_room_for_others(narrow: RunningService) -> None:
    """As many as the limit allows wait for their rest; the others are told to come again."""
    lines = [Line(narrow) for _ in range(CONNECTIONS)]
    told: Counter[int] = Counter()
    try:
        for line in lines[:16]:
            line.head(JSON, f"Content-Length: {BODY}", after=b" " * 1_000)

        def full() -> bool:
            with Line(narrow) as late:
                late.head(JSON, f"Content-Length: {BODY}", after=b" " * 1_000)
                answer = late.answer()
            told[answer.status_code] += 1
            if answer.status_code != 503:
                return False
            refused(answer, 503, "Too many large bodies")
            return answer.headers["retry-after"] == "5"

        wait_for(full, 10, "a refusal")
        with narrow.client() as client:
            # Those who send little are not in their way.
            for part in (client.post(CLASSIFY, json={"text": "bread"}), client.get("/healthz")):
                assert part.status_code == 200
    finally:
        for line in lines[:16]:
            told[line.answer().status_code] += 1
        for line in lines:
            line.__exit__()
    assert told[408] >= 16


def test_what_is_refused_counts_for_the_rate(narrow: RunningService) -> None:
    key = narrow.make_key("mistaken", rate=0.01, burst=3)
    with narrow.client(headers={"Authorization": f"Bearer {key}"}) as mistaken:
        kind = {"Content-Type": "text/plain"}
        refused(mistaken.post(CLASSIFY, content=b"bread", headers=kind), 415)
        refused(mistaken.post(CLASSIFY, content=b"{"), 400)
        refused(mistaken.post(CLASSIFY, json={"word": "bread"}), 422)
        refused(mistaken.post(CLASSIFY, json={"text": "bread"}), 429, "wait")
    with Line(narrow) as line:
        # Nothing of its body has to be read for that.
        line.head(JSON, f"Content-Length: {BODY}", key=key)
        refused(line.answer(), 429, "wait")


def test_a_text_may_be_so_long_and_not_longer(client: httpx.Client) -> None:
    assert classify(client, text="x" * TEXT)
    body = {"texts": ["bread", "é" * (TEXT + 1)]}
    refused(client.post(CLASSIFY, json=body), 413, "Text 2 has 1,001 characters, 1,000 are")
    form = {"forms": [{"description_activity": "x" * (TEXT + 1)}]}
    refused(client.post("/predict/", json=form), 413, "Text 1 has 1,001")


def test_a_batch_may_be_so_large_and_not_larger(client: httpx.Client) -> None:
    assert len(classify(client, texts=["01.11"] * BATCH, top=1)) == BATCH
    too_many = ["bread"] * (BATCH + 1)
    refused(client.post(CLASSIFY, json={"texts": too_many}), 413, "There are 3,001 texts, 3,000")
    forms = [{"description_activity": one} for one in too_many]
    refused(client.post("/predict/", json={"forms": forms}), 413, "3,001 texts")


def test_too_many_requests_are_told_when_to_come_back(narrow: RunningService) -> None:
    key = narrow.make_key("slow", rate=0.01, burst=2)
    with narrow.client(headers={"Authorization": f"Bearer {key}"}) as slow:
        for _ in range(2):
            assert slow.post(CLASSIFY, json={"text": "bread"}).status_code == 200
        for answer in (
            slow.post(CLASSIFY, json={"text": "bread"}),
            slow.post("/predict/", json={"forms": [{}]}),
            slow.get("/v1/model"),
        ):
            refused(answer, 429, "0.01 requests a second, 2 at once")
            assert 1 <= int(answer.headers["retry-after"]) <= 100


def test_the_day_s_quota_counts_texts(narrow: RunningService) -> None:
    key = narrow.make_key("little", daily_quota=5)
    with narrow.client(headers={"Authorization": f"Bearer {key}"}) as little:
        assert len(classify(little, texts=["bread"] * 3)) == 3
        answer = little.post(CLASSIFY, json={"texts": ["bread"] * 3})
        refused(answer, 429, "5 texts a day (UTC) and has 2 left; this request has 3")
        assert 1 <= int(answer.headers["retry-after"]) <= 86_400
        # What was refused was not counted.
        assert len(classify(little, texts=["bread"] * 2)) == 2


def test_overload_is_said_at_once(narrow: RunningService) -> None:
    """While a long batch is answered, more than a few texts beside it are turned away."""
    over = threading.Event()

    def long_batches() -> None:
        with narrow.client() as mine:
            while not over.is_set():
                answer = mine.post(CLASSIFY, json={"texts": ["wheat of the road"] * BATCH})
                assert answer.status_code in (200, 503)

    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(1) as pool, narrow.client() as mine:
        working = pool.submit(long_batches)

        def turned_away() -> bool:
            answer = mine.post(CLASSIFY, json={"texts": ["bread"] * (WAITING + 1)})
            seen[answer.status_code] += 1
            if answer.status_code != 503:
                return False
            refused(answer, 503, "more would only wait longer")
            assert answer.headers["retry-after"] == "1"
            return True

        try:
            wait_for(turned_away, 30, "a refusal")
        finally:
            over.set()
        working.result()
    assert set(seen) <= {200, 503}


def test_overload_does_not_use_up_the_quota(narrow: RunningService) -> None:
    """Whoever is turned away has the same quota as before."""
    key = narrow.make_key("counted", daily_quota=3 * (WAITING + 1))
    over = threading.Event()

    def long_batches() -> None:
        with narrow.client() as mine:
            while not over.is_set():
                mine.post(CLASSIFY, json={"texts": ["wheat of the road"] * BATCH})

    counts: Counter[int] = Counter()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(long_batches)
        with narrow.client(headers={"Authorization": f"Bearer {key}"}) as mine:

            def used_up() -> bool:
                answer = mine.post(CLASSIFY, json={"texts": ["bread"] * (WAITING + 1)})
                counts[answer.status_code] += 1
                return answer.status_code == 429

            try:
                wait_for(used_up, 60, "the end of the quota")
            finally:
                over.set()
        working.result()
    assert counts[200] == 3


def test_a_slow_sender_is_told_so(narrow: RunningService) -> None:
    with Line(narrow) as silent, Line(narrow) as slow, Line(narrow) as other:
        # Nothing of a body that was announced; half of one; and where the framework would wait.
        silent.head(JSON, "Content-Length: 100")
        slow.head(JSON, "Content-Length: 100")
        slow.send(b'{"text": ')
        other.head(JSON, "Content-Length: 100", path="/v1/keys")
        for line in (silent, slow, other):
            refused(line.answer(), 408, "did not arrive within 2 seconds")
            assert line.is_closed()


def test_a_sender_that_goes_leaves_nothing(narrow: RunningService) -> None:
    for _ in range(CONNECTIONS * 2):
        with Line(narrow) as line:
            line.head(JSON, "Content-Length: 100")
            line.send(b'{"text": ')
    with narrow.client() as client:
        # More of them than may be open at once: they are not counted any more.
        wait_for(lambda: client.post(CLASSIFY, json={"text": "bread"}).is_success, 10)


def test_too_many_at_once_are_refused_and_probes_are_not(narrow: RunningService) -> None:
    lines = [Line(narrow) for _ in range(CONNECTIONS)]
    try:
        for line in lines:
            line.head(JSON, "Content-Length: 100")
        with narrow.client() as client:

            def crowded() -> bool:
                answer = client.post(CLASSIFY, json={"text": "bread"})
                if answer.status_code != 503:
                    return False
                refused(answer, 503, "Too many requests are being answered")
                return answer.headers["retry-after"] == "1"

            wait_for(crowded, 2, "a refusal")
            assert client.get("/healthz").status_code == 200
    finally:
        for line in lines:
            line.answer()
            line.__exit__()

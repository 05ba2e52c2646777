"""Bodies, paths and methods that make no sense: a problem in a sentence, never an error of ours."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.nace.serving.asking import CLASSIFY, Line, alive, refused
from tests.nace.serving.running import RunningService

JSON = {"Content-Type": "application/json"}
DEEP = 100_000

WRONG: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "blank": (b" \n ", 400),
    "cut": (b'{"text": "bre', 400),
    "two values": (b'{"text": "a"} {}', 400),
    "malformed UTF-8": (b'{"text": "\xff\xfe"}', 400),
    "overlong UTF-8": (b'{"text": "\xc0\xaf"}', 400),
    "a surrogate as UTF-8": (b'{"text": "\xed\xa0\x80"}', 400),
    "a lone surrogate": (b'{"text": "\\ud800 bread"}', 400),
    "a lone second surrogate": (b'{"text": "\\udc00"}', 400),
    "a lone surrogate as a name": (b'{"text": "a", "side": {"\\ud800": "x"}}', 400),
    "UTF-16": ('{"text": "bread"}'.encode("utf-16"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"text": "bread"}', 400),
    "a plain NUL": (b'{"text": "br\x00ead"}', 400),
    "a line end in a text": (b'{"text": "br\nead"}', 400),
    "NaN": (b'{"text": "a", "threshold": NaN}', 400),
    "infinity": (b'{"text": "a", "threshold": Infinity}', 400),
    "a number beyond floats": (b'{"text": "a", "threshold": 1e999}', 422),
    "a number of 5,000 digits": (b'{"text": "a", "top": 1%b}' % (b"0" * 5_000), 422),
    "a negative number": (b'{"text": "a", "top": -1}', 422),
    "a fraction": (b'{"text": "a", "top": 1.5}', 422),
    "a threshold above 1": (b'{"text": "a", "threshold": 1.1}', 422),
    "a number as text": (b'{"text": 1}', 422),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "a text alone": (b'"bread"', 422),
    "an unknown field": ('{"text": "a", "é": 1}'.encode(), 422),
    "an unknown field of a text": (b'{"texts": [{"text": "a", "top": 1}]}', 422),
    "a language too long": (b'{"text": "a", "language": "%b"}' % (b"x" * 36), 422),
    "a side variable that is no text": (b'{"text": "a", "side": {"x": 1}}', 422),
    "lists in lists": (b'{"text":' + b"[" * DEEP + b"]" * DEEP + b"}", 422),
    "lists that do not end": (b'{"texts":' + b"[" * DEEP, 422),
    "objects in objects": (b'{"side":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", 422),
}


@pytest.fixture(autouse=True)
def survives(service: RunningService, client: httpx.Client) -> Iterator[None]:
    """Alive afterwards, and nothing unexpected in its log."""
    before = len(service.log())
    yield
    alive(client)
    assert '"level": "error"' not in service.log()[before:]


@pytest.mark.parametrize("name", WRONG)
def test_a_body_that_makes_no_sense_is_refused(client: httpx.Client, name: str) -> None:
    body, status = WRONG[name]
    refused(client.post(CLASSIFY, content=body, headers=JSON), status, "The body ")


@pytest.mark.parametrize("name", [name for name, (_, status) in WRONG.items() if status == 400])
@pytest.mark.parametrize("path", ["/predict/", "/v1/keys"])
def test_the_other_bodies_as_well(client: httpx.Client, path: str, name: str) -> None:
    body, _ = WRONG[name]
    answer = client.post(path, content=body, headers=JSON)
    # What is wrong with them may be seen before it is seen that they are no JSON.
    refused(answer, answer.status_code)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "body",
    [
        # Fields that Insee's route does not know are skipped, however deep.
        b'{"forms": [], "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"forms": [{"x": ' + b'{"y":' * DEEP + b"1" + b"}" * DEEP + b"}]}",
    ],
)
def test_depth_is_refused_where_fields_are_skipped(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/predict/", content=body, headers=JSON)
    refused(answer, answer.status_code)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"name": "a", "burst": 1%b}' % (b"0" * 5_000),
        b'{"name": "a", "rate": 1e999}',
        b'{"name": "a", "\\ud800": 1}',
        b'{"name": "a", "scopes": ["\\ud800"]}',
        b'{"name": "\\u0000"}',
    ],
)
def test_a_key_that_makes_no_sense_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/keys", content=body[:60_000], headers=JSON)
    refused(answer, answer.status_code)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "text",
    ["br\\u0000ead", "\\ud83c\\udf5e", "\\u202e bread \\u200b", "\\uffff", "e" + "\\u0301" * 4_000],
)
def test_odd_texts_are_answered(client: httpx.Client, text: str) -> None:
    answer = client.post(CLASSIFY, content=f'{{"text": "{text}"}}'.encode(), headers=JSON)
    assert answer.status_code == 200, answer.text
    # The answer is JSON that others can read, too.
    assert len(answer.json()["predictions"]) == 1


def test_of_two_equal_fields_the_last_counts(client: httpx.Client) -> None:
    answer = client.post(CLASSIFY, content=b'{"text": "a", "text": "bread"}', headers=JSON)
    assert answer.json()["predictions"][0]["text"] == "bread"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/json", "", "é", "x" * 5_000]
)
@pytest.mark.parametrize("path", [CLASSIFY, "/predict/"])
def test_another_type_of_content_is_refused(client: httpx.Client, path: str, kind: str) -> None:
    headers = [(b"Content-Type", kind.encode())]
    answer = client.post(path, content=b'{"text": "bread"}', headers=headers)
    refused(answer, 415, "Content-Type: application/json")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", None])
def test_json_is_taken_as_such(client: httpx.Client, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post(CLASSIFY, content=b'{"text": "bread"}', headers=headers)
    assert answer.status_code == 200


def test_a_compressed_body_is_refused(client: httpx.Client) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    refused(client.post(CLASSIFY, content=b"\x1f\x8b", headers=headers), 415, "send it plain")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CLASSIFY, "POST"),
        ("PUT", CLASSIFY, "POST"),
        ("OPTIONS", CLASSIFY, "POST"),
        ("DELETE", "/predict/", "POST"),
        ("POST", "/v1/model", "GET"),
        ("DELETE", "/healthz", "GET"),
        ("TRACE", "/readyz", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = refused(client.request(method, path, json={}), 405, allowed)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1", "/predict", "/v1/classify/", "/v1/../../hub", "/%00", "/%ff", "/a" * 900],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_said(client: httpx.Client, method: str, path: str) -> None:
    url = httpx.URL(str(client.base_url).rstrip("/") + path)
    refused(client.request(method, url), 404, "There is nothing at")


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"nonsense\r\n\r\n",
        b"BREW /services/nace/healthz HTTP/1.1\r\n\r\n",
        b"GET /services/nace/healthz HTTP/9.9\r\n\r\n",
        b"GET /services/nace/healthz HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /services/nace/v1/classify HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n"
        b"\r\n",
        b"POST /services/nace/v1/classify HTTP/1.1\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"POST /services/nace/v1/classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_what_is_no_http_is_refused(service: RunningService, request_line: bytes) -> None:
    with Line(service) as line:
        line.send(request_line)
        refused(line.answer(), 400)
        assert line.is_closed()


def test_headers_without_end_are_refused(service: RunningService) -> None:
    with Line(service) as line:
        line.send(b"GET /services/nace/healthz HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(2_000):
                line.send(b"X-Filler: " + b"x" * 10_000 + b"\r\n")
            raise AssertionError("all of 20 MB was read")


@pytest.mark.parametrize(
    "given", [b"\xe9\xe9", "é".encode(), b".", b"====", b"eA==", b"\xff" * 999]
)
@pytest.mark.parametrize(("method", "path"), [("POST", CLASSIFY), ("GET", "/v1/model")])
def test_a_password_of_any_bytes_is_refused(
    service: RunningService, method: str, path: str, given: bytes
) -> None:
    headers = [(b"Authorization", b"Basic " + given)]
    url = service.url + path
    with httpx.Client(trust_env=False) as client:
        refused(client.request(method, url, headers=headers), 401, "Send an API key")


@pytest.mark.parametrize("apart", [False, True])
def test_a_post_that_offers_http_2_is_answered(service: RunningService, apart: bool) -> None:
    """As curl --http2 and Java's client send it."""
    body = b'{"text": "growing of wheat"}'
    offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
    before = service.log()
    with Line(service) as line:
        for _ in range(2):
            length = f"Content-Length: {len(body)}"
            line.head(*offer, length, after=b"" if apart else body)
            if apart:
                line.send(body)
            answer = line.answer()
            assert answer.status_code == 200, answer.text
            assert answer.json()["predictions"][0]["top"][0]["code"] == "0111"
    assert service.log() == before


def test_an_upgrade_is_answered_as_a_plain_request(service: RunningService) -> None:
    with Line(service) as line:
        line.head("Connection: Upgrade", "Upgrade: websocket", path="/healthz", method="GET")
        assert line.answer().status_code == 200

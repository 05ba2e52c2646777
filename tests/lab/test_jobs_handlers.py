"""/nacelle/jobs/* of a user's server: what passes, as whom, and what does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.lab.echo_service import Echo, echo_service
from tests.lab.lab_server import HUB_TOKEN, TOKEN, LabServer, lab_server
from tests.support.waiting import wait_for

ID = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def service() -> Iterator[Echo]:
    with echo_service() as echo:
        yield echo


@pytest.fixture(scope="module")
def server(service: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    folder = tmp_path_factory.mktemp("lab")
    with lab_server(
        folder, NACELLE_JOBS_URL=service.url, JUPYTERHUB_API_TOKEN=HUB_TOKEN
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_asked(service: Echo) -> None:
    service.asked.clear()
    service.answers.clear()


def test_the_service_is_asked_with_the_server_s_own_token_alone(
    server: LabServer, service: Echo
) -> None:
    answer = server.http.get(
        "/nacelle/jobs/jobs",
        params={"search": "prix", "limit": "5", "token": TOKEN, "1700000000": "", "no": "1"},
        headers={"Cookie": "a=b", "X-Nacelle-Identity": "forged", "Accept-Language": "fr"},
    )
    assert answer.status_code == 200
    (asked,) = service.asked
    assert asked["path"] == "/services/jobs/v1/jobs"
    assert asked["query"] == "search=prix&limit=5"
    names = set(asked["headers"])
    assert asked["headers"]["authorization"] == f"Bearer {HUB_TOKEN}"
    assert asked["headers"]["accept-language"] == "fr"
    assert not names & {"cookie", "x-nacelle-identity", "x-xsrftoken"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "preview"),
        ("POST", "jobs"),
        ("PATCH", f"jobs/{ID}"),
        ("DELETE", f"jobs/{ID}"),
        ("POST", f"jobs/{ID}/suspend"),
        ("POST", f"runs/{ID}/again"),
        ("GET", f"runs/{ID}/compare/{ID}"),
        ("POST", "messages/read"),
    ],
)
def test_what_is_listed_passes(server: LabServer, service: Echo, method: str, path: str) -> None:
    body = json.dumps({"a": 1})
    answer = server.http.request(method, f"/nacelle/jobs/{path}", content=body)
    assert answer.status_code == 200, answer.text
    (asked,) = service.asked
    assert (asked["method"], asked["path"]) == (method, f"/services/jobs/v1/{path}")
    assert asked["bytes"] == len(body)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "me/",
        "ME",
        "openapi.json",
        "../health",
        "%2e%2e/health",
        "jobs/%2e%2e/me",
        f"jobs/{ID}/../../me",
        f"jobs/{ID}%2f..%2f..%2fme",
        f"jobs/{ID.upper()}",
        f"jobs/{ID}x",
        f"jobs/{ID}%0a",
        f"jobs/{ID}/token",
        f"runs/{ID}/output.exe",
        "me%3fx=1",
        "me%23",
    ],
)
def test_what_is_not_listed_does_not_pass(server: LabServer, service: Echo, path: str) -> None:
    # httpx would tidy the path up before it asks.
    connection = HTTPConnection(urlsplit(server.url).netloc)
    for method in ("GET", "POST", "PATCH", "DELETE"):
        headers = {"Authorization": f"token {TOKEN}"}
        connection.request(method, f"/nacelle/jobs/{path}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (404, 405), method
    connection.close()
    assert service.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "me"), ("GET", f"jobs/{ID}/suspend"), ("DELETE", "jobs"), ("PATCH", f"runs/{ID}")],
)
def test_methods_that_a_path_has_not_do_not_pass(
    server: LabServer, service: Echo, method: str, path: str
) -> None:
    answer = server.http.request(method, f"/nacelle/jobs/{path}")
    assert answer.status_code == 405
    assert set(answer.json()["said"]) == {"en", "fr"}
    assert server.http.put(f"/nacelle/jobs/{path}").status_code == 405
    assert service.asked == []


def test_bodies_have_their_limits(server: LabServer, service: Echo) -> None:
    refused = server.http.post("/nacelle/jobs/jobs", content=b"x" * 1_000_001)
    assert refused.status_code == 413
    assert service.asked == []
    taken = server.http.post("/nacelle/jobs/notebooks?path=a.ipynb", content=b"x" * 3_000_000)
    assert taken.status_code == 200
    assert service.asked[0]["bytes"] == 3_000_000


def test_nobody_gets_in_without_logging_in(server: LabServer, service: Echo) -> None:
    for address in ("/nacelle/jobs/me", "/nacelle/session?path=home/a.ipynb"):
        assert httpx.get(server.url + address).status_code == 403
    assert service.asked == []


def test_a_page_of_another_site_makes_nothing(server: LabServer, service: Echo) -> None:
    with closing(server.browser()) as page:
        # The cookies come along; what another site cannot know is the token in one of them.
        assert page.post("/nacelle/jobs/jobs", json={}).status_code == 403
        assert service.asked == []
        token = page.cookies["_xsrf"]
        made = page.post("/nacelle/jobs/jobs", json={}, headers={"X-XSRFToken": token})
        assert made.status_code == 200
        abroad = page.get("/nacelle/jobs/me", headers={"Origin": "https://elsewhere.example"})
        assert abroad.status_code == 404


def test_of_an_answer_only_what_is_known_comes_back(server: LabServer, service: Echo) -> None:
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Next-Offset": "12",
        "Set-Cookie": "a=b",
        "Location": "https://elsewhere.example",
    }
    service.answers[f"runs/{ID}/log"] = (200, headers, "cafés".encode())
    answer = server.http.get(f"/nacelle/jobs/runs/{ID}/log?offset=6")
    assert service.asked[0]["query"] == "offset=6"
    assert answer.text == "cafés"
    assert answer.headers["X-Next-Offset"] == "12"
    assert "Set-Cookie" not in answer.headers and "Location" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_refusals_come_as_they_are(server: LabServer, service: Echo) -> None:
    body = b'{"type": "urn:nacelle:keys-found", "findings": []}'
    headers = {"Content-Type": "application/problem+json"}
    service.answers["jobs"] = (409, headers, body)
    answer = server.http.post("/nacelle/jobs/jobs", json={})
    assert (answer.status_code, answer.content) == (409, body)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_page_that_a_notebook_made_is_a_stranger(server: LabServer, service: Echo) -> None:
    service.answers[f"runs/{ID}/output.html"] = (200, {"Content-Type": "text/html"}, b"<p>")
    answer = server.http.get(f"/nacelle/jobs/runs/{ID}/output.html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox") and "allow-same-origin" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nobody_is_sent_elsewhere(server: LabServer, service: Echo) -> None:
    service.answers["me"] = (302, {"Location": "http://127.0.0.1:1/"}, b"")
    assert server.http.get("/nacelle/jobs/me").status_code == 502


def test_changes_come_as_they_happen_and_end_with_the_page(
    server: LabServer, service: Echo
) -> None:
    headers = {"Last-Event-ID": "41"}
    with server.http.stream("GET", "/nacelle/jobs/changes", headers=headers) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert service.asked[0]["headers"]["last-event-id"] == "41"
        lines = stream.iter_lines()
        for number in (1, 2):
            # Each is read before the next one is sent: nothing waits in a buffer.
            service.release.release()
            first, _, _ = (next(lines) for _ in range(3))
            assert first == f"id: {number}"

    def left() -> bool:
        service.release.release()
        return service.left.is_set()

    wait_for(left, 30, "the end of the stream at the service")


def test_looking_on_is_no_activity(server: LabServer, service: Echo) -> None:
    def last() -> str:
        return str(server.http.get("/api/status").json()["last_activity"])

    server.http.post("/nacelle/jobs/preview", json={})
    before = last()
    server.http.get("/nacelle/jobs/jobs")
    server.http.get("/nacelle/session", params={"path": "home/a.ipynb"})
    assert last() == before
    server.http.post("/nacelle/jobs/preview", json={})
    assert last() != before


def test_the_token_is_told_to_nobody(server: LabServer, service: Echo) -> None:
    service.answers["me"] = (500, {"Content-Type": "text/html"}, b"broken")
    texts = [server.http.get(f"/nacelle/jobs/{path}").text for path in ("me", "nothing")]
    assert HUB_TOKEN not in "".join(texts) + server.log.read_text(encoding="utf-8")


def test_a_service_that_is_away_is_said_in_words(tmp_path: Path) -> None:
    environment = {
        "NACELLE_JOBS_URL": "http://127.0.0.1:1/services/jobs",
        "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
    }
    with lab_server(tmp_path, **environment) as server:
        answer = server.http.get("/nacelle/jobs/me")
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["said"]["en"]
        assert HUB_TOKEN not in server.log.read_text(encoding="utf-8")


def test_outside_the_platform_it_says_so(tmp_path: Path) -> None:
    with lab_server(tmp_path) as server:
        answer = server.http.get("/nacelle/jobs/me")
        assert answer.status_code == 503
        assert "NACELLE_JOBS_URL is not set" in answer.json()["detail"]

"""What outlives the hub, and what a new start takes from the settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hubrig import Browser, Platform, wait_for

from tests.support.waiting import free_base

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("restart"), port=free_base()) as running:
        yield running


def poll(stop: threading.Event, url: str, token: str, found: list[int]) -> None:
    """Append the status of an answer to `found`, ten times a second."""
    headers = {"Authorization": f"token {token}"}
    while not stop.is_set():
        try:
            found.append(httpx.get(url, headers=headers, timeout=5).status_code)
        except httpx.HTTPError:
            found.append(0)
        stop.wait(0.1)


def test_a_killed_hub_leaves_sessions_alone_and_finds_them_again(own: Platform) -> None:
    alice = own.browser("alice")
    alice.start_form({"profile": "python"})
    wait_for(lambda: alice.server_ready("alice"), 60, "alice's session")
    token = alice.token("alice")
    before = alice.call("GET", "users/alice").json()["servers"][""]
    stop = threading.Event()
    results: list[int] = []
    address = f"{own.url}/user/alice/api/status"
    poller = threading.Thread(target=poll, args=(stop, address, token, results))
    poller.start()
    try:
        # Once asked, the session remembers for some minutes whose token it is.
        wait_for(lambda: results)
        own.kill_hub()
        seen = len(results)
        wait_for(lambda: len(results) >= seen + 20)
        own.start_hub()
    finally:
        stop.set()
        poller.join()
    assert results and set(results) == {200}
    after = alice.call("GET", "users/alice").json()["servers"][""]
    assert after["ready"] and after["started"] == before["started"]
    assert alice.get("/hub/home").status_code == 200
    alice.stop_server("alice")
    headers = {"Authorization": f"token {token}"}
    assert httpx.get(address, headers=headers, follow_redirects=True).status_code == 424


def test_a_session_that_died_without_a_hub_is_noticed(own: Platform) -> None:
    alice = own.browser("alice")
    alice.start_form({"profile": "python"})
    wait_for(lambda: alice.server_ready("alice"), 60, "alice's session")
    own.kill_hub()
    running = sessions(own, "alice")
    assert running
    for process in running:
        process.kill()
    own.start_hub()
    wait_for(lambda: not alice.call("GET", "users/alice").json()["servers"], 60, "the notice")


def sessions(platform: Platform, name: str) -> list[psutil.Process]:
    """The processes of somebody's session."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        mine = environment.get("NACELLE_INSTANCE") == platform.layout.instance
        if mine and environment.get("PROJECT_USER") == name:
            found.append(process)
    return found


def test_groups_and_people_follow_the_settings(own: Platform) -> None:
    leaver = own.browser("leaver")
    token = leaver.token("leaver")
    headers = {"Authorization": f"token {token}"}
    assert httpx.get(f"{own.url}/hub/api/user", headers=headers).json()["groups"] == ["prix"]
    password = own.password("leaver")
    own.stop_hub()
    own.people = [dict(person) for person in own.people if person["name"] != "leaver"]
    for person in own.people:
        if person["name"] == "bob":
            person["projects"] = ["enquete", "nouveau"]
        if person["name"] == "alice":
            person["admin"] = True
        if person["name"] == "admin":
            person["admin"] = False
    own.write()
    own.start_hub()
    alice = own.browser("alice")
    users = {user["name"]: user for user in alice.call("GET", "users").json()}
    assert users["bob"]["groups"] == ["enquete", "nouveau"]
    assert users["alice"]["groups"] == ["prix"] and users["alice"]["admin"]
    assert users["leaver"]["groups"] == [] and users["leaver"]["roles"] == []
    assert not users["admin"]["admin"]
    assert own.browser("admin").call("GET", "users").status_code == 403
    # Somebody who left: no login, no cookie, no token opens anything.
    assert Browser(own.url).log_in("leaver", password).status_code == 403
    assert leaver.get("/hub/home").url.path == "/hub/login"
    assert httpx.get(f"{own.url}/hub/api/user", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"profilez": "x"}, "profilez is not a known name; did you mean 'profiles'?"),
        ({"profiles": "none.yaml"}, "none.yaml: cannot be read"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(
    tmp_path: Path, broken: dict[str, Any], sentence: str
) -> None:
    platform = Platform(tmp_path, port=free_base(), **broken)
    with pytest.raises(AssertionError):
        platform.start_hub()
    assert sentence in platform.hub_log.read_text()

"""A real hub whose sessions are pods: start, open, give up, quota, restart, a lost home.

Tier: emulator. The hub, the proxy and the sessions' servers are real processes. The API is
emulated; it decides by the hub's rights, quotas and the "restricted" Pod Security Standard. That a
node isolates pods, and network policies, is for tests/cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from hubrig import Browser
from kube_live import SESSIONS, KubePlatform, kube_platform

from tests.support.kubernetes.kinds import CLAIMS, NODES, PODS, QUOTAS
from tests.support.kubernetes.node import make_node
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlatform]:
    with kube_platform(tmp_path_factory.mktemp("kube")) as running:
        yield running


@pytest.fixture
def alice(platform: KubePlatform) -> Iterator[Browser]:
    browser = platform.browser("alice")
    yield browser
    platform.play(platform.kubelet.unstarted.clear)
    platform.play(platform.kubelet.unplaced.clear)
    platform.play(platform.kubelet.bad_images.clear)
    if browser.call("GET", "users/alice").json()["servers"]:
        browser.stop_server("alice")


def status(platform: KubePlatform, token: str) -> int:
    """Of alice's server, asked through the proxy."""
    headers = {"Authorization": f"token {token}"}
    try:
        return httpx.get(
            f"{platform.url}/user/alice/api/status", headers=headers, timeout=5
        ).status_code
    except httpx.HTTPError:
        return 0


def test_a_session_starts_opens_and_stops(platform: KubePlatform, alice: Browser) -> None:
    pod = platform.start(alice, "alice", profile="python", size="small")
    assert alice.get("/user/alice/lab/tree/home").status_code == 200
    made = alice.post(
        "/user/alice/api/contents/home",
        headers={"Authorization": f"token {alice.token('alice')}"},
        json={"type": "notebook"},
    )
    assert made.status_code == 201, made.text
    # Nothing that opens a door stands in the pod's description, in events or in logs.
    secret = platform.cluster.cluster.get("v1/secrets", "session-alice", SESSIONS)
    assert secret
    tokens = json.loads(secret["stringData"]["session.json"])
    seen = json.dumps([pod, platform.cluster.cluster.find("v1/events")])
    seen += platform.hub_log.read_text() + str(platform.cluster.cluster.logs)
    assert tokens["JUPYTERHUB_API_TOKEN"] and not any(one in seen for one in tokens.values())
    assert "serviceAccountName" not in pod["spec"]
    alice.stop_server("alice")
    wait_for(lambda: not platform.pods() and not platform.secrets(), 30, "the pod's end")


def test_a_start_that_hangs_can_be_given_up(platform: KubePlatform, alice: Browser) -> None:
    platform.play(lambda: platform.kubelet.unstarted.add("session-alice"))
    asked = alice.call("POST", "users/alice/server", json={"profile": "python"})
    assert asked.status_code == 202
    assert platform.pod("alice") and platform.pending(alice, "alice") == "spawn"
    given_up = alice.call("DELETE", "users/alice/server")
    assert given_up.status_code in (202, 204), given_up.text
    wait_for(lambda: not platform.pods(), 30, "the pod's end")
    wait_for(lambda: not platform.pending(alice, "alice"), 30, "the end of the start")
    platform.play(platform.kubelet.unstarted.clear)
    platform.start(alice, "alice", profile="python")


def test_a_start_for_which_no_machine_is_there_can_be_given_up(
    platform: KubePlatform, alice: Browser
) -> None:
    platform.play(lambda: platform.kubelet.unplaced.update({"session-alice": "0/1 nodes: busy"}))
    alice.start_form({"profile": "python"})
    wait_for(lambda: platform.pod("alice"), 30, "the pod")
    assert alice.call("DELETE", "users/alice/server").status_code in (202, 204)
    wait_for(lambda: not platform.pods() and not platform.secrets(), 30, "the pod's end")


def test_a_full_quota_is_told_in_words(platform: KubePlatform, alice: Browser) -> None:
    quota = {"metadata": {"name": "office"}, "spec": {"hard": {"limits.memory": "100Mi"}}}
    cluster = platform.cluster.cluster
    platform.cluster.call(cluster.write(QUOTAS, quota))
    try:
        answer = alice.start_form({"profile": "python"})
        page = alice.get("/hub/spawn-pending/alice") if answer.status_code == 302 else answer
        assert page.status_code != 500
        assert "quota" in page.text.lower() and "memory" in page.text.lower()
        wait_for(lambda: not platform.pending(alice, "alice"), 30, "the end of the start")
        assert not platform.pods() and not platform.secrets()
    finally:
        platform.cluster.call(cluster.remove(QUOTAS, "office"))
    platform.start(alice, "alice", profile="python")


def test_a_restarted_hub_finds_the_sessions_again(platform: KubePlatform, alice: Browser) -> None:
    platform.start(alice, "alice", profile="python")
    token = alice.token("alice")
    before = alice.call("GET", "users/alice").json()["servers"][""]
    wait_for(lambda: status(platform, token) == 200, 30, "an answer")
    platform.kill_hub()
    assert {status(platform, token) for _ in range(20)} == {200}
    platform.start_hub()
    wait_for(lambda: alice.server_ready("alice"), 30, "alice's session")
    after = alice.call("GET", "users/alice").json()["servers"][""]
    assert after["ready"] and after["started"] == before["started"]
    assert status(platform, token) == 200


def test_a_session_that_died_without_a_hub_is_noticed(
    platform: KubePlatform, alice: Browser
) -> None:
    platform.start(alice, "alice", profile="python")
    platform.kill_hub()
    platform.cluster.call(platform.kubelet.kill_for_memory("session-alice", SESSIONS))
    platform.start_hub()
    wait_for(lambda: not alice.call("GET", "users/alice").json()["servers"], 60, "the notice")
    assert "memory" in alice.get("/hub/home").text.lower()


def test_a_lost_home_is_made_again_and_told(platform: KubePlatform, alice: Browser) -> None:
    platform.start(alice, "alice", profile="python")
    alice.stop_server("alice")
    cluster = platform.cluster.cluster
    claim = cluster.get(CLAIMS, "home-alice", SESSIONS)
    assert claim and not platform.pods()
    platform.cluster.call(cluster.remove(CLAIMS, "home-alice"))
    pod = platform.start(alice, "alice", profile="python")
    again = cluster.get(CLAIMS, "home-alice", SESSIONS)
    assert again and again["metadata"]["uid"] != claim["metadata"]["uid"]
    assert {"name": "NACELLE_HOME_WAS_LOST", "value": "1"} in pod["spec"]["containers"][0]["env"]


def test_an_image_that_is_not_there_is_told_in_words(
    platform: KubePlatform, alice: Browser
) -> None:
    pod = platform.start(alice, "alice", profile="python")
    image = pod["spec"]["containers"][0]["image"]
    alice.stop_server("alice")
    said = f"failed to resolve reference {image}: not found"
    platform.play(lambda: platform.kubelet.bad_images.update({image: said}))
    alice.start_form({"profile": "python"})
    wait_for(lambda: platform.pending(alice, "alice") is None, 90, "the end of the start")
    page = alice.get("/hub/spawn-pending/alice")
    assert page.status_code != 500 and image in page.text
    assert not platform.pods()


def test_a_lost_node_ends_its_sessions_and_is_told(platform: KubePlatform, alice: Browser) -> None:
    cluster = platform.cluster.cluster
    platform.cluster.call(cluster.write(NODES, make_node("node-0")))
    pod = platform.start(alice, "alice", profile="python")
    node = cluster.find(PODS)[0]["spec"]["nodeName"]
    assert pod
    platform.cluster.call(platform.kubelet.lose_node(node))
    wait_for(lambda: not alice.call("GET", "users/alice").json()["servers"], 90, "the notice")
    assert "machine" in alice.get("/hub/home").text.lower()
    platform.cluster.call(cluster.write(NODES, make_node(node)))

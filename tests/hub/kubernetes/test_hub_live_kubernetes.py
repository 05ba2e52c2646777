"""A real hub whose sessions are pods: start, open, give up, quota, restart, a lost home.

Tier: emulator. The hub, the proxy and the sessions' servers are real processes. The API is
emulated; it decides by the hub's rights, quotas and the "restricted" Pod Security Standard. The
same steps run on a real cluster in tests/cluster; that nodes isolate pods is proved there alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kube_live import KubePlatform, kube_platform

from tests.support.kubernetes import steps
from tests.support.kubernetes.kinds import NODES
from tests.support.kubernetes.node import make_node
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlatform]:
    with kube_platform(tmp_path_factory.mktemp("kube")) as running:
        yield running


def test_a_session_starts_computes_and_stops(platform: KubePlatform) -> None:
    steps.start_open_and_stop(platform, "alice", profile="python", size="small")
    secret = platform.hub_log.read_text() + str(platform.cluster.logs)
    with steps.session(platform, "alice", profile="python"):
        tokens = steps.read_tokens(platform.tokens()[0])
        seen = secret + platform.hub_log.read_text() + str(platform.cluster.logs)
        assert not any(token in seen for token in tokens)


def test_a_start_that_hangs_can_be_given_up(platform: KubePlatform) -> None:
    steps.give_up(platform, "alice")


@pytest.mark.drill
def test_a_start_for_which_no_machine_is_there_can_be_given_up(platform: KubePlatform) -> None:
    platform.play(lambda: platform.kubelet.unplaced.update({"session-bob": "0/1 nodes: busy"}))
    with platform.person("bob") as bob:
        asked = bob.call("POST", "users/bob/server", json={"profile": "python"})
        assert asked.status_code == 202
        assert bob.call("DELETE", "users/bob/server").status_code in (202, 204)
        wait_for(lambda: not platform.pods() and not platform.tokens(), 30, "the pod's end")
    platform.play(platform.kubelet.unplaced.clear)


def test_a_full_quota_is_told_in_words(platform: KubePlatform) -> None:
    steps.full_quota_in_words(platform, "alice")
    steps.start_open_and_stop(platform, "alice", profile="python")


def test_a_killed_hub_finds_the_sessions_again(platform: KubePlatform) -> None:
    steps.hub_restart_with_a_live_session(platform, "alice")


def test_a_session_that_was_killed_for_its_memory_is_told_of(platform: KubePlatform) -> None:
    steps.killed_for_memory_in_words(platform, "alice")


@pytest.mark.drill
def test_a_session_that_died_without_a_hub_is_noticed(platform: KubePlatform) -> None:
    with steps.session(platform, "alice", profile="python") as (alice, server):
        platform.kill_hub()
        platform.exhaust_memory("alice", server)
        platform.start_hub()
        wait_for(lambda: not steps.servers(alice), 60, "the notice")
        assert "memory" in alice.get("/hub/home").text.lower()


def test_a_lost_home_is_made_again_and_told(platform: KubePlatform) -> None:
    steps.lost_claim(platform, "alice")


def test_what_nobody_may_choose_is_refused_at_the_door(platform: KubePlatform) -> None:
    steps.refused_by_every_door(platform, "alice", steps.ATTACKS)


@pytest.mark.drill
def test_an_image_that_is_not_there_is_told_in_words(platform: KubePlatform) -> None:
    image = "nacelle/lab:latest"
    said = f"failed to resolve reference {image}: not found"
    platform.play(lambda: platform.kubelet.bad_images.update({image: said}))
    with platform.person("alice") as alice:
        alice.call("POST", "users/alice/server", json={"profile": "python"})
        wait_for(lambda: steps.pending(alice) is None, 90, "the end of the start")
        page = alice.get("/hub/spawn-pending/alice")
        assert page.status_code != 500 and image in page.text
    assert not platform.pods()
    platform.play(lambda: platform.kubelet.bad_images.pop(image) and None)


@pytest.mark.drill
def test_a_lost_node_ends_its_sessions_and_is_told(platform: KubePlatform) -> None:
    platform.served.call(platform.cluster.write(NODES, make_node("node-0")))
    with steps.session(platform, "alice", profile="python") as (alice, _):
        pod = platform.pod("alice")
        assert pod
        node = pod["spec"]["nodeName"]
        platform.served.call(platform.kubelet.lose_node(node))
        wait_for(lambda: not steps.servers(alice), 90, "the notice")
        assert "machine" in alice.get("/hub/home").text.lower()
    platform.served.call(platform.cluster.write(NODES, make_node(node)))

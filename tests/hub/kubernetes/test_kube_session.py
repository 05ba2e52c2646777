"""The start and the end of a session on a cluster: its objects, and what is left of them.

Tier: emulator. It enforces the hub's rights and the Pod Security Standard as it is told, and proves
our requests and our reactions to objects; not admission by a real cluster, nor its scheduling.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from kube_sessions import PROFILES, make_session, make_settings
from kubespawner import KubeSpawner, reflector

from nacelle.cluster import access, rights
from nacelle.environments.profile import Profile
from nacelle.hub.kube_session import KubeSession
from nacelle.hub.refusals import StartFailed
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import (
    ACCOUNTS,
    CLAIMS,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    QUOTAS,
    ROLE_BINDINGS,
    SECRETS,
)
from tests.support.kubernetes.kubelet import Kubelet

SESSIONS = "sessions"


@pytest.fixture
async def cluster(cluster: Emulator) -> Emulator:
    """Where profiles may give people a namespace of their own."""
    await cluster.apply(
        [
            rights.make_role(SESSIONS, access=True),
            rights.make_cluster_role("nacelle-hub", access=True),
            access.make_cluster_role("view"),
            access.make_cluster_role("edit"),
        ]
    )
    return cluster


def session(**wanted: Any) -> KubeSession:
    made = make_session(**wanted)
    made.start_timeout = 30
    return made


def granting(right: str) -> tuple[Profile, ...]:
    return (PROFILES[0].model_copy(update={"cluster_access": right}),)


async def test_a_session_starts_and_stops_and_leaves_its_home_alone(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    one = session()
    address = await one.start()
    assert address.startswith("http://127.") and address.endswith(":8888")
    assert await one.poll() is None
    assert cluster.get(SECRETS, "session-ada")
    await one.stop()
    assert await one.poll() is not None
    assert [cluster.find(kind, SESSIONS) for kind in (PODS, SECRETS)] == [[], []]
    assert cluster.get(CLAIMS, "home-ada")


async def test_a_home_outlives_its_person_s_removal_from_the_hub(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """As hub_config/LOGIN.md says; a name that is given again is an administrator's care."""
    one = session()
    await one.start()
    await one.stop()
    await one.delete_forever()
    assert cluster.get(CLAIMS, "home-ada")


async def test_a_secret_left_by_another_start_is_replaced(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    one = session()
    left = one.make_tokens()
    left["stringData"] = {"session.json": "{}"}
    await cluster.write(SECRETS, left)
    await one.start()
    found = cluster.get(SECRETS, "session-ada")
    assert found and found != left


async def test_a_pod_left_by_another_hub_takes_no_tokens_with_it(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """A hub that lost its state knows of no session; kubespawner stops the pod that is in its way.
    The new one would wait for the Secret until the start's end."""
    await session().start()
    left = cluster.get(SECRETS, "session-ada")
    await session().start()
    found = cluster.get(SECRETS, "session-ada")
    assert found and found != left


@pytest.mark.parametrize("how", ["killed", "deleted"])
async def test_tokens_go_with_a_session_that_ends_by_itself(
    cluster: Emulator, kubelet: Kubelet, how: str
) -> None:
    """Case 4."""
    one = session()
    await one.start()
    if how == "killed":
        await kubelet.kill_for_memory("session-ada")
    else:
        await cluster.remove(PODS, "session-ada", SESSIONS)
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert [cluster.find(kind, SESSIONS) for kind in (PODS, SECRETS)] == [[], []]


async def test_a_cluster_that_cannot_be_reached_is_told(nowhere: None) -> None:
    """Case 7: also when what was begun cannot be taken back."""
    one = session()
    with pytest.raises(StartFailed) as failed:
        await one.start()
    assert failed.value.reason == "api"
    # Whoever cannot look ends no session.
    assert await one.poll() is None
    await KubeSpawner._stop_all_reflectors()


async def test_a_watch_that_could_not_begin_begins_later(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 8."""
    cluster.refusing["list", PODS] = (503, "not yet")
    with pytest.raises(StartFailed):
        await session().start()
    del cluster.refusing["list", PODS]
    await session().start()


async def test_a_watch_that_gave_up_is_begun_again(
    cluster: Emulator, kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: kubespawner's gives up after 51 s, which pass at once here."""
    one = session()
    await one.start()
    old = one.pod_reflector
    hurried = SimpleNamespace(**{**vars(asyncio), "sleep": lambda seconds: asyncio.sleep(0)})
    monkeypatch.setattr(reflector, "asyncio", hurried)
    cluster.refusing["list", PODS] = (503, "away")
    await cluster.cut()
    async with asyncio.timeout(10):
        await old.watch_task
    assert await one.poll() is None
    del cluster.refusing["list", PODS]
    await kubelet.kill_for_memory("session-ada")
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert one.ended() is not None
    await session().start()


async def test_giving_up_leaves_nothing(cluster: Emulator, kubelet: Kubelet) -> None:
    kubelet.unplaced["session-ada"] = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    one = session()
    starting = one.start()
    async with cluster.news:
        await cluster.news.wait_for(lambda: cluster.get(PODS, "session-ada") is not None)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert [cluster.find(kind, SESSIONS) for kind in (PODS, SECRETS)] == [[], []]


async def test_a_pod_that_dies_at_once_is_not_waited_for(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 7."""
    kubelet.unstarted.add("session-ada")
    one = session()
    starting = one.start()
    async with cluster.news:
        await cluster.news.wait_for(lambda: cluster.get(PODS, "session-ada") is not None)
    dead = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource."}
    await cluster.change(PODS, "session-ada", SESSIONS, status=dead)
    with pytest.raises(StartFailed):
        await asyncio.wait_for(starting, 10)
    assert cluster.find(PODS, SESSIONS) == []


async def test_a_slow_start_ends_in_words_before_the_hub_s_own_limit(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 7."""
    kubelet.unstarted.add("session-ada")
    one = session()
    one.start_timeout = 2
    with pytest.raises(StartFailed) as failed:
        await asyncio.wait_for(one.start(), 2)
    assert failed.value.jupyterhub_message
    assert cluster.find(PODS, SESSIONS) == []


async def test_a_claim_that_is_gone_is_made_again_and_told(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 6."""
    one = session()
    await one.start()
    state = one.get_state()
    await one.stop()
    await cluster.remove(CLAIMS, "home-ada", SESSIONS)

    again = session()
    again.load_state(state)
    await again.start()
    assert cluster.get(CLAIMS, "home-ada")
    pod = cluster.get(PODS, "session-ada")
    assert pod
    env = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    assert env["NACELLE_HOME_WAS_LOST"] == "1"
    told = again.progress()
    async with asyncio.timeout(10):
        while "home volume was gone" not in str((await anext(told))["message"]):
            pass
    await told.aclose()
    await again.stop()

    third = session()
    third.load_state(again.get_state())
    await third.start()
    pod = cluster.get(PODS, "session-ada")
    assert pod
    assert "NACELLE_HOME_WAS_LOST" not in str(pod)


async def test_a_lost_home_is_told_by_the_first_session_that_comes_up(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 6."""
    one = session()
    await one.start()
    state = one.get_state()
    await one.stop()
    await cluster.remove(CLAIMS, "home-ada", SESSIONS)
    slow = session()
    slow.load_state(state)
    slow.start_timeout = 2
    kubelet.unstarted.add("session-ada")
    with pytest.raises(StartFailed):
        await slow.start()
    slow.clear_state()
    kubelet.unstarted.clear()

    again = session()
    again.load_state(slow.get_state())
    await again.start()
    assert "NACELLE_HOME_WAS_LOST" in str(cluster.get(PODS, "session-ada"))
    assert "home_was_lost" not in again.get_state()


async def test_an_evicted_pod_is_seen_and_removed(cluster: Emulator, kubelet: Kubelet) -> None:
    one = session()
    await one.start()
    await kubelet.evict("session-ada", "The node was low on resource: memory.")
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert cluster.find(PODS, SESSIONS) == []


@pytest.mark.parametrize("right", ["view", "edit"])
async def test_access_is_to_a_namespace_of_one_s_own_behind_walls(
    cluster: Emulator, kubelet: Kubelet, right: access.Right
) -> None:
    """Case 3: with the rights that the hub has, and no more."""
    one = session(profiles=granting(right))
    await one.start()
    own = "nacelle-user-ada"
    found = cluster.get(NAMESPACES, own)
    assert found
    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert cluster.get(ACCOUNTS, "session-ada", SESSIONS)
    (binding,) = cluster.find(ROLE_BINDINGS, own)
    assert binding["roleRef"]["name"] == f"nacelle-session-{right}"
    assert len(cluster.find(NETWORK_POLICIES, own)) == len(cluster.find(QUOTAS, own)) == 1
    pod = cluster.get(PODS, "session-ada")
    assert pod
    assert pod["spec"]["serviceAccountName"] == "session-ada"
    env = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    assert env["KUBERNETES_NAMESPACE"] == own


async def test_a_namespace_of_that_name_which_is_another_s_is_not_given(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    cluster.add_namespace("nacelle-user-ada")
    with pytest.raises(StartFailed, match="is not yours"):
        await session(profiles=granting("edit")).start()
    assert cluster.find(ROLE_BINDINGS, "nacelle-user-ada") == []
    assert cluster.find(PODS, SESSIONS) == []


async def test_less_access_than_before_is_less(cluster: Emulator, kubelet: Kubelet) -> None:
    for right in ("edit", "view"):
        one = session(profiles=granting(right))
        await one.start()
        await one.stop()
    (binding,) = cluster.find(ROLE_BINDINGS, "nacelle-user-ada")
    assert binding["roleRef"]["name"] == "nacelle-session-view"


async def test_without_access_nothing_of_the_kind_is_made(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    await session().start()
    assert cluster.get(NAMESPACES, "nacelle-user-ada") is None
    assert cluster.get(ACCOUNTS, "session-ada", SESSIONS) is None


async def test_an_installation_without_such_profiles_lacks_the_rights_for_it(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    await cluster.apply([rights.make_role(SESSIONS), rights.make_cluster_role("nacelle-hub")])
    with pytest.raises(StartFailed):
        await session(profiles=granting("edit")).start()
    assert cluster.find(PODS, SESSIONS) == []
    await session(settings=make_settings()).start()

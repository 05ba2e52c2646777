from __future__ import annotations
import asyncio
from typing import Any
import pytest
from kube_sessions import PROFILES, make_session
from kubernetes_asyncio.client import ApiClient
from nacelle.hub.refusals import StartFailed
from nacelle.hub.kube_session import KubeSession
from tests.support.kubernetes.kinds import PODS, SECRETS, CLAIMS

SESSIONS = "sessions"

def session(**wanted: Any) -> KubeSession:
    made = make_session(**wanted)
    made.start_timeout = 15
    return made

async def test_left_pod(cluster, kubelet) -> None:
    first = session()
    await first.start()
    again = session()
    await again.start()
    print("SECRETS", [s["metadata"]["name"] for s in cluster.find(SECRETS, SESSIONS)])
    assert cluster.get(SECRETS, "session-ada")

async def test_dead_secret(cluster, kubelet) -> None:
    one = session()
    await one.start()
    await kubelet.kill_for_memory("session-ada")
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert cluster.find(SECRETS, SESSIONS) == []

async def test_gone_secret(cluster, kubelet) -> None:
    one = session()
    await one.start()
    await cluster.remove(PODS, "session-ada", SESSIONS)
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert cluster.find(SECRETS, SESSIONS) == []

async def test_api_away(nowhere) -> None:
    one = session()
    with pytest.raises(StartFailed):
        await one.start()

async def test_lost_told_after_failed(cluster, kubelet) -> None:
    one = session()
    await one.start()
    state = one.get_state()
    await one.stop()
    await cluster.remove(CLAIMS, "home-ada", SESSIONS)
    again = session()
    again.load_state(state)
    again.start_timeout = 2
    kubelet.unstarted.add("session-ada")
    with pytest.raises(StartFailed):
        await again.start()
    again.clear_state()
    state = again.get_state()
    kubelet.unstarted.clear()
    third = session()
    third.load_state(state)
    await third.start()
    assert "NACELLE_HOME_WAS_LOST" in str(cluster.get(PODS, "session-ada"))

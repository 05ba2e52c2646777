"""The later of the numbered cases of nacelle.hub.kube_telling: the end, and where nothing is known.

Tier: emulator.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kube_sessions import make_session

from nacelle.cluster import rights
from nacelle.hub.kube_look import Look, Looker
from nacelle.hub.kube_session import KubeSession
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import NODES, PODS, QUOTAS
from tests.support.kubernetes.kubelet import Kubelet

SESSIONS = "sessions"


def session(**wanted: Any) -> KubeSession:
    made = make_session(**wanted)
    made.start_timeout = 30
    made.looker = Looker()
    return made


async def test_case_5_the_end_is_kept_until_another_start(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    one = session()
    await one.start()
    await kubelet.kill_for_memory("session-ada")
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    one.clear_state()
    state = one.get_state()

    after = session()
    after.load_state(state)
    ended = after.ended()
    assert ended is not None
    assert ended.en.startswith("The session used more memory than its size gives (4 GB)")
    assert ended.fr.startswith("La session a pris plus de mémoire que sa taille n'en donne (4 Go)")
    assert after.ended_at is not None
    # Being asked again says nothing else.
    after.remember_end(None)
    assert after.ended() == ended
    await after.start()
    assert after.ended() is None
    assert "ended" not in after.get_state()


async def test_case_5_a_pod_that_was_deleted(cluster: Emulator, kubelet: Kubelet) -> None:
    one = session()
    await one.start()
    assert await one.poll() is None
    await cluster.remove(PODS, "session-ada", SESSIONS)
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    ended = one.ended()
    assert ended is not None
    assert "removed from the cluster" in ended.en


async def test_case_6_stopped_by_its_person(cluster: Emulator, kubelet: Kubelet) -> None:
    one = session()
    await one.start()
    await one.poll()
    await one.stop()
    assert one.ended() is None


async def test_case_6_closed_from_inside(cluster: Emulator, kubelet: Kubelet) -> None:
    one = session()
    await one.start()
    await kubelet.end("session-ada", 0)
    async with asyncio.timeout(10):
        while await one.poll() is None:
            await asyncio.sleep(0.05)
    assert one.ended() is None


async def test_case_7_without_the_right_to_look(cluster: Emulator, kubelet: Kubelet) -> None:
    role = rights.make_role(SESSIONS)
    role["rules"] = [one for one in role["rules"] if "resourcequotas" not in one["resources"]]
    empty = {**rights.make_cluster_role("nacelle-hub"), "rules": []}
    await cluster.apply([role, empty])
    one = session(options={"profile": "python-gpu"})
    await one.get_options_form()
    assert one._look == Look(None, None)
    assert one.left() is None
    await one.before_start()


async def test_case_7_an_api_that_fails_refuses_nobody(cluster: Emulator, kubelet: Kubelet) -> None:
    for kind in (QUOTAS, NODES):
        cluster.refusing["list", kind] = (500, "no")
    one = session()
    await one.before_start()
    assert await one.looker.look(one.api, SESSIONS) == Look(None, None)


async def test_a_class_that_starts_looks_once(cluster: Emulator, kubelet: Kubelet) -> None:
    clock = Clock()
    looker, one = Looker(clock), session()
    await asyncio.gather(*(looker.look(one.api, SESSIONS) for _ in range(50)))
    looks = [(verb, kind) for verb, kind, _ in cluster.asked if kind in (QUOTAS, NODES)]
    assert sorted(looks) == [("list", NODES), ("list", QUOTAS)]
    clock.now = 5
    await looker.look(one.api, SESSIONS)
    await looker.look(one.api, SESSIONS, anew=True)
    looks = [(verb, kind) for verb, kind, _ in cluster.asked if kind in (QUOTAS, NODES)]
    assert looks.count(("list", QUOTAS)) == 3
    assert looks.count(("list", NODES)) == 1


async def test_nothing_is_told_where_nothing_is_known(nowhere: None) -> None:
    one = session()
    assert one.left() is None
    assert one.ended() is None
    assert one.ended_at is None
    assert one.hopeless(None) is None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

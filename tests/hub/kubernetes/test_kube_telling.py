"""The numbered cases of nacelle.hub.kube_telling up to the start; the later ones are in
test_kube_telling_end.

Tier: emulator. The API's refusals are the emulator's, worded as the API server's; the scheduler's
and the node's sentences are played.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import ClientConnectionError
from kube_sessions import make_session, make_settings
from kubernetes_asyncio.client import ApiException

from nacelle.hub.kube_look import Look, Looker
from nacelle.hub.kube_session import KubeSession
from nacelle.hub.refusals import StartFailed
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import CLAIMS, NODES, PODS, QUOTAS, SECRETS
from tests.support.kubernetes.kubelet import Idle, Kubelet
from tests.support.kubernetes.node import make_container_status, make_node

SESSIONS = "sessions"
NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are"


def session(**wanted: Any) -> KubeSession:
    made = make_session(**wanted)
    made.start_timeout = 30
    made.looker = Looker()
    return made


async def fill(cluster: Emulator, **hard: str) -> None:
    named = {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}
    await cluster.write(QUOTAS, {"metadata": {"name": "office"}, "spec": {"hard": named}})


async def refused(one: KubeSession) -> StartFailed:
    with pytest.raises(StartFailed) as failed:
        await asyncio.wait_for(one.start(), 20)
    return failed.value


async def test_case_1_a_quota_that_leaves_too_little(cluster: Emulator, kubelet: Kubelet) -> None:
    await fill(cluster, limits_memory="6Gi", pods="10")
    await session(user="bob").start()
    failed = await refused(session())
    assert failed.jupyterhub_message == (
        "The quota of the sessions leaves too little (memory: 4 GB needed, 2 GB of 6 GB left)."
        " Choose a smaller size, or try again when another session has ended."
    )
    assert (failed.reason, failed.status_code) == ("quota", 429)
    assert [one["metadata"]["name"] for one in cluster.find(PODS, SESSIONS)] == ["session-bob"]
    assert cluster.get(CLAIMS, "home-ada") is None


async def test_case_1_no_such_machine(cluster: Emulator, kubelet: Kubelet) -> None:
    failed = await refused(session(options={"profile": "python-gpu"}))
    assert "no machine with a GPU" in failed.jupyterhub_message
    assert (failed.reason, cluster.find(PODS, SESSIONS)) == ("no-gpu", [])
    await cluster.write(NODES, make_node("gpu", gpus=1))
    await session(options={"profile": "python-gpu"}).start()


async def test_where_machines_come_on_demand_a_missing_one_refuses_nobody(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    """Case 1."""
    one = session(options={"profile": "python-gpu"}, settings=make_settings(grows=True))
    starting = one.start()
    async with cluster.news:
        await cluster.news.wait_for(lambda: cluster.get(PODS, "session-ada") is not None)
    await cluster.write(NODES, make_node("gpu", gpus=1))
    assert await asyncio.wait_for(starting, 20)


async def test_case_1_room_that_was_just_made_counts(cluster: Emulator, kubelet: Kubelet) -> None:
    await fill(cluster, pods="1")
    first, second = session(user="bob"), session()
    second.looker = first.looker
    await first.start()
    # What is kept says that the one place is taken.
    await second.get_options_form()
    await first.stop()
    await second.start()


async def test_case_2_cards(cluster: Emulator, kubelet: Kubelet) -> None:
    await fill(cluster, limits_memory="10Gi", limits_cpu="40", requests_nvidia_com__gpu="1")
    one = session()
    plain = one.cards()
    assert not any(choice.get("short") for choice in plain[0]["options"][0]["choices"])
    assert one.left() is None
    await one.get_options_form()
    left = one.left()
    assert left is not None
    assert left.en == "Left for new sessions: 40 cores, 10 GB of memory, 1 GPU."
    cards = {card["name"]: card for card in one.cards()}
    sizes = cards["python"]["options"][0]["choices"]
    reasons = {choice["key"]: choice["reason"] for choice in sizes}
    assert reasons["small"] is reasons["medium"] is None
    assert "memory: 32 GB needed, the whole quota is 10 GB" in reasons["large"].en
    assert sizes[2]["short"].fr == "pas maintenant"
    # Another option is not blamed for a size.
    assert not any(choice["reason"] for choice in cards["python"]["options"][1]["choices"])
    assert cards["python"]["reason"] is None
    assert cards["python"]["checked"]
    assert "no machine with a GPU" in cards["python-gpu"]["reason"].en


async def test_case_2_nothing_fits(cluster: Emulator, kubelet: Kubelet) -> None:
    await fill(cluster, pods="0")
    one = session()
    await one.get_options_form()
    assert all(card["reason"] and not card["checked"] for card in one.cards())


async def test_case_2_the_first_that_fits_is_on(cluster: Emulator, kubelet: Kubelet) -> None:
    one = session(options={"profile": "python-gpu"})
    assert [card["name"] for card in one.cards() if card["checked"]] == ["python-gpu"]
    await one.get_options_form()
    assert [card["name"] for card in one.cards() if card["checked"]] == ["python"]


async def test_case_3_events(cluster: Emulator, kubelet: Kubelet) -> None:
    kubelet.unplaced["session-ada"] = NO_GPU
    one = session()
    starting = one.start()
    told = one.progress()
    heard = [await anext(told)]
    async with asyncio.timeout(20):
        while "no GPU is free" not in heard[-1]["message"]:
            heard.append(await anext(told))
        kubelet.unplaced.clear()
        await cluster.wake()
        while heard[-1]["message"] != "The session is starting.":
            heard.append(await anext(told))
        await starting
    await told.aclose()
    assert [event["message"] for event in heard] == [
        "Asking the cluster for a place.",
        "Waiting: no GPU is free now. You can wait for one, or give up and choose an environment"
        " without.",
        "A machine is found.",
        "Fetching the image nacelle/lab:latest. The first time on a machine this takes some"
        " minutes.",
        "The image is here.",
        "The session is made.",
        "The session is starting.",
    ]
    assert [event["progress"] for event in heard] == [5, 15, 30, 50, 70, 75, 80]
    assert heard[-1]["fr"] == "La session démarre."
    assert all(event["fr"] for event in heard)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("x: not found", "does not exist. Check its name"),
        ("pull access denied", "may not fetch it"),
    ],
)
async def test_case_4_an_image_that_cannot_be_had_is_told_at_once(
    cluster: Emulator, kubelet: Kubelet, said: str, words: str
) -> None:
    kubelet.bad_images["nacelle/lab:latest"] = said
    failed = await refused(session())
    assert words in failed.jupyterhub_message
    assert (failed.reason, failed.status_code) == ("image", 409)
    assert cluster.find(PODS, SESSIONS) == cluster.find(SECRETS, SESSIONS) == []


async def test_case_4_a_registry_that_does_not_answer_is_waited_for(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    kubelet.bad_images["nacelle/lab:latest"] = "dial tcp: i/o timeout"
    one = session()
    one.start_timeout = 3
    failed = await refused(one)
    assert "could not be fetched in time" in failed.jupyterhub_message
    assert failed.status_code == 504


async def test_case_4_no_machine_in_time(cluster: Emulator, kubelet: Kubelet) -> None:
    kubelet.unplaced["session-ada"] = NO_GPU
    one = session()
    one.start_timeout = 3
    failed = await refused(one)
    assert failed.jupyterhub_message.startswith("No GPU of the cluster is free.")
    assert cluster.find(PODS, SESSIONS) == []


async def test_case_4_killed_for_memory_while_it_starts(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    kubelet.unstarted.add("session-ada")
    one = session()
    starting = one.start()
    async with asyncio.timeout(10):
        while not cluster.get(PODS, "session-ada"):
            await asyncio.sleep(0.05)
    pod = cluster.get(PODS, "session-ada")
    assert pod
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    status = {"phase": "Failed", "containerStatuses": [make_container_status(pod, ended)]}
    await cluster.change(PODS, "session-ada", SESSIONS, status=status)
    with pytest.raises(StartFailed, match="more memory than its size gives \\(4 GB\\)"):
        await asyncio.wait_for(starting, 10)


async def test_case_4_a_session_that_never_answers(cluster: Emulator, kubelet: Kubelet) -> None:
    kubelet.runtime = Deaf()
    one = session()
    one.start_timeout = 3
    failed = await refused(one)
    assert (failed.reason, failed.status_code) == ("silent", 504)
    assert cluster.find(PODS, SESSIONS) == []


async def test_case_4_a_session_that_ends_before_it_answers(
    cluster: Emulator, kubelet: Kubelet
) -> None:
    kubelet.runtime = Deaf()
    one = session()
    starting = one.start()
    async with asyncio.timeout(10):
        while not is_running(cluster):
            await asyncio.sleep(0.05)
    await kubelet.end("session-ada", 3)
    with pytest.raises(StartFailed, match="exit code 3"):
        await asyncio.wait_for(starting, 10)


def is_running(cluster: Emulator) -> bool:
    pod = cluster.get(PODS, "session-ada")
    return bool(pod and pod["status"].get("phase") == "Running")


async def test_case_4_a_quota_that_filled_up_meanwhile(cluster: Emulator, kubelet: Kubelet) -> None:
    await fill(cluster, pods="0")
    one = session()
    one.looker = Blind()
    failed = await refused(one)
    assert "all 0 places are taken" in failed.jupyterhub_message
    assert (failed.reason, failed.status_code) == ("quota", 429)


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest": no', "security"),
        (403, "pods is forbidden: User cannot create resource", "rights"),
        (500, "etcdserver: request timed out", "api"),
    ],
)
async def test_case_4_refusals_of_the_api(
    cluster: Emulator, kubelet: Kubelet, status: int, message: str, reason: str
) -> None:
    cluster.refusing["create", PODS] = (status, message)
    failed = await refused(session())
    assert failed.reason == reason
    assert message not in failed.jupyterhub_message
    assert cluster.find(SECRETS, SESSIONS) == []


async def test_case_4_whatever_else(nowhere: None, caplog: pytest.LogCaptureFixture) -> None:
    one = session()
    one.log = logging.getLogger("test.telling")
    away = one.explain_start(ClientConnectionError("refused"))
    assert (away.reason, away.status_code) == ("api", 503)
    # A proxy of the office between the hub and the cluster writes no JSON.
    assert one.explain_start(ApiException(502, "Bad Gateway")).reason == "api"
    failed = one.explain_start(KeyError("x"))
    assert failed.reason == "platform"
    assert "tell an administrator" in failed.jupyterhub_message
    assert "KeyError" in caplog.text
    assert one.explain_start(failed) is failed


class Deaf(Idle):
    """Containers whose ports take no connection."""

    async def start(self, pod: Any, address: str) -> None:
        await super().start({**pod, "spec": {"containers": [{}]}}, address)


class Blind(Looker):
    """Sees nothing, as a hub whose look was a moment too early."""

    async def look(self, api: Any, namespace: str, anew: bool = False) -> Look:
        return Look()

"""A class of 300 starts within one minute on a cluster; and what we add to a start of kubespawner.

The hub, its proxy and the requests are real; the cluster is emulated, its pods are ready after
START_SECONDS and answer as a session does. What a real cluster takes is not in it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import scratch
from nacelle.cluster import rights
from tests.hub.hubrig import ROOT, Browser, Platform
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import Object
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.rbac import Account
from tests.support.kubernetes.serving import served, write_kubeconfig
from tests.support.waiting import free_base

PEOPLE, WITHIN = 300, 60.0
START_SECONDS = 5.0
ROUNDS = 10
OPTIONS: dict[str, Any] = {"profile": "python"}
ANSWER_SECONDS, MEMORY_MB, SHARE_SECONDS = 1.0, 600, 0.5
_SESSIONS, _PLATFORM, _TOKEN = "sessions", "platform", "token-of-the-hub-s-account"
_PATIENCE = 120.0
# Ours, with kubespawner as it is.
_BARE = """
load_subconfig({config!r})
c.JupyterHub.template_paths = []
c.JupyterHub.default_url = "/hub/home"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.update(
    namespace="sessions",
    image="nacelle/lab:latest",
    pod_name_template="session-{{user_server}}",
    hub_connect_url={hub!r},
    storage_pvc_ensure=True,
    pvc_name_template="home-{{username}}",
    storage_capacity="10Gi",
)
c.KubeSpawner.pod_security_context = {{
    "runAsNonRoot": True, "seccompProfile": {{"type": "RuntimeDefault"}}
}}
c.KubeSpawner.container_security_context = {{
    "allowPrivilegeEscalation": False, "capabilities": {{"drop": ["ALL"]}}
}}
"""


def run(report: Report) -> Iterable[Figure]:
    """The class first, then ROUNDS starts of each spawner in turns."""
    with scratch() as folder, _hub(folder, PEOPLE, START_SECONDS) as hub:
        report(f"{PEOPLE} people start within {WITHIN:.0f} s")
        found = asyncio.run(_class(hub))
    report(f"{found.served} served, slowest answer {max(found.answers):.2f} s")
    ours, bare = [], []
    with (
        scratch() as one,
        scratch() as other,
        _hub(one, ROUNDS, 0.0) as hub,
        _hub(other, ROUNDS, 0.0, bare=True) as plain,
    ):
        for number in range(ROUNDS):
            ours.append(_seconds(hub, number))
            bare.append(_seconds(plain, number))
            report(f"start {number + 1} of {ROUNDS}: {ours[-1]:.2f} s, bare {bare[-1]:.2f} s")
    return [*_figures(found), _share(ours, bare)]


class Class:
    """What a class saw."""

    def __init__(self) -> None:
        self.served = 0
        self.answers: list[float] = []
        self.starts: list[float] = []
        self.refusals: list[str] = []
        self.memory = 0.0


class Answering:
    """Containers that answer the hub as a session's server does."""

    def __init__(self) -> None:
        self._servers: dict[str, asyncio.Server] = {}
        self._over: dict[str, asyncio.Event] = {}

    async def start(self, pod: Object, address: str) -> None:
        uid = pod["metadata"]["uid"]
        self._over[uid] = asyncio.Event()
        self._servers[uid] = await asyncio.start_server(_answer, address, 8888)

    async def wait(self, pod: Object) -> int:
        await self._over[pod["metadata"]["uid"]].wait()
        return 143

    async def stop(self, pod: Object) -> None:
        if server := self._servers.pop(pod["metadata"]["uid"], None):
            server.close()
            self._over[pod["metadata"]["uid"]].set()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        head = "HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Type: application/json"
        writer.write(f"{head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


class Hub:
    """A hub with people, and the token of its administrator."""

    def __init__(self, platform: Platform, people: list[str], options: dict[str, Any]) -> None:
        self.platform = platform
        self.people = people
        self.options = options
        browser: Browser = platform.browser("admin")
        self.headers = {"Authorization": f"token {browser.token('admin')}"}

    def memory(self) -> float:
        """Megabytes of the hub's process."""
        assert self.platform.hub is not None
        return float(psutil.Process(self.platform.hub.pid).memory_info().rss) / 2**20


@contextmanager
def _hub(folder: Path, people: int, start_seconds: float, bare: bool = False) -> Iterator[Hub]:
    names = [f"person{number}" for number in range(people)]

    def make() -> Emulator:
        made = Emulator(_SESSIONS, restricted=(_SESSIONS, _PLATFORM))
        made.accounts[_TOKEN] = Account(rights.NAME, _PLATFORM)
        return made

    manifests = [
        rights.make_service_account(_PLATFORM),
        rights.make_role(_SESSIONS),
        rights.make_role_binding(_SESSIONS, _PLATFORM),
        rights.make_cluster_role("nacelle"),
        rights.make_cluster_role_binding("nacelle", _PLATFORM),
    ]
    with served(make, lambda emulator: Kubelet(emulator, Answering(), start_seconds)) as cluster:
        cluster.call(cluster.cluster.apply(manifests))
        port = free_base()
        platform = Platform(
            folder,
            port,
            users=[{"name": "admin", "admin": True}, *({"name": name} for name in names)],
            sessions={"engine": "kubernetes", "start_timeout": 120, "start_limit": PEOPLE},
            cluster={"namespace": _SESSIONS, "hub_url": f"http://127.0.0.1:{port}"},
        )
        file = write_kubeconfig(folder / "kubeconfig", cluster.url, _TOKEN)
        platform.environment["KUBECONFIG"] = str(file)
        if bare:
            platform.config = _bare_config(folder, platform)
        # The pods go with the cluster.
        platform.stop_sessions = lambda: None  # type: ignore[method-assign]
        with platform:
            yield Hub(platform, names, {} if bare else OPTIONS)


def _bare_config(folder: Path, platform: Platform) -> Path:
    ours = ROOT / "hub_config" / "jupyterhub_config.py"
    file = folder / "bare_config.py"
    file.write_text(_BARE.format(config=str(ours), hub=platform.url))
    return file


async def _class(hub: Hub) -> Class:
    found = Class()
    limits = httpx.Limits(max_connections=2 * PEOPLE)
    async with httpx.AsyncClient(
        base_url=hub.platform.url, headers=hub.headers, timeout=_PATIENCE, limits=limits
    ) as client:
        over = asyncio.Event()
        asking = asyncio.create_task(_ask(client, over, found, hub))
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, name in enumerate(hub.people):
                group.create_task(_start(client, name, began + number * WITHIN / PEOPLE, found))
        over.set()
        await asking
    return found


async def _start(client: httpx.AsyncClient, name: str, at: float, found: Class) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))
    began = time.monotonic()
    answer = await client.post(f"/hub/api/users/{name}/server", json=OPTIONS)
    if answer.status_code not in (201, 202):
        found.refusals.append(answer.text[:200])
    elif answer.status_code == 201 or await _is_ready(client, name, found):
        found.served += 1
        found.starts.append(time.monotonic() - began)


async def _is_ready(client: httpx.AsyncClient, name: str, found: Class) -> bool:
    """Follow a start as the pending page does; whether it came to a session."""
    path = f"/hub/api/users/{name}/server/progress"
    async with client.stream("GET", path) as answer:
        async for line in answer.aiter_lines():
            event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
            if event.get("ready"):
                return True
            if event.get("failed"):
                found.refusals.append(str(event.get("message"))[:200])
                return False
    return False


async def _ask(client: httpx.AsyncClient, over: asyncio.Event, found: Class, hub: Hub) -> None:
    """What others see of the hub meanwhile: the login page and their own state, in turns."""
    while not over.is_set():
        for path in ("/hub/login", "/hub/api/user"):
            await _timed(client, path, found)
            await asyncio.sleep(0.1)
        found.memory = max(found.memory, hub.memory())


async def _timed(client: httpx.AsyncClient, path: str, found: Class) -> None:
    began = time.monotonic()
    (await client.get(path)).raise_for_status()
    found.answers.append(time.monotonic() - began)


def _seconds(hub: Hub, number: int) -> float:
    """From the request until the session is ready."""
    with httpx.Client(base_url=hub.platform.url, headers=hub.headers, timeout=60) as client:
        began = time.monotonic()
        answer = client.post(f"/hub/api/users/{hub.people[number]}/server", json=hub.options)
        if answer.status_code != httpx.codes.CREATED:
            raise RuntimeError(f"no session: {answer.status_code} {answer.text}")
        return time.monotonic() - began


def percentile(values: list[float], part: float) -> float:
    """The value that a part of the values does not exceed (nearest rank)."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def _figures(found: Class) -> list[Figure]:
    why = "; ".join(sorted(set(found.refusals)))[:300]
    slowest = f"slowest {max(found.answers):.2f} s of {len(found.answers)}"
    starts = f"median start {median(found.starts):.1f} s" if found.starts else "no start"
    return [
        Figure(
            "hub300.served",
            found.served / PEOPLE,
            "of those who asked",
            f"{PEOPLE} within {WITHIN:.0f} s, pods ready after {START_SECONDS:.0f} s",
            Goal(">=", 1.0),
            f"{starts}; emulated cluster {why}".strip(),
        ),
        Figure(
            "hub300.answers",
            percentile(found.answers, 0.95) / ANSWER_SECONDS,
            "of limit",
            f"limit {ANSWER_SECONDS:.0f} s (p95 {percentile(found.answers, 0.95):.2f} s)",
            Goal("<=", 1.0),
            f"login page and one's own state, asked while they start; {slowest}",
        ),
        Figure(
            "hub300.memory",
            found.memory / MEMORY_MB,
            "of limit",
            f"limit {MEMORY_MB} MB (RSS of the hub {found.memory:.0f} MB)",
            Goal("<=", 1.0),
        ),
    ]


def _share(ours: list[float], bare: list[float]) -> Figure:
    mine, theirs = median(ours), median(bare)
    return Figure(
        "hub300.share",
        mine - theirs,
        "s over bare",
        f"kubespawner as it is {theirs:.2f} s (with ours {mine:.2f} s)",
        Goal("<=", SHARE_SECONDS),
        "medians of starts in turns on an emulated cluster whose pods are ready at once",
    )

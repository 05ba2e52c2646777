"""A real hub over an emulated cluster whose pods are local processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubrig import Browser, Platform

from nacelle.cluster import rights
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import PODS, SECRETS, Object
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.processes import Processes
from tests.support.kubernetes.rbac import Account
from tests.support.kubernetes.serving import Served, served, write_kubeconfig
from tests.support.waiting import free_base, wait_for

SESSIONS, PLATFORM = "sessions", "platform"
HUB_TOKEN = "token-of-the-hub-s-account"


class KubePlatform(Platform):
    """The hub and its proxy, with sessions on the cluster."""

    def __init__(self, folder: Path, cluster: Served, kubelet: Kubelet, **overrides: Any) -> None:
        port = free_base()
        settings = {
            "sessions": {"engine": "kubernetes", "start_timeout": 60},
            "cluster": {"namespace": SESSIONS, "hub_url": f"http://127.0.0.1:{port}"},
        }
        super().__init__(folder, port, **settings | overrides)
        self.cluster = cluster
        self.kubelet = kubelet
        file = write_kubeconfig(folder / "kubeconfig", cluster.url, HUB_TOKEN)
        self.environment["KUBECONFIG"] = str(file)

    def pods(self) -> list[Object]:
        return self.cluster.cluster.find(PODS, SESSIONS)

    def pod(self, name: str) -> Object | None:
        """The pod of somebody's session."""
        return self.cluster.cluster.get(PODS, f"session-{name}", SESSIONS)

    def secrets(self) -> list[str]:
        return [one["metadata"]["name"] for one in self.cluster.cluster.find(SECRETS, SESSIONS)]

    def play(self, doing: Callable[[], None]) -> None:
        """Change what the kubelet goes by, in its thread."""

        async def work() -> None:
            doing()
            await self.cluster.cluster.wake()

        self.cluster.call(work())

    def start(self, browser: Browser, name: str, **options: str) -> Object:
        """Start somebody's session and wait for it."""
        asked = browser.call("POST", f"users/{name}/server", json=options)
        assert asked.status_code in (201, 202), asked.text
        wait_for(lambda: browser.server_ready(name), 60, f"{name}'s session")
        pod = self.pod(name)
        assert pod
        return pod

    def pending(self, browser: Browser, name: str) -> str | None:
        found: str | None = browser.call("GET", f"users/{name}").json()["pending"]
        return found


@contextmanager
def kube_platform(folder: Path, **overrides: Any) -> Iterator[KubePlatform]:
    """A cluster that enforces the hub's rights and the Pod Security Standard, and the hub on it."""
    kubelets: list[Kubelet] = []

    def make() -> Emulator:
        made = Emulator(SESSIONS, restricted=(SESSIONS, PLATFORM))
        made.accounts[HUB_TOKEN] = Account(rights.NAME, PLATFORM)
        return made

    def beside(emulator: Emulator) -> Kubelet:
        kubelets.append(Kubelet(emulator, Processes(emulator, folder / "volumes")))
        return kubelets[0]

    manifests = [
        rights.make_service_account(PLATFORM),
        rights.make_role(SESSIONS, access=True),
        rights.make_role_binding(SESSIONS, PLATFORM),
        rights.make_cluster_role("nacelle", access=True),
        rights.make_cluster_role_binding("nacelle", PLATFORM),
    ]
    with served(make, beside) as cluster:
        cluster.call(cluster.cluster.apply(manifests))
        with KubePlatform(folder, cluster, kubelets[0], **overrides) as made:
            yield made

"""A real hub over an emulated cluster whose pods are local processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hubrig import ROOT, Platform

from nacelle.cluster import rights
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import CLAIMS, EVENTS, PODS, QUOTAS, SECRETS, Object
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.processes import Processes
from tests.support.kubernetes.rbac import Account
from tests.support.kubernetes.serving import Served, served, write_kubeconfig
from tests.support.kubernetes.steps import FAR_IMAGE, extra_profiles
from tests.support.person import Person, Server
from tests.support.waiting import free_base

SESSIONS, PLATFORM = "sessions", "platform"
HUB_TOKEN = "token-of-the-hub-s-account"


class KubePlatform(Platform):
    """The hub and its proxy, with sessions on the cluster; a `Site` of the shared steps."""

    def __init__(self, folder: Path, cluster: Served, kubelet: Kubelet, **overrides: Any) -> None:
        port = free_base()
        profiles = yaml.safe_load((ROOT / "hub_config" / "profiles.yaml").read_text())
        extra = extra_profiles(profiles[0]["image"])
        (folder / "profiles.yaml").write_text(yaml.safe_dump([*profiles, *extra]))
        settings = {
            "sessions": {"engine": "kubernetes", "start_timeout": 60},
            "cluster": {"namespace": SESSIONS, "hub_url": f"http://127.0.0.1:{port}"},
            "profiles": str(folder / "profiles.yaml"),
        }
        super().__init__(folder, port, **settings | overrides)
        self.served = cluster
        self.cluster = cluster.cluster
        self.kubelet = kubelet
        kubelet.bad_images[FAR_IMAGE] = "dial tcp 192.0.2.1:443: i/o timeout"
        file = write_kubeconfig(folder / "kubeconfig", cluster.url, HUB_TOKEN)
        self.environment["KUBECONFIG"] = str(file)

    def person(self, name: str) -> Person:
        return Person(self.url, name, self.password(name))

    def pods(self) -> list[Object]:
        return self.cluster.find(PODS, SESSIONS)

    def pod(self, user: str) -> Object | None:
        return self.cluster.get(PODS, f"session-{user}", SESSIONS)

    def tokens(self) -> list[Object]:
        return self.cluster.find(SECRETS, SESSIONS)

    def events(self) -> list[Object]:
        return self.cluster.find(EVENTS, SESSIONS)

    def claim(self, user: str) -> Object | None:
        return self.cluster.get(CLAIMS, f"home-{user}", SESSIONS)

    def drop_claim(self, user: str) -> None:
        self.served.call(self.cluster.remove(CLAIMS, f"home-{user}", SESSIONS))

    def make_quota(self, hard: dict[str, str]) -> None:
        made = {"metadata": {"name": "office", "namespace": SESSIONS}, "spec": {"hard": hard}}
        self.served.call(self.cluster.write(QUOTAS, made))

    def drop_quota(self) -> None:
        self.served.call(self.cluster.remove(QUOTAS, "office", SESSIONS))

    def exhaust_memory(self, user: str, server: Server) -> None:
        self.served.call(self.kubelet.kill_for_memory(f"session-{user}", SESSIONS))

    def play(self, doing: Callable[[], None]) -> None:
        """Change what the kubelet goes by, in its thread."""

        async def work() -> None:
            doing()
            await self.cluster.wake()

        self.served.call(work())


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

"""The platform as `nacelle render` prints it, on a real cluster: a `Site` of the shared steps."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from click.testing import CliRunner

from nacelle.cli import main
from nacelle.cluster.deployment import DATA
from nacelle.cluster.network import PLATFORM
from tests.cluster.real import RealCluster
from tests.support.installation import ROOT
from tests.support.kubernetes.kinds import (
    CLAIMS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    NAMESPACES,
    PODS,
    QUOTAS,
    SECRETS,
    SERVICES,
    Object,
)
from tests.support.kubernetes.steps import extra_profiles
from tests.support.person import Person, Server
from tests.support.waiting import wait_for

PEOPLE: list[dict[str, Any]] = [
    {"name": "admin", "admin": True},
    {"name": "alice", "projects": ["prix"]},
    {"name": "bob"},
]
QUOTA = {"limits.memory": "24Gi", "limits.cpu": "16", "requests.memory": "12Gi", "pods": "20"}
KEY_LIFE = 60
_HUB = (
    "import psutil\n"
    "for one in psutil.process_iter(['cmdline']):\n"
    "    if any(word.endswith('/jupyterhub') for word in (one.info['cmdline'] or [])[:3]):\n"
    "        one.kill()\n"
)


class RealSite:
    """Namespaces of its own, and the platform in them."""

    def __init__(self, cluster: RealCluster, folder: Path, hub: str, lab: str) -> None:
        name = f"nacelle-test-{uuid.uuid4().hex[:6]}"
        self.cluster = cluster
        self.platform, self.sessions, self.jobs = name, f"{name}-s", f"{name}-j"
        self.api_server = self._api_server()
        self.objects = self._render(folder, hub, lab)
        self.made: list[Object] = []
        self.url = ""

    def _api_server(self) -> list[str]:
        """Its addresses: the one that pods know, and those behind it."""
        service = self.cluster.get(SERVICES, "kubernetes", "default")
        assert service
        found = [str(one) for one in service["spec"].get("clusterIPs") or ()]
        for piece in self.cluster.find(ENDPOINT_SLICES, "default"):
            if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") == (
                "kubernetes"
            ):
                found += [one for end in piece["endpoints"] for one in end["addresses"]]
        return found

    def _render(self, folder: Path, hub: str, lab: str) -> list[Object]:
        shipped = yaml.safe_load((ROOT / "hub_config" / "profiles.yaml").read_text())
        kube = {**extra_profiles(lab)[1], "name": "kube", "title": "Kube", "cluster_access": "view"}
        profiles = [{**one, "image": lab} for one in shipped]
        profiles += [*extra_profiles(lab), kube]
        (folder / "profiles.yaml").write_text(yaml.safe_dump(profiles))
        settings = {
            "users": PEOPLE,
            "profiles": str(folder / "profiles.yaml"),
            "sessions": {"start_timeout": 180},
            "store": {"key_life": KEY_LIFE},
            "cluster": {
                "namespace": self.sessions,
                "access_prefix": f"{self.platform}-u",
                "home": {"capacity": "1Gi"},
            },
            "jobs": {
                "kubernetes": {"namespace": self.jobs},
                "limits": {"shortest_interval": 60},
            },
        }
        (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
        words = ["render", "--settings", str(folder / "settings.yaml"), "--image", hub]
        words += ["--namespace", self.platform, "--volume", "5Gi"]
        words += [f"--sessions-quota={name}={value}" for name, value in QUOTA.items()]
        words += [
            f"--api-server={one}/{128 if ':' in one else 32}"
            for one in dict.fromkeys(self.api_server)
        ]
        answer = CliRunner().invoke(main, words, catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return list(yaml.safe_load_all(answer.output))

    @contextmanager
    def running(self) -> Iterator[RealSite]:
        """Applied, answering, and removed at the end."""
        try:
            self.apply()
            wait_for(self._is_ready, 300, "the platform's pod")
            with self.cluster.forward(self.platform_pod(), self.platform, 8000) as url:
                self.url = url
                wait_for(self.answers, 60, "the hub's answer")
                yield self
        except BaseException:
            print(self._last_words())
            raise
        finally:
            self.remove()

    def apply(self) -> None:
        # What another installation has made of the cluster as a whole stays its own.
        self.made += self.cluster.apply(self.objects)

    def remove(self) -> None:
        """All that was made, namespaces of people included."""
        self.cluster.remove(self.made)
        own = [one["metadata"]["name"] for one in self.cluster.find(NAMESPACES)]
        own = [name for name in own if name.startswith(self.platform)]
        for name in own:
            self.cluster.delete(NAMESPACES, name)
        self.cluster.wait_removed(own)

    def _is_ready(self) -> bool:
        found = self.cluster.get(DEPLOYMENTS, "nacelle", self.platform)
        return bool(found and found.get("status", {}).get("readyReplicas"))

    def _last_words(self) -> str:
        """What an administrator would look at."""
        told = [
            f"{one['reason']}: {one['message']}" for one in self.cluster.find(EVENTS, self.platform)
        ]
        try:
            told.append(self.cluster.log(self.platform_pod(), self.platform, "platform"))
        except Exception as error:
            told.append(f"no log: {error}")
        return "\n".join(told[-40:])

    def platform_pod(self) -> str:
        selector = ",".join(f"{key}={value}" for key, value in PLATFORM.items())
        pods = self.cluster.find(PODS, self.platform, labelSelector=selector)
        living = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
        assert living, "the platform has no pod"
        return str(living[0]["metadata"]["name"])

    def inside(self, *command: str) -> str:
        """What a command in the platform's pod writes."""
        return self.cluster.run(self.platform_pod(), self.platform, *command, container="platform")

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/hub/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def person(self, name: str) -> Person:
        lines = self.inside("cat", f"{DATA}/secrets/passwords.txt").splitlines()
        return Person(self.url, name, dict(line.rsplit(" ", 1) for line in lines)[name])

    def pods(self) -> list[Object]:
        return self.cluster.find(PODS, self.sessions)

    def pod(self, user: str) -> Object | None:
        return self.cluster.get(PODS, f"session-{user}", self.sessions)

    def tokens(self) -> list[Object]:
        return self.cluster.find(SECRETS, self.sessions)

    def events(self) -> list[Object]:
        return self.cluster.find(EVENTS, self.sessions)

    def claim(self, user: str) -> Object | None:
        return self.cluster.get(CLAIMS, f"home-{user}", self.sessions)

    def drop_claim(self, user: str) -> None:
        self.cluster.delete(CLAIMS, f"home-{user}", self.sessions)

    def make_quota(self, hard: dict[str, str]) -> None:
        made = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "office", "namespace": self.sessions},
            "spec": {"hard": hard},
        }
        self.cluster.apply([made])
        # Admission goes by what the quota's controller has counted.
        wait_for(self._is_counted, 60, "the quota's count")

    def _is_counted(self) -> bool:
        found = self.cluster.get(QUOTAS, "office", self.sessions)
        return bool(found and found.get("status", {}).get("used") is not None)

    def drop_quota(self) -> None:
        self.cluster.delete(QUOTAS, "office", self.sessions)

    def exhaust_memory(self, user: str, server: Server) -> None:
        # Written, not only asked for: the kernel gives pages that nobody wrote to for nothing.
        server.kernel().send("kept = [b'x' * 2**26 for _ in range(64)]")

    def kill_hub(self) -> None:
        self.inside("python", "-c", _HUB)

    def start_hub(self) -> None:
        """The supervisor in the pod does; wait for it."""
        wait_for(self.answers, 120, "the hub's answer")

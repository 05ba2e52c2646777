"""The stand-ins themselves: what tests on the emulator rely on, asked by real clients.

Tier: emulator.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from kubernetes_asyncio.client import (
    ApiClient,
    ApiException,
    Configuration,
    CoreV1Api,
    RbacAuthorizationV1Api,
)
from kubespawner import reflector as reflectors

from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import (
    CLAIMS,
    NODES,
    PODS,
    QUOTAS,
    ROLE_BINDINGS,
    ROLES,
    Object,
)
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.node import make_node
from tests.support.kubernetes.processes import Processes
from tests.support.kubernetes.rbac import ADMIN, Account
from tests.support.kubernetes.serving import serve, served, write_kubeconfig

SAFE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name: str = "a", memory: str = "1Gi", **more: Any) -> Object:
    resources = {side: {"memory": memory, "cpu": "1"} for side in ("requests", "limits")}
    container = {"name": "c", "image": "lab:1", "resources": resources, "securityContext": SAFE}
    spec = {"containers": [container | more.pop("container", {})], **more}
    labels = {"component": "singleuser-server", "who": name}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def core(client: ApiClient) -> Any:
    return CoreV1Api(client)


def rbac(client: ApiClient) -> Any:
    return RbacAuthorizationV1Api(client)


class Cluster:
    def __init__(self, emulator: Emulator, url: str) -> None:
        self.held = emulator
        self.url = url
        self.client = self.connect()
        # Plain objects are sent where its types would have models.
        self.api: Any = CoreV1Api(self.client)

    def pod(self, name: str) -> Any:
        return self.held.get(PODS, name)

    def connect(self, token: str = "") -> Any:
        found = Configuration(host=self.url)
        if token:
            found.api_key = {"BearerToken": f"Bearer {token}"}
        return ApiClient(found)

    async def phase(self, name: str, wanted: Callable[[Any], Any]) -> Any:
        async with asyncio.timeout(20), self.held.news:
            await self.held.news.wait_for(lambda: wanted(self.held.get(PODS, name)))
        return self.held.get(PODS, name)


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[Cluster]:
    emulator = Emulator("lab", restricted=("safe",))
    async with serve(emulator) as url:
        made = Cluster(emulator, url)
        async with made.client:
            yield made


async def test_namespaces_are_apart_and_selectors_choose(cluster: Cluster) -> None:
    api = cluster.api
    await api.create_namespaced_pod("lab", pod("a"))
    await api.create_namespaced_pod("safe", pod("b"))
    assert [one.metadata.name for one in (await api.list_namespaced_pod("lab")).items] == ["a"]
    every = await api.list_pod_for_all_namespaces()
    assert {one.metadata.namespace for one in every.items} == {"lab", "safe"}
    chosen = await api.list_namespaced_pod("lab", label_selector="who in (a, z),component")
    assert len(chosen.items) == 1
    chosen = await api.list_namespaced_pod("lab", field_selector="metadata.name=b")
    assert not chosen.items
    with pytest.raises(ApiException) as refused:
        await api.create_namespaced_pod("nowhere", pod("a"))
    assert refused.value.status == 404


async def test_a_reflector_of_kubespawner_follows(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflectors, "shared_client", lambda name: cluster.api)
    made = reflectors.NamespacedResourceReflector(
        namespace="lab", kind="pods", labels={"component": "singleuser-server"}
    )
    await cluster.api.create_namespaced_pod("lab", pod("a"))
    await made.start()
    assert set(made.resources) == {"lab/a"}
    await cluster.api.create_namespaced_pod("lab", pod("b"))
    await cluster.api.create_namespaced_pod("safe", pod("c"))
    await cluster.api.delete_namespaced_pod("a", "lab")
    async with asyncio.timeout(20):
        while set(made.resources) != {"lab/b"}:
            await asyncio.sleep(0.01)
        await cluster.held.forget_versions()
        await cluster.held.change(PODS, "b", status={"phase": "Running"})
        while made.resources["lab/b"]["status"]["phase"] != "Running":
            await asyncio.sleep(0.01)
    await made.stop()


async def test_a_quota_refuses_in_the_words_of_the_api(cluster: Cluster) -> None:
    hard = {"requests.memory": "3Gi", "limits.cpu": "1500m", "persistentvolumeclaims": "0"}
    await cluster.held.write(QUOTAS, {"metadata": {"name": "office"}, "spec": {"hard": hard}})
    await cluster.api.create_namespaced_pod("lab", pod("a", "2Gi"))
    with pytest.raises(ApiException) as refused:
        await cluster.api.create_namespaced_pod("lab", pod("b", "2Gi"))
    assert refused.value.status == 403
    assert (
        'pods \\"b\\" is forbidden: exceeded quota: office, requested: limits.cpu=1,'
        "requests.memory=2Gi, used: limits.cpu=1,requests.memory=2Gi, limited: limits.cpu=1500m,"
        "requests.memory=3Gi"
    ) in str(refused.value.body)
    claim = {"metadata": {"name": "c"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    with pytest.raises(ApiException, match="exceeded quota: office, requested: persistentvol"):
        await cluster.api.create_namespaced_persistent_volume_claim("lab", claim)
    found = await cluster.api.read_namespaced_resource_quota("office", "lab")
    assert found.status.used == {
        "requests.memory": "2Gi",
        "limits.cpu": "1",
        "persistentvolumeclaims": "0",
    }
    unsaid = pod("d", container={"resources": {}})
    with pytest.raises(ApiException, match=r"must specify limits\.cpu for: c; requests\.memory"):
        await cluster.api.create_namespaced_pod("lab", unsaid)


async def test_a_restricted_namespace_refuses_what_the_standard_forbids(cluster: Cluster) -> None:
    await cluster.api.create_namespaced_pod("safe", pod("good"))
    bad = pod(
        "bad", container={"securityContext": {}}, volumes=[{"name": "v", "hostPath": {"path": "/"}}]
    )
    with pytest.raises(ApiException) as refused:
        await cluster.api.create_namespaced_pod("safe", bad)
    for word in ("allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccomp", "hostPath"):
        assert word in str(refused.value.body)
    await cluster.api.create_namespaced_pod("lab", bad)


async def test_tokens_and_roles_decide_and_nobody_gives_what_they_lack(cluster: Cluster) -> None:
    held = cluster.held
    held.accounts |= {"root": ADMIN, "hub": Account("hub", "lab")}
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "create"]},
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles"],
            "verbs": ["create"],
        },
    ]
    await held.write(ROLES, {"metadata": {"name": "hub"}, "rules": rules})
    binding = {
        "metadata": {"name": "hub"},
        "roleRef": {"kind": "Role", "name": "hub"},
        "subjects": [{"kind": "ServiceAccount", "name": "hub", "namespace": "lab"}],
    }
    await held.write(ROLE_BINDINGS, binding)
    async with cluster.connect("hub") as client, cluster.connect("wrong") as other:
        await core(client).create_namespaced_pod("lab", pod("a"))
        for forbidden in (
            core(client).list_namespaced_pod("safe"),
            core(client).read_namespaced_pod("a", "lab"),
            rbac(client).create_namespaced_role(
                "lab",
                {
                    "metadata": {"name": "more"},
                    "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
                },
            ),
        ):
            with pytest.raises(ApiException) as refused:
                await forbidden
            assert refused.value.status == 403
        with pytest.raises(ApiException) as refused:
            await core(other).list_namespaced_pod("lab")
        assert refused.value.status == 401


async def test_a_kubelet_runs_a_pod_and_ends_it(cluster: Cluster, tmp_path: Path) -> None:
    code = "import os, time; print(os.getcwd(), os.environ['WHERE'], flush=True); time.sleep(99)"
    command = {"command": [sys.executable, "-c", code], "workingDir": "/home/ada"}
    env = [{"name": "WHERE", "value": "http://0.0.0.0:1/home/ada"}]
    mounts = [{"name": "home", "mountPath": "/home/ada"}]
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "ada"}}]
    made = pod("a", container={**command, "env": env, "volumeMounts": mounts}, volumes=volumes)
    async with Kubelet(cluster.held, Processes(cluster.held, tmp_path)) as kubelet:
        await cluster.api.create_namespaced_pod("lab", made)
        await cluster.phase("a", lambda one: one["status"].get("conditions"))
        found = cluster.pod("a")
        assert 'claim "ada" not found' in found["status"]["conditions"][0]["message"]
        await cluster.held.write(CLAIMS, {"metadata": {"name": "ada"}, "spec": {}})
        found = await cluster.phase("a", lambda one: one["status"]["phase"] == "Running")
        async with asyncio.timeout(20), cluster.held.news:
            await cluster.held.news.wait_for(lambda: cluster.held.logs.get("a"))
        home = tmp_path / "lab/claims/ada"
        address = found["status"]["podIP"]
        said = cluster.held.logs["a"].decode()
        # In an address it is no path of the container.
        assert said == f"{home} http://{address}:1/home/ada\n"
        await kubelet.kill_for_memory("a")
        found = cluster.pod("a")
        last = found["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert last["reason"] == "OOMKilled"
        await cluster.phase("a", lambda one: one["status"]["containerStatuses"][0]["ready"])
        await cluster.api.delete_namespaced_pod("a", "lab")
        assert await cluster.phase("a", lambda one: one is None) is None
    reasons = [one.reason for one in (await cluster.api.list_namespaced_event("lab")).items]
    assert reasons[:3] == ["FailedScheduling", "Scheduled", "Pulling"]
    assert reasons[-1] == "Killing"


async def test_what_keeps_a_pod_from_starting(cluster: Cluster) -> None:
    gpu = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    async with Kubelet(cluster.held) as kubelet:
        kubelet.bad_images["lab:9"] = "not found"
        kubelet.unstarted.add("slow")
        for made in (
            pod("gpu", container=gpu),
            pod("image", container={"image": "lab:9"}),
            pod("slow"),
            pod("moved"),
        ):
            await cluster.api.create_namespaced_pod("lab", made)
        found = await cluster.phase("gpu", lambda one: one["status"].get("conditions"))
        assert "1 Insufficient nvidia.com/gpu" in found["status"]["conditions"][0]["message"]

        def backs_off(one: Any) -> bool:
            state = (one["status"].get("containerStatuses") or [{"state": {}}])[0]["state"]
            return bool(state.get("waiting", {}).get("reason") == "ImagePullBackOff")

        await cluster.phase("image", backs_off)
        await cluster.phase("moved", lambda one: one["status"]["phase"] == "Running")
        assert cluster.pod("slow")["status"]["phase"] == "Pending"
        kubelet.unstarted.clear()
        await cluster.held.wake()
        await cluster.phase("slow", lambda one: one["status"]["phase"] == "Running")
        await cluster.held.write(NODES, make_node("node-2", gpus=1))
        await cluster.phase("gpu", lambda one: one["status"]["phase"] == "Running")
        await kubelet.evict("moved", "The node was low on resource: memory.")
        assert cluster.pod("moved")["status"]["reason"] == "Evicted"
        await kubelet.lose_node("node-2")
        assert cluster.pod("gpu") is None


def test_a_cluster_in_a_thread_and_its_kubeconfig(tmp_path: Path) -> None:
    import kubernetes_asyncio.config

    with served(lambda: Emulator("lab"), Kubelet) as found:
        file = write_kubeconfig(tmp_path / "config", found.url, "t")

        async def ask() -> str:
            await kubernetes_asyncio.config.load_kube_config(str(file))
            async with ApiClient() as client:
                await core(client).create_namespaced_pod("lab", pod("a"))
            async with aiohttp.ClientSession() as web, web.get(f"{found.url}/version") as answer:
                return str((await answer.json())["minor"])

        assert asyncio.run(ask()) == "36"
        assert found.cluster.tokens == {"Bearer t"}
        found.call(found.cluster.remove(PODS, "a"))
        assert not found.cluster.find(PODS)

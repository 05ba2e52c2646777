"""What test_on_cluster does to a cluster before and after its steps, asked of the emulator.

Tier: emulator. Nothing runs in its pods: it proves our requests, and that all is removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.real import RealCluster, Refused
from tests.cluster.site import RealSite
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import (
    CLAIMS,
    CLUSTER_ROLES,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    NAMESPACES,
    PODS,
    QUOTAS,
    SERVICES,
    Object,
)
from tests.support.kubernetes.rbac import ADMIN, Account
from tests.support.kubernetes.serving import Served, served, write_kubeconfig

SERVICE: Object = {
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "spec": {"clusterIPs": ["10.96.0.1"]},
}
SLICE: Object = {
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"kubernetes.io/service-name": "kubernetes"},
    },
    "endpoints": [{"addresses": ["172.18.0.2"]}],
}


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with served(lambda: Emulator("default")) as found:
        found.cluster.accounts["root"] = ADMIN
        found.call(found.cluster.write(SERVICES, SERVICE))
        found.call(found.cluster.write(ENDPOINT_SLICES, SLICE))
        file = write_kubeconfig(tmp_path / "kubeconfig", found.url, "root")
        monkeypatch.setenv("KUBECONFIG", str(file))
        yield found


def test_what_is_applied_is_there_and_goes_again(emulated: Served, tmp_path: Path) -> None:
    with RealCluster() as cluster:
        site = RealSite(cluster, tmp_path, "hub:1", "lab:1")
        assert site.api_server == ["10.96.0.1", "172.18.0.2"]
        site.apply()
        site.apply()
        assert cluster.get(DEPLOYMENTS, "nacelle", site.platform)
        assert "172.18.0.2/32" in str(site.objects)
        assert not site._is_ready()
        site.make_quota({"pods": "1"})
        assert cluster.get(QUOTAS, "office", site.sessions)
        site.drop_quota()
        assert cluster.get(QUOTAS, "office", site.sessions) is None
        home = {"metadata": {"name": "home-alice", "namespace": site.sessions}, "spec": {}}
        emulated.call(emulated.cluster.write(CLAIMS, home))
        assert site.claim("alice") and site.pod("alice") is None and site.pods() == []
        site.drop_claim("alice")
        assert site.claim("alice") is None
        with pytest.raises(AssertionError, match="no pod"):
            site.platform_pod()
        own = {"metadata": {"name": f"{site.platform}-alice"}}
        emulated.call(emulated.cluster.write(NAMESPACES, own))
        site.remove()
    left = [one["metadata"]["name"] for one in emulated.cluster.find(NAMESPACES)]
    assert left == ["default"]
    assert not emulated.cluster.find(CLUSTER_ROLES) and not emulated.cluster.find(DEPLOYMENTS)


def test_the_hub_s_pod_is_admitted_with_the_rights_that_were_rendered(
    emulated: Served, tmp_path: Path
) -> None:
    with RealCluster() as cluster:
        site = RealSite(cluster, tmp_path, "hub:1", "lab:1")
        cluster.apply(site.objects)
        deployment = cluster.get(DEPLOYMENTS, "nacelle", site.platform)
        assert deployment
        template = deployment["spec"]["template"]
        metadata = {**template["metadata"], "name": "p", "namespace": site.platform}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        cluster.apply([pod])
        assert site.platform_pod() == "p"
        emulated.cluster.accounts["hub"] = Account("nacelle-hub", site.platform)
        emulated.cluster.accounts.pop("root")
        cluster._configuration.api_key["BearerToken"] = "Bearer hub"
        assert cluster.find(PODS, site.sessions) == []
        with pytest.raises(Refused, match="cannot list resource"):
            cluster.find(PODS, "default")

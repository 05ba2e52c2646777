from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import kube_config
from kubespawner import KubeSpawner
from kubespawner.clients import load_config

from nacelle.cluster import rights
from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.rbac import Account
from tests.support.kubernetes.serving import serve, write_kubeconfig

SESSIONS, PLATFORM = "sessions", "platform"


def name_cluster(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions of this process find the cluster at `url`; the client read KUBECONFIG before."""
    file = write_kubeconfig(folder / "kubeconfig", url)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    load_config.cache_clear()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that nobody asks: kubespawner reads its address when a session is made."""
    name_cluster("http://127.0.0.1:9", tmp_path, monkeypatch)


@pytest.fixture
async def cluster() -> Emulator:
    """It lets the hub do what its Role says, and no more."""
    made = Emulator(SESSIONS, restricted=(SESSIONS, PLATFORM))
    made.accounts["cluster-token"] = Account(rights.NAME, PLATFORM)
    await made.apply(
        [
            rights.make_service_account(PLATFORM),
            rights.make_role(SESSIONS),
            rights.make_role_binding(SESSIONS, PLATFORM),
            rights.make_cluster_role("nacelle-hub"),
            rights.make_cluster_role_binding("nacelle-hub", PLATFORM),
        ]
    )
    return made


@pytest.fixture
async def kubelet(
    cluster: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Kubelet]:
    async with serve(cluster) as url, Kubelet(cluster) as made:
        Configuration.set_default(None)
        name_cluster(url, tmp_path, monkeypatch)
        yield made
        await KubeSpawner._stop_all_reflectors()

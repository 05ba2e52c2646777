from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes_asyncio.config import kube_config
from kubespawner.clients import load_config

from tests.support.kubernetes.serving import write_kubeconfig


def name_cluster(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions of this process find the cluster at `url`; the client read KUBECONFIG before."""
    file = write_kubeconfig(folder / "kubeconfig", url)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    load_config.cache_clear()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that nobody asks: kubespawner reads its address when a session is made."""
    name_cluster("http://127.0.0.1:9", tmp_path, monkeypatch)

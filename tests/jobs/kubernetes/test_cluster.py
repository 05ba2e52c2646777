"""Which cluster it is, and what its answers mean.

Tier: emulator. The address comes from a file as `kubectl` has it; in a pod it comes from the pod.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from nacelle.jobs.engine.__main__ import make_engine
from nacelle.jobs.engine.hub import HubClient
from nacelle.jobs.engine.outside import SystemClock
from nacelle.jobs.kubernetes.cluster import (
    CRON_JOBS,
    JOBS,
    ClusterAway,
    ClusterRefused,
    connect,
)
from nacelle.jobs.kubernetes.controller import Controller
from nacelle.settings import Settings, SettingsError
from nacelle.settings.jobs import JobsSettings
from tests.jobs.kubernetes.clusters import Scene
from tests.support.kubernetes.emulator import JOBS as HELD_JOBS
from tests.support.kubernetes.emulator import NAMESPACE


def kubeconfig(folder: Path, url: str) -> str:
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "cluster-token"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(made))
    return str(file)


async def test_the_cluster_that_kubeconfig_names(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, scene.url))
    cluster = await connect(NAMESPACE)
    try:
        assert await cluster.list(CRON_JOBS) == ([], "100")
        assert scene.cluster.tokens == {"Bearer cluster-token"}
    finally:
        await cluster.close()


async def test_the_engine_is_the_one_that_the_settings_name(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, scene.url))
    hub = {"JUPYTERHUB_API_URL": "http://127.0.0.1:1", "JUPYTERHUB_API_TOKEN": "hub-token"}
    settings = Settings(data_dir=tmp_path, jobs=JobsSettings(engine="kubernetes"))
    client = HubClient(hub)
    made = await make_engine(settings, scene.store, tmp_path, SystemClock(), client)
    assert isinstance(made, Controller)
    task = asyncio.create_task(made.run())
    await scene.until(lambda: scene.cluster.watches == 4, "four watches")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await client.close()


async def test_no_cluster_at_all_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="there is no cluster"):
        await connect(NAMESPACE)


async def test_what_answers_mean(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, scene.url))
    cluster = await connect(NAMESPACE)
    try:
        made = {"metadata": {"name": "a"}, "spec": {}}
        assert await cluster.create(JOBS, made)
        assert await cluster.create(JOBS, made) is None
        assert await cluster.patch(JOBS, "b", {"spec": {}}) is None
        await cluster.delete(JOBS, "b")
        for status in (401, 429, 500, 503):
            scene.cluster.failing = [status]
            with pytest.raises(ClusterAway):
                await cluster.list(JOBS)
        scene.cluster.refusing[("list", HELD_JOBS)] = (403, "jobs is forbidden")
        with pytest.raises(ClusterRefused, match="jobs is forbidden"):
            await cluster.list(JOBS)
    finally:
        await cluster.close()

"""The numbered cases of nacelle.jobs.kubernetes.watching.

Tier: emulator. It proves our requests and our reactions to objects; how often a real API server
ends or forgets a watch is its own affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from kubernetes_asyncio.client import ApiClient, Configuration

from nacelle.jobs.kubernetes import watching
from nacelle.jobs.kubernetes.cluster import JOBS as KIND
from nacelle.jobs.kubernetes.cluster import Cluster
from nacelle.jobs.kubernetes.naming import SELECTOR, labels
from nacelle.jobs.kubernetes.watching import Watching
from tests.jobs import samples
from tests.jobs.kubernetes.clusters import Scene
from tests.support.kubernetes.emulator import JOBS, NAMESPACE


class Seen:
    """A watch at work, and what it told: (name, gone, generation)."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.told: list[tuple[str, bool, int]] = []
        self.cluster = Cluster(ApiClient(Configuration(host=scene.url)), NAMESPACE)
        self.watching = Watching(self.cluster, KIND, SELECTOR, self.tell)

    def tell(self, found: dict[str, Any], gone: bool) -> None:
        self.told.append((found["metadata"]["name"], gone, found["spec"]["n"]))

    async def make(self, name: str, n: int = 1, **more: Any) -> None:
        metadata = {"name": name, "labels": labels(samples.ID), **more}
        await self.scene.cluster.write(JOBS, {"metadata": metadata, "spec": {"n": n}})

    async def has(self, *told: tuple[str, bool, int]) -> None:
        await self.scene.until(lambda: len(self.told) >= len(told), f"{told}, not {self.told}")
        assert self.told == list(told)

    async def watched(self) -> None:
        await self.scene.until(lambda: self.scene.cluster.watches, "a watch")


@pytest_asyncio.fixture
async def seen(scene: Scene) -> AsyncIterator[Seen]:
    made = Seen(scene)
    await made.make("a")
    task = asyncio.create_task(made.watching.run())
    await made.watched()
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.cluster.close()


async def test_case_1_all_that_is_there_then_each_change(seen: Seen) -> None:
    assert seen.watching.listed.is_set()
    await seen.make("a", 2)
    await seen.make("b")
    await seen.scene.cluster.write(JOBS, {"metadata": {"name": "not-ours"}, "spec": {"n": 1}})
    await seen.scene.cluster.remove(JOBS, "a")
    await seen.has(("a", False, 1), ("a", False, 2), ("b", False, 1), ("a", True, 2))
    assert set(seen.watching.objects) == {"b"}


async def test_case_2_a_watch_that_ends_goes_on_where_it_was(seen: Seen) -> None:
    lists = seen.scene.cluster.asked.count(("list", JOBS, ""))
    for n in (2, 3, 4):
        await seen.scene.cluster.cut()
        await seen.make("a", n)
        await seen.watched()
    await seen.has(("a", False, 1), ("a", False, 2), ("a", False, 3), ("a", False, 4))
    assert seen.scene.cluster.asked.count(("list", JOBS, "")) == lists


async def test_case_3_a_version_that_is_too_old_leads_to_a_list(seen: Seen) -> None:
    await seen.make("gone")
    await seen.make("kept")
    await seen.has(("a", False, 1), ("gone", False, 1), ("kept", False, 1))
    cluster = seen.scene.cluster
    cluster.failing = [503] * 3
    cluster.held[JOBS]["a"]["spec"]["n"] = 5
    del cluster.held[JOBS]["gone"]
    cluster.version += 10
    cluster.held[JOBS]["a"]["metadata"]["resourceVersion"] = str(cluster.version)
    cluster.told[JOBS].clear()
    await cluster.forget_versions()
    await seen.has(
        ("a", False, 1), ("gone", False, 1), ("kept", False, 1), ("gone", True, 1), ("a", False, 5)
    )


async def test_case_4_while_the_cluster_is_away_all_stays(seen: Seen) -> None:
    watching._FIRST_PAUSE, before = 0.05, watching._FIRST_PAUSE
    try:
        seen.scene.cluster.refusing[("watch", JOBS)] = (503, "away")
        await seen.scene.cluster.cut()
        await seen.make("b")
        asked = len(seen.scene.cluster.asked)
        await seen.scene.until(lambda: len(seen.scene.cluster.asked) > asked, "another try")
        assert set(seen.watching.objects) == {"a"}
        seen.scene.cluster.refusing.clear()
        await seen.has(("a", False, 1), ("b", False, 1))
    finally:
        watching._FIRST_PAUSE = before

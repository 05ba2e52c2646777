"""What the cluster holds of one kind, kept as new as its watch tells: listed once, never polled.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_watching.py:

1. All that is there is told once the list has come, then each change as it comes.
2. A watch that ends or breaks goes on where it was: nothing is told twice or lost.
3. A version that is too old (410) leads to a new list: what differs is told, what is gone too.
4. While the cluster is away, all stays as it was last seen, and it is asked again, ever less often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nacelle.jobs.kubernetes.cluster import Cluster, ClusterAway, ClusterRefused, Expired, Kind

# Who is told: the object as it is, or was last, and whether it is gone.
Told = Callable[[dict[str, Any], bool], None]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SHORTEST_WATCH = 1.0

log = logging.getLogger(__name__)


class Watching:
    """Objects of one kind by their name; `told` hears of each change."""

    def __init__(self, cluster: Cluster, kind: Kind, selector: str, told: Told) -> None:
        self._cluster = cluster
        self._kind = kind
        self._selector = selector
        self._told = told
        self._version: str | None = None
        self._pause = _FIRST_PAUSE
        self.objects: dict[str, dict[str, Any]] = {}
        self.listed = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                if self._version is None:
                    await self._list()
                began = loop.time()
                await self._follow()
                if loop.time() - began < _SHORTEST_WATCH:
                    # A server or proxy that ends watches at once is not asked without pause.
                    await asyncio.sleep(_FIRST_PAUSE)
            except Expired:
                self._version = None
            except (ClusterAway, ClusterRefused) as error:
                log.warning("%s are not seen for now: %s", self._kind.plural, error)
                await asyncio.sleep(self._pause)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    async def _list(self) -> None:
        items, self._version = await self._cluster.list(self._kind, self._selector)
        found = {_name(one): one for one in items}
        for name in self.objects.keys() - found.keys():
            self._told(self.objects.pop(name), True)
        for name, one in found.items():
            before = self.objects.get(name)
            if before and _uid(before) != _uid(one):
                # Another of the same name: the one before is gone.
                self._told(before, True)
            self.objects[name] = one
            if before is None or _version(before) != _version(one):
                self._told(one, False)
        self.listed.set()
        self._pause = _FIRST_PAUSE

    async def _follow(self) -> None:
        assert self._version is not None
        async for type_, one in self._cluster.watch(self._kind, self._selector, self._version):
            self._version = _version(one) or self._version
            self._pause = _FIRST_PAUSE
            if type_ == "DELETED":
                self.objects.pop(_name(one), None)
                self._told(one, True)
            elif type_ in ("ADDED", "MODIFIED"):
                self.objects[_name(one)] = one
                self._told(one, False)


def _name(found: dict[str, Any]) -> str:
    return str(found["metadata"]["name"])


def _uid(found: dict[str, Any]) -> str:
    return str(found["metadata"].get("uid", ""))


def _version(found: dict[str, Any]) -> str:
    return str(found.get("metadata", {}).get("resourceVersion", ""))

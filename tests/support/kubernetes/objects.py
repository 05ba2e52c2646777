"""What a cluster holds: objects with versions and uids, and what was told of them."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.kubernetes.kinds import (
    ACCOUNTS,
    KINDS,
    NAMESPACES,
    UNSPACED,
    Object,
    api_version,
)


class Objects:
    """Objects by kind, namespace and name; `home` is the namespace that is meant when none is said.

    A test plays controllers with `write`, `change` and `remove`.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.all: dict[str, dict[str, dict[str, Object]]] = {
            kind: defaultdict(dict) for kind in KINDS
        }
        # (version, type, object), as watches tell.
        self.told: dict[str, list[tuple[int, str, Object]]] = {kind: [] for kind in KINDS}
        self.version = 100
        self.news = asyncio.Condition()

    @property
    def held(self) -> dict[str, dict[str, Object]]:
        """The objects of the home namespace, and those of none, by kind and name."""
        return {kind: self.within(kind) for kind in KINDS}

    def within(self, kind: str, namespace: str | None = None) -> dict[str, Object]:
        """The objects of a kind in a namespace, by name."""
        return self.all[kind][self._place(kind, namespace)]

    def find(self, kind: str, namespace: str | None = "") -> list[Object]:
        """Objects of a kind: of the namespace, or of all of them when it is empty."""
        if namespace or namespace is None:
            return list(self.within(kind, namespace).values())
        return [one for held in list(self.all[kind].values()) for one in list(held.values())]

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        return self.within(kind, namespace).get(name)

    def exists(self, namespace: str) -> bool:
        return namespace in self.all[NAMESPACES][""]

    def add_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """A namespace and the account that each has, before anything runs."""
        made: Object = {"metadata": {"name": name, "labels": dict(labels or {})}}
        account: Object = {"metadata": {"name": "default"}}
        self.all[NAMESPACES][""][name] = self._complete(NAMESPACES, "", made, None)
        self.all[ACCOUNTS][name]["default"] = self._complete(ACCOUNTS, name, account, None)

    async def write(self, kind: str, made: Object) -> Object:
        """Make an object, or change it, as a controller of the cluster would."""
        namespace = self._place(kind, (made.get("metadata") or {}).get("namespace"))
        held = self.all[kind][namespace]
        before = held.get(made["metadata"]["name"])
        self.version += 1
        found = self._complete(kind, namespace, copy.deepcopy(made), before)
        held[found["metadata"]["name"]] = found
        await self._tell(kind, "MODIFIED" if before else "ADDED", found)
        return copy.deepcopy(found)

    async def apply(self, manifests: Iterable[Object]) -> None:
        """What an administrator applies, as `kubectl apply` would."""
        kinds = {(api_version(kind), name): kind for kind, name in KINDS.items()}
        for made in manifests:
            await self.write(kinds[made["apiVersion"], made["kind"]], made)

    async def change(
        self, kind: str, name: str, namespace: str | None = None, **changes: Any
    ) -> Object:
        """Merge into an object."""
        return await self.write(kind, merged(self.within(kind, namespace)[name], changes))

    async def remove(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Remove an object, what it owns, and with a namespace all that is in it."""
        found = self.within(kind, namespace).pop(name)
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        await self._tell(kind, "DELETED", found)
        for other, spaces in self.all.items():
            for space, held in list(spaces.items()):
                for one in list(held.values()):
                    own = one["metadata"]["name"]
                    goes = _is_owned(one, found) or (kind == NAMESPACES and space == name)
                    if goes and own in held:
                        await self.remove(other, own, space or None)

    def _place(self, kind: str, namespace: str | None) -> str:
        return "" if kind in UNSPACED else (namespace or self.home)

    def _complete(self, kind: str, namespace: str, found: Object, before: Object | None) -> Object:
        metadata = found.setdefault("metadata", {})
        metadata["resourceVersion"] = str(self.version)
        if namespace:
            metadata["namespace"] = namespace
        known = before["metadata"] if before else {}
        metadata.setdefault("uid", known.get("uid") or str(uuid.uuid4()))
        now = stamp(datetime.now(UTC))
        metadata.setdefault("creationTimestamp", known.get("creationTimestamp") or now)
        found.setdefault("kind", KINDS[kind])
        found.setdefault("apiVersion", api_version(kind))
        return found

    async def _tell(self, kind: str, type_: str, found: Object) -> None:
        self.told[kind].append((self.version, type_, copy.deepcopy(found)))
        await self.wake()

    async def wake(self) -> None:
        async with self.news:
            self.news.notify_all()


def stamp(moment: datetime) -> str:
    """As the API writes moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(found: Object, changes: Object) -> Object:
    """JSON merge patch (RFC 7386)."""
    made = copy.deepcopy(found)
    for key, value in changes.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            before = made.get(key)
            made[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            made[key] = copy.deepcopy(value)
    return made


def _is_owned(found: Object, owner: Object) -> bool:
    owners = found["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == owner["metadata"]["uid"] for one in owners)

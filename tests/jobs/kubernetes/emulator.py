"""A cluster's API over real HTTP: kmock, and on top of it what our requests rely on.

kmock keeps objects, creates, merges and deletes them. Added here: versions, uids, labels in lists
and watches, watches that go on from a version or are told that it is too old, server-side apply,
logs of pods, deletion of what an object owns. What is not here: admission, defaults, quota, the
scheduler, the kubelet and the controllers; a test plays their part with `write` and the like.
"""

from __future__ import annotations

import asyncio
import copy
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import kmock
from kmock._internal.k8s import KubernetesObjectNotFoundError

BATCH, CORE = "batch/v1", "v1"
CRON_JOBS, JOBS = f"{BATCH}/cronjobs", f"{BATCH}/jobs"
PODS, EVENTS, SECRETS = f"{CORE}/pods", f"{CORE}/events", f"{CORE}/secrets"
NAMESPACE = "nacelle-jobs"
KINDS = {CRON_JOBS: "CronJob", JOBS: "Job", PODS: "Pod", EVENTS: "Event", SECRETS: "Secret"}
Object = dict[str, Any]


class Emulator(kmock.KubernetesEmulator):
    """One namespace of a cluster."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.held: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self.told: dict[str, list[tuple[int, str, Object]]] = {kind: [] for kind in KINDS}
        self.logs: dict[str, bytes] = {}
        self.forgotten = 0
        self.version = 100
        self.news = asyncio.Condition()
        # Requests as (verb, kind, name); statuses to answer with before anything is done.
        self.asked: list[tuple[str, str, str]] = []
        self.tokens: set[str] = set()
        self.failing: list[int] = []
        self.refusing: dict[tuple[str, str], tuple[int, str]] = {}
        self.watches = 0
        self.cutting = asyncio.Event()

    # What a test does to the cluster.

    async def write(self, kind: str, made: Object) -> Object:
        """Make an object, or change it, as a controller of the cluster would."""
        found = copy.deepcopy(made)
        metadata = found.setdefault("metadata", {})
        before = self.held[kind].get(metadata["name"])
        self.version += 1
        metadata |= {"resourceVersion": str(self.version), "namespace": NAMESPACE}
        metadata.setdefault("uid", before["metadata"]["uid"] if before else str(uuid.uuid4()))
        metadata.setdefault(
            "creationTimestamp",
            before["metadata"]["creationTimestamp"] if before else stamp(datetime.now(UTC)),
        )
        found.setdefault("kind", KINDS[kind])
        self.held[kind][metadata["name"]] = found
        await self._tell(kind, "MODIFIED" if before else "ADDED", found)
        return copy.deepcopy(found)

    async def change(self, kind: str, name: str, **changes: Any) -> Object:
        """Merge into an object."""
        return await self.write(kind, merged(self.held[kind][name], changes))

    async def remove(self, kind: str, name: str) -> None:
        """Remove an object, and what it owns."""
        found = self.held[kind].pop(name)
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        await self._tell(kind, "DELETED", found)
        for other, held in self.held.items():
            for owned in [one for one in held.values() if _is_owned(one, found)]:
                await self.remove(other, owned["metadata"]["name"])

    async def forget_versions(self) -> None:
        """Watches from before are too old from now on; those that are open end."""
        self.forgotten = self.version
        await self.cut()

    async def cut(self) -> None:
        """End every watch."""
        self.cutting.set()
        async with self.news:
            self.news.notify_all()
        while self.watches:
            await asyncio.sleep(0)
        self.cutting = asyncio.Event()

    def find(self, kind: str) -> list[Object]:
        return list(self.held[kind].values())

    # What the API does.

    async def _handle(self, request: Any) -> Any:
        kind = f"{request.resource.group}/{request.resource.version}".lstrip("/")
        kind = f"{kind}/{request.resource.plural}"
        verb = str(request.action.value if request.action else request.method).lower()
        name = request.name or ((request.data or {}).get("metadata") or {}).get("name", "")
        self.asked.append((verb, kind, name))
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.failing and verb != "watch":
            return _refusal(self.failing.pop(0), "for a while")
        if refused := self.refusing.get((verb, kind)):
            return _refusal(*refused)
        # kmock's own handlers answer; its keeping of objects is passed by.
        return await kmock.RawHandler._handle(self, request)

    async def _serve_list(self, request: Any) -> Any:
        items = [one for one in self.find(_kind(request)) if _matches(one, request)]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": items}

    async def _serve_fetch(self, request: Any) -> Any:
        if request.subresource == "log":
            return self._follow_log(request.name)
        return self._held(request)

    async def _serve_create(self, request: Any) -> Any:
        name = request.data["metadata"]["name"]
        if name in self.held[_kind(request)]:
            raise kmock_error(409, "AlreadyExists")
        return await self.write(_kind(request), request.data)

    async def _serve_update(self, request: Any) -> Any:
        held = self.held[_kind(request)]
        if request.params.get("fieldManager"):
            before = held.get(request.name, {})
            made = merged({"status": before.get("status", {})}, request.data)
            for key in ("uid", "creationTimestamp"):
                if before:
                    made["metadata"][key] = before["metadata"][key]
            return await self.write(_kind(request), made)
        return await self.write(_kind(request), merged(self._held(request), request.data))

    async def _serve_delete(self, request: Any) -> Any:
        found = self._held(request)
        if (request.data or {}).get("propagationPolicy") == "Foreground":
            at = {"deletionTimestamp": stamp(datetime.now(UTC))}
            return await self.write(_kind(request), merged(found, {"metadata": at}))
        await self.remove(_kind(request), request.name)
        return found

    async def _serve_watch(self, request: Any) -> AsyncIterator[Any]:
        yield b""
        kind, since = _kind(request), int(request.params.get("resourceVersion") or 0)
        if since < self.forgotten:
            yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "old"}}
            return
        self.watches += 1
        cutting = self.cutting
        place = 0
        try:
            while not cutting.is_set():
                told = self.told[kind]
                while place < len(told):
                    version, type_, found = told[place]
                    place += 1
                    if version > since and _matches(found, request):
                        yield {"type": type_, "object": found}
                async with self.news:
                    if place == len(self.told[kind]) and not cutting.is_set():
                        await self.news.wait()
        finally:
            self.watches -= 1

    async def _follow_log(self, pod: str) -> AsyncIterator[bytes]:
        """What a container wrote, and goes on to write, until it has ended or is gone."""
        yield b""
        place, over, cutting = 0, False, self.cutting
        while not over and not cutting.is_set():
            over = _has_ended(self.held[PODS].get(pod))
            text = self.logs.get(pod, b"")[place:]
            place += len(text)
            yield text
            async with self.news:
                if not over and len(self.logs.get(pod, b"")) == place and not cutting.is_set():
                    await self.news.wait()

    async def writes(self, pod: str, text: bytes) -> None:
        """A container writes something."""
        self.logs[pod] = self.logs.get(pod, b"") + text
        async with self.news:
            self.news.notify_all()

    def _held(self, request: Any) -> Object:
        try:
            return self.held[_kind(request)][request.name]
        except KeyError:
            raise KubernetesObjectNotFoundError() from None

    async def _tell(self, kind: str, type_: str, found: Object) -> None:
        self.told[kind].append((self.version, type_, copy.deepcopy(found)))
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


def kmock_error(status: int, reason: str) -> Exception:
    return kmock.KubernetesError(status=status, reason=reason, message=reason)


def _kind(request: Any) -> str:
    group = f"{request.resource.group}/{request.resource.version}".lstrip("/")
    return f"{group}/{request.resource.plural}"


def _matches(found: Object, request: Any) -> bool:
    labels = found["metadata"].get("labels") or {}
    wanted = (request.params.get("labelSelector") or "").split(",")
    pairs = [one.split("=") for one in wanted if one]
    return all(labels.get(name) == value for name, value in pairs)


def _has_ended(pod: Object | None) -> bool:
    return pod is None or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _is_owned(found: Object, owner: Object) -> bool:
    owners = found["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == owner["metadata"]["uid"] for one in owners)


def _refusal(status: int, message: str) -> Any:
    import aiohttp.web

    body = {"kind": "Status", "code": status, "message": message}
    return aiohttp.web.Response(
        status=status, text=json.dumps(body), content_type="application/json"
    )

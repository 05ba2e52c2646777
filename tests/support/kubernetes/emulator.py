"""A cluster's API over real HTTP, as far as our requests rely on it.

Objects with versions and uids, several namespaces, label and field selectors, watches that go on
from a version or are told that it is too old, server-side apply, merge patches, logs of pods,
deletion of what an object owns, quotas on pods and claims, the Pod Security Standard "restricted"
in namespaces labelled so, tokens and role based access control where a test gives them. What is
not here: defaults, validation, the scheduler and the controllers; `kubelet` plays the node, and a
test the others, with `write` and the like.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import yaml
from aiohttp import web

from tests.support.kubernetes import pod_security, quota, rbac
from tests.support.kubernetes.kinds import (
    ACCOUNTS,
    CLAIMS,
    CRON_JOBS,
    EVENTS,
    JOBS,
    KINDS,
    NAMESPACES,
    PODS,
    QUOTAS,
    SECRETS,
    UNSPACED,
    Address,
    Object,
    api_version,
    group_of,
    read_path,
)
from tests.support.kubernetes.objects import Objects, merged, stamp
from tests.support.kubernetes.selectors import matches

__all__ = [
    "CRON_JOBS", "EVENTS", "JOBS", "NAMESPACE", "PODS", "SECRETS", "Emulator", "Object", "merged",
    "stamp",
]  # fmt: skip

NAMESPACE = "nacelle-jobs"
_LIMIT = 64 * 1024**2


class Refusal(Exception):
    """The API answers with this status."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Emulator(Objects):
    """A cluster. What a test writes without naming a namespace is in `home`; there is one for each
    of `restricted` too, labelled so."""

    def __init__(self, home: str = NAMESPACE, restricted: Iterable[str] = ()) -> None:
        super().__init__(home)
        self.logs: dict[str, bytes] = {}  # by pod; a test gives each pod a name of its own
        self.forgotten = 0
        # Requests as (verb, kind, name); statuses to answer with before anything is done.
        self.asked: list[tuple[str, str, str]] = []
        self.tokens: set[str] = set()
        self.failing: list[int] = []
        self.refusing: dict[tuple[str, str], tuple[int, str]] = {}
        # Who may ask, by token; while it is empty, everybody may do everything.
        self.accounts: dict[str, rbac.Account] = {}
        # Whether a pod on a node stays until its kubelet has ended it.
        self.has_kubelet = False
        self.watches = 0
        self.cutting = asyncio.Event()
        self.add_namespace(home)
        for name in restricted:
            self.add_namespace(name, {pod_security.LABEL: "restricted"})

    async def forget_versions(self) -> None:
        """Watches from before are too old from now on; those that are open end."""
        self.forgotten = self.version
        await self.cut()

    async def cut(self) -> None:
        """End every watch."""
        self.cutting.set()
        await self.wake()
        while self.watches:
            await asyncio.sleep(0)
        self.cutting = asyncio.Event()

    async def writes(self, pod: str, text: bytes) -> None:
        """A container writes something."""
        self.logs[pod] = self.logs.get(pod, b"") + text
        await self.wake()

    def make_app(self) -> web.Application:
        """What serves this cluster's API."""
        app = web.Application(client_max_size=_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.path == "/version":
                return web.json_response({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})
            return await self._answer(request)
        except Refusal as error:
            return _status(error.status, str(error), error.reason)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        at = read_path(request.path)
        if at is None:
            raise Refusal(404, "the server could not find the requested resource", "NotFound")
        body = await _read(request)
        verb = _verb(request, at)
        name = at.name or str((body.get("metadata") or {}).get("name") or "")
        self.asked.append((verb, at.kind, name))
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.failing and verb != "watch":
            raise Refusal(self.failing.pop(0), "for a while")
        if refused := self.refusing.get((verb, at.kind)):
            raise Refusal(*refused)
        self._authorize(request, verb, at, body)
        if verb == "watch":
            return await self._watch(request, at)
        if at.subresource == "log":
            return await self._follow_log(request, at)
        if verb == "list":
            return web.json_response(self._list(request, at))
        if verb == "fetch":
            return web.json_response(self._shown(at.kind, self._held(at)))
        if verb == "create":
            return web.json_response(await self._create(at, body), status=201)
        if verb in ("delete", "delete-all"):
            return web.json_response(await self._delete(request, verb, at, body))
        return web.json_response(await self._update(request, at, body))

    def _authorize(self, request: web.Request, verb: str, at: Address, body: Object) -> None:
        if not self.accounts:
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        account = self.accounts.get(token)
        if account is None:
            raise Refusal(401, "Unauthorized", "Unauthorized")
        word = {"PUT": "update", "PATCH": "patch"}.get(request.method, verb)
        if why := rbac.refuse(self, account, word, at, body):
            raise Refusal(403, why, "Forbidden")

    def _list(self, request: web.Request, at: Address) -> Object:
        found = [self._shown(at.kind, one) for one in self.find(at.kind, at.namespace)]
        return {
            "kind": f"{KINDS[at.kind]}List",
            "apiVersion": api_version(at.kind),
            "metadata": {"resourceVersion": str(self.version)},
            "items": [one for one in found if _matches(one, request)],
        }

    def _shown(self, kind: str, found: Object) -> Object:
        if kind == QUOTAS:
            return found | {"status": quota.make_status(found, self._counted(found))}
        return found

    def _counted(self, limits: Object) -> Iterator[quota.Usage]:
        namespace = limits["metadata"]["namespace"]
        for kind in (PODS, CLAIMS):
            yield from (quota.usage_of(kind, one) for one in self.find(kind, namespace))

    async def _create(self, at: Address, body: Object) -> Object:
        metadata = body.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName']}{self.version:05x}"
        if at.kind not in UNSPACED:
            metadata["namespace"] = at.namespace
            if not self.exists(at.namespace):
                raise Refusal(404, f'namespaces "{at.namespace}" not found', "NotFound")
        name, plural = metadata["name"], group_of(at.kind)[1]
        if why := self._refuse(at, body):
            raise Refusal(403, f'{plural} "{name}" is forbidden: {why}', "Forbidden")
        if self.get(at.kind, name, at.namespace):
            raise Refusal(409, f'{plural} "{name}" already exists', "AlreadyExists")
        if at.kind == NAMESPACES:
            self.add_namespace(name, metadata.get("labels") or {})
            body.setdefault("status", {"phase": "Active"})
        if at.kind == PODS:
            body["status"] = {"phase": "Pending"}
        if at.kind == CLAIMS:
            # As a storage class that binds at once.
            body["status"] = {"phase": "Bound"}
        return await self.write(at.kind, body)

    def _refuse(self, at: Address, body: Object) -> str | None:
        """Admission: the service account, the Pod Security Standard, quotas."""
        if at.kind == PODS:
            account = body["spec"].get("serviceAccountName") or "default"
            if not self.get(ACCOUNTS, account, at.namespace):
                where = f'{at.namespace}/{account}: serviceaccount "{account}" not found'
                return f"error looking up service account {where}"
            labels = self.all[NAMESPACES][""][at.namespace]["metadata"].get("labels") or {}
            restricted = labels.get(pod_security.LABEL) == "restricted"
            if restricted and (why := pod_security.refuse(body["spec"])):
                return why
        if at.kind in (PODS, CLAIMS):
            for limits in self.find(QUOTAS, at.namespace):
                if why := quota.refuse(at.kind, body, limits, self._counted(limits)):
                    return why
        return None

    async def _update(self, request: web.Request, at: Address, body: Object) -> Object:
        if request.query.get("fieldManager") and request.content_type.startswith(
            "application/apply-patch"
        ):
            return await self._apply(at, body)
        before = self._held(at)
        if request.method == "PUT":
            wanted = body["metadata"].get("resourceVersion")
            if wanted and wanted != before["metadata"]["resourceVersion"]:
                plural = group_of(at.kind)[1]
                why = f'Operation cannot be fulfilled on {plural} "{at.name}": the object has been'
                raise Refusal(409, f"{why} modified", "Conflict")
            kept = {key: before["metadata"][key] for key in ("uid", "creationTimestamp")}
            body["metadata"] = body["metadata"] | kept
            return await self.write(at.kind, {"status": before.get("status", {})} | body)
        return await self.write(at.kind, merged(before, body))

    async def _apply(self, at: Address, body: Object) -> Object:
        before = self.get(at.kind, at.name, at.namespace)
        if before is None:
            body["metadata"].setdefault("name", at.name)
            return await self._create(at, body)
        made = merged({"status": before.get("status", {})}, body)
        for key in ("uid", "creationTimestamp"):
            made["metadata"][key] = before["metadata"][key]
        made["metadata"]["namespace"] = at.namespace
        return await self.write(at.kind, made)

    async def _delete(self, request: web.Request, verb: str, at: Address, body: Object) -> Object:
        if verb == "delete-all":
            for one in self.find(at.kind, at.namespace):
                if _matches(one, request):
                    await self.remove(at.kind, one["metadata"]["name"], at.namespace)
            return {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        found = self._held(at)
        grace = request.query.get("gracePeriodSeconds", body.get("gracePeriodSeconds"))
        waits = self.has_kubelet and at.kind == PODS and bool(found["spec"].get("nodeName"))
        if (waits and str(grace) != "0") or body.get("propagationPolicy") == "Foreground":
            at_once = {"deletionTimestamp": stamp(datetime.now(UTC))}
            return await self.write(at.kind, merged(found, {"metadata": at_once}))
        await self.remove(at.kind, at.name, at.namespace)
        return found

    async def _watch(self, request: web.Request, at: Address) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or 0)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        if since and since < self.forgotten:
            gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
            await _line(answer, {"type": "ERROR", "object": gone})
            return answer
        seconds = request.query.get("timeoutSeconds")
        # What is there comes first where no version is named.
        first = [] if since else self.find(at.kind, at.namespace)
        since = since or self.version
        with self._watching():
            for one in [one for one in first if _matches(one, request)]:
                await _line(answer, {"type": "ADDED", "object": one})
            # Its time is over, or the client went away.
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(float(seconds) if seconds else None):
                    await self._tell_all(request, at, answer, since)
        return answer

    async def _tell_all(
        self, request: web.Request, at: Address, answer: web.StreamResponse, since: int
    ) -> None:
        cutting, place = self.cutting, 0
        while not cutting.is_set():
            told = self.told[at.kind]
            while place < len(told):
                version, type_, found = told[place]
                place += 1
                here = at.namespace in ("", found["metadata"].get("namespace"))
                if version > since and here and _matches(found, request):
                    await _line(answer, {"type": type_, "object": found})
            async with self.news:
                if place >= len(self.told[at.kind]) and not cutting.is_set():
                    await self.news.wait()

    async def _follow_log(self, request: web.Request, at: Address) -> web.StreamResponse:
        """What a container wrote, and goes on to write, until it has ended or is gone."""
        self._held(at)
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        place, cutting = 0, self.cutting
        over = request.query.get("follow") != "true"
        while not cutting.is_set():
            over = over or _has_ended(self.get(PODS, at.name, at.namespace))
            text = self.logs.get(at.name, b"")[place:]
            place += len(text)
            if text:
                await answer.write(text)
            if over:
                break
            async with self.news:
                if len(self.logs.get(at.name, b"")) == place and not cutting.is_set():
                    await self.news.wait()
        return answer

    def _held(self, at: Address) -> Object:
        found = self.get(at.kind, at.name, at.namespace)
        if found is None:
            plural = group_of(at.kind)[1]
            raise Refusal(404, f'{plural} "{at.name}" not found', "NotFound")
        return found

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self.watches += 1
        try:
            yield
        finally:
            self.watches -= 1


async def _read(request: web.Request) -> Object:
    text = await request.read()
    # Server-side apply takes YAML, of which JSON is a part.
    found: Any = {}
    if text:
        found = json.loads(text) if text.lstrip()[:1] == b"{" else yaml.safe_load(text)
    if not isinstance(found, dict):
        raise Refusal(415, "only objects are understood here: no JSON patch")
    return found


def _verb(request: web.Request, at: Address) -> str:
    if request.method == "GET":
        if at.name:
            return "fetch"
        return "watch" if request.query.get("watch", "").lower() in ("1", "true") else "list"
    if request.method == "DELETE":
        return "delete" if at.name else "delete-all"
    return "create" if request.method == "POST" else "update"


async def _line(answer: web.StreamResponse, told: Object) -> None:
    await answer.write(json.dumps(told).encode() + b"\n")


def _matches(found: Object, request: web.Request) -> bool:
    query = request.query
    return matches(found, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _has_ended(pod: Object | None) -> bool:
    return pod is None or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _status(status: int, message: str, reason: str) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": status,
        "message": message,
        "reason": reason,
    }
    return web.json_response(body, status=status)

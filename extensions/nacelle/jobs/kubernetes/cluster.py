"""The API of a cluster as the engine uses it: objects as plain JSON, in one namespace."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import ConfigException, load_incluster_config, load_kube_config

from nacelle.jobs.kubernetes.naming import Object
from nacelle.jobs.kubernetes.work import Passing
from nacelle.settings import SettingsError

MANAGER = "nacelle-jobs-engine"
# The server ends a watch after so long; it goes on where it was.
WATCH_SECONDS = 290
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=WATCH_SECONDS + 60)
# Try again: too many requests, the server itself, a gateway before it.
_PASSING = (408, 429, 500, 502, 503, 504)
_GONE, _MISSING, _THERE = 410, 404, 409


@dataclass(frozen=True)
class Kind:
    """A kind of object: where the API serves it."""

    group: str
    plural: str


CRON_JOBS = Kind("apis/batch/v1", "cronjobs")
JOBS = Kind("apis/batch/v1", "jobs")
PODS = Kind("api/v1", "pods")
EVENTS = Kind("api/v1", "events")
SECRETS = Kind("api/v1", "secrets")


class ClusterAway(Passing):
    """The cluster gives no answer that can be relied on: ask again later, conclude nothing."""


class ClusterRefused(Exception):
    """The cluster refuses, and will by asking again; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the cluster refused ({status}): {message}")
        self.status = status
        self.message = message


class Expired(Exception):
    """The version to watch from is too old: list again."""


class Cluster:
    """Objects of one namespace. Everything raises ClusterAway and ClusterRefused."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    async def list(self, kind: Kind, selector: str = "") -> tuple[list[dict[str, Any]], str]:
        """All objects, and the version from which to watch."""
        query = {"labelSelector": selector} if selector else {}
        found = await self._ask("GET", self._path(kind), query)
        return list(found.get("items") or ()), str(found["metadata"].get("resourceVersion", ""))

    async def watch(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """What changes after a version: ADDED, MODIFIED, DELETED or BOOKMARK, and the object.

        Ends when the server ends it. Raises Expired.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
            **({"labelSelector": selector} if selector else {}),
        }
        async for line in _lines(self._stream(self._path(kind), query)):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                if status.get("code") == _GONE:
                    raise Expired
                raise ClusterAway(str(status.get("message") or status))
            yield event["type"], event["object"]

    async def create(self, kind: Kind, made: Object) -> dict[str, Any] | None:
        """Make an object; None when there is one of its name."""
        try:
            return await self._ask("POST", self._path(kind), {}, made)
        except ClusterRefused as error:
            if error.status == _THERE:
                return None
            raise

    async def apply(self, kind: Kind, made: Object) -> dict[str, Any]:
        """Make an object or bring it to this state, by server-side apply."""
        query = {"fieldManager": MANAGER, "force": "true"}
        path = self._path(kind, made["metadata"]["name"])
        return await self._ask("PATCH", path, query, made, "application/apply-patch+yaml")

    async def patch(self, kind: Kind, name: str, changes: Object) -> dict[str, Any] | None:
        """Merge into an object; None when there is none."""
        try:
            return await self._ask(
                "PATCH", self._path(kind, name), {}, changes, "application/merge-patch+json"
            )
        except ClusterRefused as error:
            if error.status == _MISSING:
                return None
            raise

    async def delete(self, kind: Kind, name: str, *, policy: str = "Background") -> None:
        """Delete an object and what it owns; none of its name is as good."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            await self._ask("DELETE", self._path(kind, name), {}, options)
        except ClusterRefused as error:
            if error.status != _MISSING:
                raise

    async def log(self, pod: str, container: str) -> AsyncIterator[bytes]:
        """What a container writes, from its first line to its end, as it comes."""
        query = {"container": container, "follow": "true"}
        async for chunk in self._stream(f"{self._path(PODS, pod)}/log", query):
            yield chunk

    async def close(self) -> None:
        await self._client.close()

    def _path(self, kind: Kind, name: str = "") -> str:
        path = f"/{kind.group}/namespaces/{self.namespace}/{kind.plural}"
        return f"{path}/{name}" if name else path

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None = None,
        content: str = "application/json",
    ) -> dict[str, Any]:
        answer = await self._send(method, path, query, _TIMEOUT, body, content)
        try:
            text = await answer.read()
            await _check(answer, text)
            found: dict[str, Any] = json.loads(text)
            return found
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ClusterAway(f"the cluster broke off ({type(error).__name__})") from None
        finally:
            answer.release()

    async def _stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        answer = await self._send("GET", path, query, _STREAM)
        try:
            if answer.status != 200:
                await _check(answer, await answer.read())
            async for chunk in answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(f"the cluster broke off ({type(error).__name__})") from None
        finally:
            # Not kept: what is still to come would be the next request's answer.
            answer.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        body: Object | None = None,
        content: str = "application/json",
    ) -> aiohttp.ClientResponse:
        # As kubectl asks: a log is no JSON.
        headers = {"Accept": "application/json, */*", "Content-Type": content}
        try:
            await self._client.update_params_for_auth(headers, [], ["BearerToken"])
            answer: aiohttp.ClientResponse = await self._client.rest_client.request(
                method,
                f"{self._client.configuration.host}{path}",
                query_params=dict(query),
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=timeout,
            )
            return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterAway(f"the cluster does not answer ({type(error).__name__})") from None


async def connect(namespace: str) -> Cluster:
    """The cluster that this pod runs in, or the one that KUBECONFIG names.

    Raises SettingsError when there is none.
    """
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        file = os.environ.get("KUBECONFIG")
        try:
            await load_kube_config(file, client_configuration=configuration)
        except (ConfigException, OSError) as error:
            raise SettingsError(
                "jobs.engine is kubernetes, but there is no cluster: this process runs in no pod,"
                f" and KUBECONFIG ({file or 'not set'}) names no usable file ({error})."
            ) from None
    return Cluster(ApiClient(configuration), namespace)


async def _check(answer: aiohttp.ClientResponse, text: bytes) -> None:
    if answer.status < 300:
        return
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text[:200].decode(errors="replace")
    if answer.status == _GONE:
        raise Expired
    # 401: the account's token is being replaced.
    if answer.status in _PASSING or answer.status == 401:
        raise ClusterAway(f"the cluster answered {answer.status}: {message}")
    raise ClusterRefused(answer.status, message)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines, however long: an object is one line."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line

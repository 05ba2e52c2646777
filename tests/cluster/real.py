"""A real cluster, asked as its administrator: objects, commands in pods, a way to a port."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api
from kubernetes_asyncio.config import load_kube_config
from kubernetes_asyncio.stream import WsApiClient

from tests.support.kubernetes.kinds import KINDS, NAMESPACES, PODS, UNSPACED, Object, api_version
from tests.support.waiting import wait_for

Found = TypeVar("Found")
_PLURALS = {(api_version(kind), name): kind for kind, name in KINDS.items()}


class Refused(Exception):
    """The cluster refused; `status` and its own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class RealCluster:
    """The cluster that KUBECONFIG names; a context manager."""

    def __enter__(self) -> RealCluster:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._configuration: Any = Configuration()
        file = os.environ["KUBECONFIG"]
        self._call(load_kube_config(file, client_configuration=self._configuration))
        self._client, self._ws = self._call(self._connect())
        return self

    def __exit__(self, *error: object) -> None:
        self._call(self._ws.close())
        self._call(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _connect(self) -> tuple[ApiClient, WsApiClient]:
        # Their sessions belong to the loop that they are made in.
        return ApiClient(self._configuration), WsApiClient(self._configuration)

    def _call(self, doing: Coroutine[Any, Any, Found]) -> Found:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(120)

    # Objects.

    def ask(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """One request. Raises Refused."""
        return self._call(self._ask(method, path, body, query or {}))

    async def _ask(
        self, method: str, path: str, body: Object | None, query: Mapping[str, str]
    ) -> Object:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"])
        answer = await self._client.rest_client.request(
            method,
            self._configuration.host + path,
            query_params=dict(query),
            headers=headers,
            body=body,
            _preload_content=False,
        )
        text = await answer.read()
        found: Object = json.loads(text) if text else {}
        if answer.status >= 300:
            raise Refused(answer.status, str(found.get("message", text[:200])))
        return found

    def apply(self, objects: list[Object]) -> list[Object]:
        """Make what is not there; returns what was made."""
        new = []
        for made in objects:
            kind = _PLURALS[made["apiVersion"], made["kind"]]
            try:
                self.ask("POST", path_of(kind, made["metadata"].get("namespace", "")), made)
                new.append(made)
            except Refused as error:
                if error.status != 409:
                    raise
        return new

    def find(self, kind: str, namespace: str = "", **query: str) -> list[Object]:
        found: list[Object] = self.ask("GET", path_of(kind, namespace), query=query)["items"]
        return found

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        try:
            return self.ask("GET", path_of(kind, namespace, name))
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """None of its name is as good."""
        try:
            self.ask("DELETE", path_of(kind, namespace, name))
        except Refused as error:
            if error.status != 404:
                raise

    def remove(self, objects: list[Object]) -> None:
        """Remove what `apply` made; with a namespace goes what is in it."""
        for made in reversed(objects):
            kind = _PLURALS[made["apiVersion"], made["kind"]]
            if kind in UNSPACED:
                self.delete(kind, made["metadata"]["name"])

    def wait_removed(self, namespaces: list[str]) -> None:
        def gone() -> bool:
            return not any(self.get(NAMESPACES, name) for name in namespaces)

        wait_for(gone, 120, "the end of the namespaces")

    # Pods.

    def run(self, pod: str, namespace: str, *command: str, container: str) -> str:
        """What a command in a container writes."""
        api: Any = CoreV1Api(self._ws)
        asked = api.connect_get_namespaced_pod_exec(
            pod,
            namespace,
            command=list(command),
            container=container,
            stdin=False,
            stdout=True,
            stderr=True,
            tty=False,
        )
        return str(self._call(asked))

    def log(self, pod: str, namespace: str, container: str) -> str:
        api: Any = CoreV1Api(self._client)
        asked = api.read_namespaced_pod_log(pod, namespace, container=container, tail_lines=60)
        return str(self._call(asked))

    @contextmanager
    def forward(self, pod: str, namespace: str, port: int) -> Iterator[str]:
        """An address on this machine that leads to a port of a pod: by `kubectl` where it is, else
        by the API's own websocket."""
        with (
            self._by_kubectl(pod, namespace, port)
            if shutil.which("kubectl")
            else (self._by_websocket(pod, namespace, port)) as address
        ):
            yield address

    @contextmanager
    def _by_kubectl(self, pod: str, namespace: str, port: int) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            own = probe.getsockname()[1]
        command = ["kubectl", "--namespace", namespace, "port-forward", f"pod/{pod}"]
        process = subprocess.Popen(
            [*command, f"{own}:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(lambda: _listens(own), 30, "the way to the pod")
            yield f"http://127.0.0.1:{own}"
        finally:
            process.terminate()
            process.wait(10)

    @contextmanager
    def _by_websocket(self, pod: str, namespace: str, port: int) -> Iterator[str]:
        path = f"{path_of(PODS, namespace, pod)}/portforward?ports={port}"

        async def begin() -> asyncio.Server:
            return await asyncio.start_server(
                lambda reader, writer: self._relay(path, reader, writer), "127.0.0.1", 0
            )

        server = self._call(begin())
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self._loop.call_soon_threadsafe(server.close)

    async def _relay(
        self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection: channel 0 carries data, 1 errors; each begins with the port's number."""
        headers = {"sec-websocket-protocol": "v4.channel.k8s.io"}
        await self._ws.update_params_for_auth(headers, [], ["BearerToken"])
        url = str(self._configuration.host).replace("http", "ws", 1) + path
        async with self._ws.rest_client.pool_manager.ws_connect(url, headers=headers) as ws:

            async def send() -> None:
                while piece := await reader.read(65536):
                    await ws.send_bytes(b"\0" + piece)
                await ws.close()

            sending = asyncio.create_task(send())
            begun = {0: False, 1: False}
            async for message in ws:
                channel, data = message.data[0], message.data[1:]
                if not begun.get(channel, True):
                    begun[channel], data = True, data[2:]
                if channel == 0 and data:
                    writer.write(data)
                    await writer.drain()
            sending.cancel()
        writer.close()


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """The path at which the API serves objects, or one."""
    version, plural = kind.rsplit("/", 1)
    path = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    path += f"/namespaces/{namespace}" if namespace else ""
    return f"{path}/{plural}" + (f"/{name}" if name else "")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

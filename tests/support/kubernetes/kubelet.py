"""Stands for the scheduler and the node of an emulated cluster: pods become Running, and end.

A pod is placed when a node fits it (node selector, taints, GPUs, its claims), its image is pulled,
and its container runs: as a local process on a loopback address of its own (`Processes`), or not
at all (`Idle`). A test plays what goes wrong: an image that is not there, a container killed for
memory, an eviction, a lost node. Nothing is isolated here; what a real node enforces is not proved.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import CLAIMS, EVENTS, NODES, PODS, Object
from tests.support.kubernetes.node import (
    find_node,
    make_conditions,
    make_container_status,
    make_event,
    make_node,
    make_unplaced,
    now,
    uid_of,
)

_KILLED = 137

log = logging.getLogger(__name__)


class Runtime(Protocol):
    """What runs a pod's first container."""

    async def start(self, pod: Object, address: str) -> None: ...

    async def wait(self, pod: Object) -> int:
        """The exit code, once it has ended."""
        ...

    async def stop(self, pod: Object) -> None: ...


class Idle:
    """Containers that run nothing, until they are stopped; their ports take connections."""

    def __init__(self) -> None:
        self._over: dict[str, asyncio.Event] = {}
        self._doors: dict[str, asyncio.Server] = {}

    async def start(self, pod: Object, address: str) -> None:
        self._over[uid_of(pod)] = asyncio.Event()
        for port in pod["spec"]["containers"][0].get("ports") or ():
            door = await asyncio.start_server(
                lambda _, writer: writer.close(), address, port["containerPort"]
            )
            self._doors[uid_of(pod)] = door

    async def wait(self, pod: Object) -> int:
        await self._over[uid_of(pod)].wait()
        return 143

    async def stop(self, pod: Object) -> None:
        if door := self._doors.pop(uid_of(pod), None):
            door.close()
        if over := self._over.pop(uid_of(pod), None):
            over.set()


class Kubelet:
    """Plays scheduler and node for every pod of a cluster, as an async context manager."""

    def __init__(
        self, cluster: Emulator, runtime: Runtime | None = None, start_seconds: float = 0.0
    ) -> None:
        self.cluster = cluster
        self.runtime: Runtime = runtime or Idle()
        self.start_seconds = start_seconds
        # Images that cannot be pulled, each with what the registry says.
        self.bad_images: dict[str, str] = {}
        # Pods (by name) that no node takes, each with what the scheduler says; and those whose
        # image is still being pulled. `Emulator.wake` tells of a change.
        self.unplaced: dict[str, str] = {}
        self.unstarted: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Of its own: another cluster of another test may run beside this one.
        self._subnet = random.randrange(1, 255)
        self._addresses = itertools.count(random.randrange(0, 250) * 250)
        self._events = itertools.count(1)

    async def __aenter__(self) -> Kubelet:
        self.cluster.has_kubelet = True
        if not self.cluster.find(NODES):
            await self.cluster.write(NODES, make_node())
        self._main = asyncio.create_task(self._attend())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [self._main, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for pod in self.cluster.find(PODS):
            await self.runtime.stop(pod)

    # What a test plays.

    async def kill_for_memory(self, name: str, namespace: str | None = None) -> None:
        """The container needed more memory than its limit."""
        await self._interrupt(name, namespace, {"exitCode": _KILLED, "reason": "OOMKilled"})

    async def end(self, name: str, code: int = 0, namespace: str | None = None) -> None:
        """The container ends by itself."""
        await self._interrupt(name, namespace, _ended(code))

    async def evict(self, name: str, message: str, namespace: str | None = None) -> None:
        """The node needs what the pod uses."""
        pod = self._pod(name, namespace)
        await self._event(pod, "Warning", "Evicted", message)
        self._forget(pod)
        await self.runtime.stop(pod)
        ended = {"terminated": {"exitCode": _KILLED, "reason": "Error", "finishedAt": now()}}
        statuses = [make_container_status(pod, ended)]
        said = {"reason": "Evicted", "message": message}
        await self._status(pod, phase="Failed", containerStatuses=statuses, **said)

    async def lose_node(self, name: str) -> None:
        """A node does not answer any more; the cluster removes its pods after a while."""
        gone = [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]
        await self.cluster.change(NODES, name, status={"conditions": gone})
        for pod in self.cluster.find(PODS):
            if pod["spec"].get("nodeName") != name:
                continue
            self._forget(pod)
            await self.runtime.stop(pod)
            own, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
            said = {"reason": "NodeLost", "message": f"Node {name} which was running pod {own}"}
            await self._status(pod, **said)
            told = "Node is not ready"
            await self._event(pod, "Warning", "NodeNotReady", told, "node-controller")
            await self.cluster.remove(PODS, own, where)

    # What a cluster does.

    async def _attend(self) -> None:
        place, told = len(self.cluster.told[PODS]), self.cluster.told[PODS]
        for pod in self.cluster.find(PODS):
            self._take_up(pod)
        while True:
            while place < len(told):
                _, type_, pod = told[place]
                place += 1
                if type_ == "ADDED":
                    self._take_up(pod)
                elif type_ == "DELETED":
                    self._forget(pod)
                    await self.runtime.stop(pod)
                elif pod["metadata"].get("deletionTimestamp"):
                    self._forget(pod)
                    self._tasks[uid_of(pod)] = asyncio.create_task(self._remove(pod))
            async with self.cluster.news:
                if place >= len(told):
                    await self.cluster.news.wait()

    def _take_up(self, pod: Object) -> None:
        if uid_of(pod) not in self._tasks:
            task = asyncio.create_task(self._run(pod))
            task.add_done_callback(_tell_failure)
            self._tasks[uid_of(pod)] = task

    def _forget(self, pod: Object) -> None:
        if task := self._tasks.pop(uid_of(pod), None):
            task.cancel()

    async def _run(self, pod: Object) -> None:
        name, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
        node = await self._placed(pod)
        await self.cluster.change(PODS, name, where, spec={"nodeName": node})
        await self._status(pod, conditions=make_conditions("PodScheduled"))
        told = f"Successfully assigned {where}/{name} to {node}"
        await self._event(pod, "Normal", "Scheduled", told, "default-scheduler")
        image = pod["spec"]["containers"][0]["image"]
        await self._event(pod, "Normal", "Pulling", f'Pulling image "{image}"')
        await self._waits(pod, "ContainerCreating", "")
        if image in self.bad_images:
            await self._cannot_pull(pod, image)
            return
        await asyncio.sleep(self.start_seconds)
        await self._until(lambda: name not in self.unstarted)
        await self._event(pod, "Normal", "Pulled", f'Successfully pulled image "{image}"')
        number = next(self._addresses)
        address = f"127.{self._subnet}.{number // 250 % 250}.{number % 250 + 1}"
        await self._status(pod, podIP=address, hostIP="127.0.0.1", startTime=now())
        while await self._runs(pod, address):
            await self._event(pod, "Warning", "BackOff", "Back-off restarting failed container")

    async def _runs(self, pod: Object, address: str) -> bool:
        """Run the container once. Returns whether it is to run again."""
        container = pod["spec"]["containers"][0]["name"]
        await self._event(pod, "Normal", "Created", f"Created container {container}")
        await self.runtime.start(pod, address)
        await self._event(pod, "Normal", "Started", f"Started container {container}")
        await self._starts(pod)
        return await self._ends(pod, _ended(await self.runtime.wait(pod)))

    async def _starts(self, pod: Object) -> None:
        held = self._pod(pod["metadata"]["name"], pod["metadata"]["namespace"])
        running = {"running": {"startedAt": now()}}
        statuses = [make_container_status(held, running, ready=True)]
        conditions = make_conditions("PodScheduled", "Initialized", "ContainersReady", "Ready")
        await self._status(pod, phase="Running", conditions=conditions, containerStatuses=statuses)

    async def _ends(self, pod: Object, ended: Object) -> bool:
        """Write how a container ended. Returns whether it is to run again, as its pod says."""
        held = self._pod(pod["metadata"]["name"], pod["metadata"]["namespace"])
        state = {"terminated": {"startedAt": now(), "finishedAt": now(), **ended}}
        policy = pod["spec"].get("restartPolicy", "Always")
        failed = bool(ended["exitCode"])
        again: bool = policy == "Always" or (policy == "OnFailure" and failed)
        made = make_container_status(held, state)
        if again:
            waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
            counted = made["restartCount"] + 1
            made |= {"lastState": state, "state": waiting, "restartCount": counted}
            await self._status(pod, containerStatuses=[made])
        else:
            phase = "Failed" if failed else "Succeeded"
            await self._status(pod, phase=phase, containerStatuses=[made])
        return again

    async def _interrupt(self, name: str, namespace: str | None, ended: Object) -> None:
        pod = self._pod(name, namespace)
        self._forget(pod)
        await self.runtime.stop(pod)
        if await self._ends(pod, ended):
            task = self._run_again(pod, pod["status"]["podIP"])
            self._tasks[uid_of(pod)] = asyncio.create_task(task)

    async def _run_again(self, pod: Object, address: str) -> None:
        while await self._runs(pod, address):
            pass

    async def _placed(self, pod: Object) -> str:
        """The node that takes a pod, once there is one."""
        node, why = self._fit(pod)
        while not node:
            await self._status(pod, conditions=make_unplaced(why))
            await self._event(pod, "Warning", "FailedScheduling", why, "default-scheduler")
            said = why
            while (node, why) == ("", said):
                async with self.cluster.news:
                    await self.cluster.news.wait()
                node, why = self._fit(pod)
        return node

    def _fit(self, pod: Object) -> tuple[str, str]:
        name, spec = pod["metadata"]["name"], pod["spec"]
        if name in self.unplaced:
            return "", self.unplaced[name]
        for volume in spec.get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim and not self.cluster.get(CLAIMS, claim, pod["metadata"]["namespace"]):
                return "", f'persistentvolumeclaim "{claim}" not found'
        return find_node(spec, self.cluster.find(NODES), self.cluster.find(PODS))

    async def _cannot_pull(self, pod: Object, image: str) -> None:
        why = f'failed to pull and unpack image "{image}": {self.bad_images[image]}'
        await self._waits(pod, "ErrImagePull", why)
        await self._event(pod, "Warning", "Failed", f'Failed to pull image "{image}": {why}')
        await self._event(pod, "Warning", "Failed", "Error: ErrImagePull")
        back = f'Back-off pulling image "{image}"'
        await self._waits(pod, "ImagePullBackOff", f"{back}: {why}")
        await self._event(pod, "Normal", "BackOff", back)

    async def _remove(self, pod: Object) -> None:
        name, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
        await self._event(pod, "Normal", "Killing", "Stopping container")
        await self.runtime.stop(pod)
        found = self.cluster.get(PODS, name, where)
        if found and uid_of(found) == uid_of(pod):
            await self.cluster.remove(PODS, name, where)

    def _pod(self, name: str, namespace: str | None) -> Object:
        found = self.cluster.get(PODS, name, namespace)
        assert found, f"there is no pod {name}"
        return found

    async def _waits(self, pod: Object, reason: str, message: str) -> None:
        state = {"waiting": {"reason": reason, "message": message}}
        await self._status(pod, containerStatuses=[make_container_status(pod, state)])

    async def _status(self, pod: Object, **status: Any) -> None:
        name, where = pod["metadata"]["name"], pod["metadata"]["namespace"]
        found = self.cluster.get(PODS, name, where)
        if found and uid_of(found) == uid_of(pod):
            await self.cluster.change(PODS, name, where, status=status)

    async def _event(
        self, pod: Object, type_: str, reason: str, message: str, by: str = "kubelet"
    ) -> None:
        made = make_event(pod, next(self._events), type_, reason, message, by)
        await self.cluster.write(EVENTS, made)

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with self.cluster.news:
            await self.cluster.news.wait_for(reached)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("a pod could not be run", exc_info=error)


def _ended(code: int) -> Object:
    return {"exitCode": code, "reason": "Error" if code else "Completed"}

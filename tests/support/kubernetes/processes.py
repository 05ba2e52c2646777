"""Containers as local processes, each on a loopback address of its own.

What stands for a container's own view: the address replaces 0.0.0.0, folders replace the paths at
which volumes are mounted, wherever arguments and variables name them. A claim's folder stays when
its pod is gone.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

from tests.support.kubernetes.emulator import Emulator
from tests.support.kubernetes.kinds import CONFIG_MAPS, SECRETS, Object
from tests.support.kubernetes.node import uid_of

_GRACE = 5.0


class Processes:
    """Runs the first container of pods of a cluster, with files below `folder`."""

    def __init__(self, cluster: Emulator, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self._logs: dict[str, asyncio.Task[None]] = {}

    async def start(self, pod: Object, address: str) -> None:
        container = pod["spec"]["containers"][0]
        places = self._mount(pod)
        longest = sorted(places, key=lambda one: -len(one))
        # In one pass: a folder may lie below a path that is mounted.
        paths = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest))})(?![\w.-])")

        def here(text: str) -> str:
            for_address = text.replace("0.0.0.0", address)
            return paths.sub(lambda found: str(places[found[0]]), for_address)

        command = [*(container.get("command") or ()), *(container.get("args") or ())]
        # In a container of ours nobody is root; here the tests may be.
        command += ["--allow-root"] if os.geteuid() == 0 and "nacelle.lab.start" in command else []
        binaries = Path(sys.executable).parent
        env = {"PATH": f"{binaries}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        env |= {one["name"]: here(self._value(pod, one)) for one in container.get("env") or ()}
        home = next(iter(places.values()), self.folder)
        process = await asyncio.create_subprocess_exec(
            *(here(str(one)) for one in command),
            env={"HOME": str(home), **env},
            cwd=here(str(container.get("workingDir") or home)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self.running[uid_of(pod)] = process
        self._logs[uid_of(pod)] = asyncio.create_task(self._copy(pod, process))

    async def wait(self, pod: Object) -> int:
        code = await self.running[uid_of(pod)].wait()
        return code if code >= 0 else 128 - code

    async def stop(self, pod: Object) -> None:
        process = self.running.pop(uid_of(pod), None)
        if process is None:
            return
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await process.wait()
        # Kernels live in its session, and go with the container.
        _signal(process, signal.SIGKILL)
        await process.wait()
        await self._logs.pop(uid_of(pod))

    async def _copy(self, pod: Object, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        while text := await process.stdout.read(65536):
            await self.cluster.writes(pod["metadata"]["name"], text)

    def _mount(self, pod: Object) -> dict[str, Path]:
        """The folder of each path at which a volume is mounted; the first is the home."""
        spec, where = pod["spec"], pod["metadata"]["namespace"]
        volumes = {one["name"]: one for one in spec.get("volumes") or ()}
        places = {}
        for mount in spec["containers"][0].get("volumeMounts") or ():
            volume = volumes[mount["name"]]
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            own = f"claims/{claim}" if claim else f"pods/{uid_of(pod)}/{mount['name']}"
            folder = self.folder / where / own / (mount.get("subPath") or "")
            folder.mkdir(parents=True, exist_ok=True)
            self._fill(volume, where, folder)
            places[mount["mountPath"]] = folder
        if not places:
            alone = self.folder / where / "pods" / uid_of(pod) / "home"
            alone.mkdir(parents=True, exist_ok=True)
            places["/home/jovyan"] = alone
        return places

    def _fill(self, volume: Object, where: str, folder: Path) -> None:
        if "secret" in volume:
            found = self.cluster.get(SECRETS, volume["secret"]["secretName"], where) or {}
            for name, text in (found.get("data") or {}).items():
                (folder / name).write_bytes(base64.b64decode(text))
            for name, text in (found.get("stringData") or {}).items():
                (folder / name).write_text(text)
        if "configMap" in volume:
            found = self.cluster.get(CONFIG_MAPS, volume["configMap"]["name"], where) or {}
            for name, text in (found.get("data") or {}).items():
                (folder / name).write_text(text)

    def _value(self, pod: Object, variable: Object) -> str:
        if "valueFrom" not in variable:
            return str(variable.get("value") or "")
        path = (variable["valueFrom"].get("fieldRef") or {}).get("fieldPath", "")
        if path.startswith("metadata.labels['"):
            return str((pod["metadata"].get("labels") or {}).get(path[17:-2], ""))
        at: object = pod
        for part in path.split("."):
            at = at.get(part, "") if isinstance(at, dict) else ""
        return str(at)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)

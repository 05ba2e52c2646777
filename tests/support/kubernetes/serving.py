"""An emulated cluster at an address: in a test's own loop, or in a thread for real processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from aiohttp import web

from tests.support.kubernetes.emulator import Emulator

Found = TypeVar("Found")


@asynccontextmanager
async def serve(emulator: Emulator) -> AsyncIterator[str]:
    """Serve a cluster's API on loopback; gives its address."""
    runner = web.AppRunner(emulator.make_app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        emulator.cutting.set()
        await emulator.wake()
        await runner.cleanup()


class Served:
    """A cluster that a thread serves; `call` does something in that thread."""

    def __init__(self, emulator: Emulator, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.cluster = emulator
        self.url = url
        self._loop = loop

    def call(self, doing: Coroutine[Any, Any, Found]) -> Found:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(60)


@contextmanager
def served(
    make: Callable[[], Emulator], beside: Callable[[Emulator], Any] | None = None
) -> Iterator[Served]:
    """A cluster in a thread of its own. `beside` makes an async context manager over it, such as a
    Kubelet, which runs in the same thread."""
    started: Any = threading.Event()
    found: dict[str, Any] = {}

    async def run() -> None:
        found["loop"], found["over"] = asyncio.get_running_loop(), asyncio.Event()
        emulator = make()
        async with serve(emulator) as url:
            found["served"] = Served(emulator, url, found["loop"])
            if beside is None:
                started.set()
                await found["over"].wait()
                return
            async with beside(emulator):
                started.set()
                await found["over"].wait()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            found["error"] = error
        finally:
            started.set()

    thread = threading.Thread(target=work, name="cluster", daemon=True)
    thread.start()
    started.wait()
    try:
        if "error" in found:
            raise found["error"]
        yield found["served"]
    finally:
        if "over" in found:
            found["loop"].call_soon_threadsafe(found["over"].set)
        thread.join(30)
    if "error" in found:
        raise found["error"]


def write_kubeconfig(
    file: Path, url: str, token: str = "cluster-token", namespace: str = "default"
) -> Path:
    """A file such as KUBECONFIG names."""
    context = {"cluster": "emulated", "user": "test", "namespace": namespace}
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "emulated",
        "contexts": [{"name": "emulated", "context": context}],
        "clusters": [{"name": "emulated", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": token}}],
    }
    file.write_text(yaml.safe_dump(made), encoding="utf-8")
    return file

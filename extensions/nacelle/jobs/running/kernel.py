"""The kernel of a run: a process below a warden, started before anything else is loaded."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

from nacelle.jobs.order import RunFolder
from nacelle.jobs.running.children import warded
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.voice import Voice

# What a kernel may take to write down what it holds before it is killed; half of it for asking.
_SHUTDOWN_SECONDS = 20.0
# The warden's, when there was nothing to start.
_NOT_THERE = 127


class WardedKernelManager(AsyncKernelManager):
    """Starts the kernel's command below a warden."""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return warded(super().format_kernel_cmd(extra_arguments))


class Kernel:
    """One kernel; `name` and `language` are those of its kernelspec."""

    def __init__(self, name: str, folder: RunFolder, journal: Journal) -> None:
        """Raises Ended when there is no such kernel."""
        self.name = name
        self._folder = folder
        self._journal = journal
        self._voice: Voice | None = None
        self.spec = find_kernel(name)
        self.language = str(self.spec.language)
        self.manager: Any = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process; it answers when a client has waited for it."""
        for place in (self._folder.runtime, self._folder.home, self._folder.work):
            place.mkdir(mode=0o700, exist_ok=True)
        self.manager = WardedKernelManager(kernel_name=self.name)
        self.manager.shutdown_wait_time = _SHUTDOWN_SECONDS
        # What is typed is kept nowhere but in the notebook.
        quiet = ["--HistoryManager.hist_file=:memory:"] if self.language == "python" else []
        voice = self._voice = Voice(self._journal)
        run_sync(self.manager.start_kernel)(
            extra_arguments=quiet,
            env=dict(environment),
            cwd=str(self._folder.work),
            stdout=voice.pipe,
            stderr=subprocess.STDOUT,
        )
        voice.listen()

    def answered(self) -> None:
        """The kernel is there: what its process writes from here on comes from the notebook."""
        if self._voice:
            self._voice.forget()
            self._voice.aloud = self.language != "python"

    def exit_code(self) -> int | None:
        """How the process ended; None while it lives or when nobody knows any more."""
        process = getattr(getattr(self.manager, "provisioner", None), "process", None)
        return None if process is None else process.poll()

    def last_words(self) -> str:
        """The end of what the process itself wrote."""
        return self._voice.last_words() if self._voice else ""

    def is_missing(self) -> bool:
        """Whether the program that the kernelspec names is not there."""
        return self.exit_code() == _NOT_THERE

    def kill(self) -> None:
        """End the process and all below it, now; from any thread."""
        process = getattr(getattr(self.manager, "provisioner", None), "process", None)
        if process is not None:
            # Its warden, which leaves nothing behind.
            process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Let it end by itself, for a while; nothing is left of it afterwards."""
        if self._voice:
            self._voice.aloud = False
        manager, self.manager = self.manager, None
        if manager is None:
            return
        if run_sync(manager.is_alive)():
            run_sync(manager.shutdown_kernel)()
        run_sync(manager.cleanup_resources)()


def find_kernel(name: str) -> KernelSpec:
    """The kernelspec `name`. Raises Ended when it is not installed."""
    try:
        return KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise Ended("kernel-missing", kernel=name) from None

"""Programs that print JSON: one after the other, or side by side with a core each."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from benchmarks.figure import Report
from tests.support.installation import plain_environment

ROOT = Path(__file__).parents[1]
PATIENCE = 1800
Key = tuple[str, str]


class Jobs:
    """Runs programs; those that still run are ended when one fails or the benchmark is ended."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._running: set[subprocess.Popen[str]] = set()

    def json(self, command: Sequence[str], core: int | None = None) -> Any:
        """The JSON object that a program prints, on one core or as many as it likes."""
        pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
        threads = {} if core is None else {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [*pinned, *command],
            env=plain_environment(**threads),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.add(process)
        try:
            output, words = process.communicate(timeout=PATIENCE)
        finally:
            self._end(process)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[1:4])} ended with: {words[-2000:]}")
        return json.loads(output)

    def beside(self, commands: Mapping[Key, Sequence[str]]) -> dict[Key, Any]:
        """What each program printed, as many at a time as there are cores, each on one."""
        cores: Queue[int] = Queue()
        for core in sorted(os.sched_getaffinity(0)):
            cores.put(core)

        def one(key: Key) -> Any:
            core, began = cores.get(), time.monotonic()
            try:
                found = self.json(commands[key], core)
            finally:
                cores.put(core)
            self._report(f"{', '.join(key)}: {(time.monotonic() - began) / 60:.1f} minutes")
            return found

        pool = ThreadPoolExecutor(cores.qsize())
        try:
            return dict(zip(commands, pool.map(one, commands), strict=True))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(self._running):
                process.terminate()

    def _end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        self._running.discard(process)

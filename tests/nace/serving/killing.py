"""Load on a service whose workers are killed, and what the records say of it afterwards."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pyarrow.parquet as pq

from nacelle.nace.records import PredictionRecord
from nacelle.nace.serving.compact import Summary, compact
from tests.nace.serving.asking import CLASSIFY
from tests.nace.serving.running import RunningService
from tests.support.waiting import wait_for

Key = tuple[str, int]
_CALLERS = 6


class Load:
    """Callers that ask without a pause; `answered` are the texts that came back with 200."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.answered: dict[Key, str] = {}
        self.lost = 0
        self.refused: Counter[int] = Counter()

    def ask(self, caller: int) -> None:
        """Now a text, now a batch, until it is over."""
        number = 0
        while not self._stop.is_set():
            # A new connection each time a worker died under the old one.
            with self._service.client() as client:
                try:
                    while not self._stop.is_set():
                        count = 1 if number % 3 else 40
                        self._once(client, [f"wheat {caller} {number} {n}" for n in range(count)])
                        number += 1
                except httpx.HTTPError:
                    self.lost += 1

    def _once(self, client: httpx.Client, texts: list[str]) -> None:
        answer = client.post(CLASSIFY, json={"texts": texts, "top": 2})
        if answer.status_code != 200:
            self.refused[answer.status_code] += 1
            return
        found = answer.json()
        assert [one["text"] for one in found["predictions"]] == texts
        with self._lock:
            for position, text in enumerate(texts):
                self.answered[found["request_id"], position] = text

    def more(self) -> None:
        """Wait until it goes on answering."""
        seen = len(self.answered)
        wait_for(lambda: len(self.answered) > seen + 200, 60, "answers")

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def load_on(service: RunningService) -> Iterator[Load]:
    """Several callers in threads; what they saw is checked at the end."""
    load = Load(service)
    with ThreadPoolExecutor(_CALLERS) as pool:
        asking = [pool.submit(load.ask, caller) for caller in range(_CALLERS)]
        try:
            yield load
        finally:
            load.stop()
        for one in asking:
            one.result()


def kill_a_worker(service: RunningService, turn: int) -> None:
    """`kill -9`; it must come back without a hand."""
    workers = sorted(service.workers(), key=lambda one: one.pid)
    victim = workers[turn % len(workers)]
    os.kill(victim.pid, signal.SIGKILL)
    count = len(workers)

    def replaced() -> bool:
        now = service.workers()
        return len(now) == count and victim.pid not in {one.pid for one in now}

    wait_for(replaced, 60, "another worker")


def fresh(folder: Path) -> tuple[Counter[Key], int]:
    """How often each text stands in the fresh records, and how many lines are torn."""
    decode = msgspec.json.Decoder(PredictionRecord).decode
    found: Counter[Key] = Counter()
    torn = 0
    for file in folder.glob("*.jsonl"):
        for line in file.read_bytes().splitlines():
            try:
                one = decode(line)
            except msgspec.DecodeError:
                torn += 1
            else:
                found[one.request_id, one.position] += 1
    return found, torn


def compacted(folder: Path, target: Path) -> tuple[Counter[Key], dict[Key, str], Summary]:
    """The same after compaction, with the texts."""
    summary = compact(folder, str(target), now=datetime.now(UTC), keep_days=0)
    found: Counter[Key] = Counter()
    texts: dict[Key, str] = {}
    for file in target.glob("records/**/*.parquet"):
        table = pq.read_table(file, columns=["request_id", "position", "text"], partitioning=None)
        for row in table.to_pylist():
            key = (row["request_id"], row["position"])
            found[key] += 1
            texts[key] = row["text"]
    return found, texts, summary


def check_records(service: RunningService, load: Load, target: Path) -> None:
    """Each text that was answered is on record exactly once, fresh and compacted."""
    folder = service.folder / "records"
    written, torn = fresh(folder)
    assert set(written.values()) == {1}
    missing = [key for key in load.answered if key not in written]
    assert not missing
    # The service has ended: all of its files are closed.
    kept, texts, summary = compacted(folder, target)
    assert kept == written and summary.records == len(written)
    assert summary.damaged == torn
    assert all(texts[key] == text for key, text in load.answered.items())
    assert not list(folder.glob("*.jsonl"))

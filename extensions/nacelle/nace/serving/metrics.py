"""What Prometheus may read of the service, summed over its processes."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nacelle.nace.prediction import Prediction

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Several times what the numbers need; a worker that died leaves it behind.
_ROOM = 1 << 16
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

log = logging.getLogger(__name__)


def prepare(folder: Path) -> None:
    """Start from nothing, for this process and those it starts. Call before the first import of
    the library: it chooses there whether its numbers are shared."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[_FOLDER] = str(folder)


class Metrics:
    """The counters of one process; shared with its neighbours where `prepare` was called."""

    def __init__(self) -> None:
        _take_room()
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = CollectorRegistry()
        self._requests = Counter(
            "nacelle_nace_requests",
            "Requests to classify, by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self._texts = Counter(
            "nacelle_nace_texts",
            "Texts answered, by stage, and by what becomes of them.",
            ("stage", "to"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "nacelle_nace_seconds",
            "Seconds from a request's head to its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Looking a labelled counter up takes longer than adding to it.
        self._request = cache(lambda route, status: self._requests.labels(route, status))
        self._text = cache(lambda stage, to: self._texts.labels(stage, to))
        self._time = cache(lambda route: self._seconds.labels(route))
        # Their files are opened now: later there may be no more files to open.
        self._text("model", "agent")
        self._time("classify")

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered or refused."""
        self._request(route, status).inc()
        self._time(route).observe(seconds)

    def answered(self, predictions: Sequence[Prediction]) -> None:
        """Texts were answered."""
        for one in predictions:
            self._text(one.stage, _DESTINATIONS[one.automatic]).inc()


# An answer without threshold goes to an agent as well: nothing was proved.
_DESTINATIONS = {True: "automatic", False: "agent", None: "agent"}


def _take_room() -> None:
    """Take the room of this process's files on disk before they are mapped into memory.

    The library would leave them sparse, and a disk that is full then kills who counts. Where there
    is no room now, each process counts for itself.
    """
    folder = os.environ.get(_FOLDER)
    if not folder:
        return
    try:
        for kind in ("counter", "histogram"):
            with (Path(folder) / f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _ROOM)
    except OSError as error:
        log.error("no room for shared numbers", extra={"folder": folder, "reason": error.strerror})
        del os.environ[_FOLDER]


def exposition(metrics: Metrics) -> bytes:
    """All numbers in Prometheus' text format, of all processes where they share them."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    if not os.environ.get(_FOLDER):
        return bytes(generate_latest(metrics.registry))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return bytes(generate_latest(registry))

"""Notebooks are read and searched for keys in a process apart, with a deadline.

A notebook is whatever somebody sends: one made to keep a parser busy must not keep the service.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Lock
from typing import NamedTuple

from nacelle.jobs.findings import look
from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.parameters import Form, read_form
from nacelle.jobs.parts import Finding
from nacelle.jobs.pipelines.bundle import is_bundle, read_bundle
from nacelle.jobs.pipelines.examining import examine_pipeline
from nacelle.jobs.refusal import Refused

_SECONDS = 20.0
_KEPT = 256


class Examined(NamedTuple):
    """What the service knows of a notebook, or of a pipeline with its notebooks."""

    sha256: str
    language: str
    kernel: str
    form: Form
    findings: tuple[Finding, ...]


class _Refusal(NamedTuple):
    """A Refused on its way out of the process: exceptions of ours cannot be pickled."""

    field: str
    en: str
    fr: str


class Examiner:
    """Examines notebooks, one after the other, and remembers some. Safe to call from any thread."""

    def __init__(self, most_bytes: int, seconds: float = _SECONDS) -> None:
        self._most = most_bytes
        self._seconds = seconds
        self._pool: ProcessPoolExecutor | None = None
        # Apart: what is remembered is at hand while another notebook is examined.
        self._busy, self._lock = Lock(), Lock()
        self._known: OrderedDict[str, Examined] = OrderedDict()

    def examine(self, content: bytes) -> Examined:
        """Read a notebook's bytes. Raises Refused."""
        if len(content) > self._most:
            _read(content, self._most)
        if not self._busy.acquire(timeout=self._seconds):
            raise Refused(
                "notebook",
                "Many notebooks are being read at this moment; try again in a minute.",
                "Beaucoup de carnets sont en cours de lecture ; réessayez dans une minute.",
            )
        try:
            found = self._ask(content)
        finally:
            self._busy.release()
        with self._lock:
            self._known[found.sha256] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def known(self, sha256: str) -> Examined | None:
        """What was found before in the notebook of this digest, if it is remembered."""
        with self._lock:
            return self._known.get(sha256)

    def close(self) -> None:
        """End the process."""
        with self._busy:
            self._end()

    def _ask(self, content: bytes) -> Examined:
        if self._pool is None:
            # Forked from a clean server: this process has threads and connections.
            context = multiprocessing.get_context("forkserver")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
        try:
            found = self._pool.submit(_examine, content, self._most).result(self._seconds)
        except (TimeoutError, BrokenProcessPool, MemoryError):
            self._end()
            raise Refused(
                "notebook",
                "The notebook takes too long to read. Clear its outputs, cut very long lines, and"
                " promote it again.",
                "Le carnet est trop long à lire. Effacez ses sorties, coupez les très longues"
                " lignes, et promouvez-le à nouveau.",
            ) from None
        if isinstance(found, _Refusal):
            raise Refused(*found)
        return found

    def _end(self) -> None:
        if self._pool is not None:
            # Shutting down waits for work that may never end.
            for process in list(self._pool._processes.values()):
                process.kill()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _examine(content: bytes, most_bytes: int) -> Examined | _Refusal:
    try:
        return _read(content, most_bytes)
    except Refused as error:
        return _Refusal(error.field, error.said.en, error.said.fr)


def _read(content: bytes, most_bytes: int) -> Examined:
    if is_bundle(content):
        found = examine_pipeline(read_bundle(content, most_bytes))
        digest = hashlib.sha256(content).hexdigest()
        return Examined(digest, "", found.kernel, found.form, found.findings)
    file = read_notebook(content, most_bytes)
    return Examined(file.sha256, file.language, file.kernel, read_form(file), tuple(look(file)))

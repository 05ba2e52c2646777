"""The notebook's own part of a run: from the order to the last cell, or to what ended it before."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nacelle.jobs import filling
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.parts import UtcTime
from nacelle.jobs.pipelines.bundle import is_bundle
from nacelle.jobs.running import page
from nacelle.jobs.running.content import read_content
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.kernel import Kernel
from nacelle.jobs.running.keys import PATIENCE_SECONDS, await_keys
from nacelle.jobs.running.measures import duration
from nacelle.jobs.running.packages import Packages
from nacelle.jobs.running.surroundings import kernel_environment, machine_environment
from nacelle.jobs.running.uploading import Uploads
from nacelle.jobs.running.watch import Watch

if TYPE_CHECKING:
    from nacelle.jobs.running.client import Client
    from nacelle.jobs.running.saving import Bookkeeping

# It answered nothing yet, so nothing of the notebook has run: another may do better.
_STARTS = 2
# What a kernel that dies and what was about to end it may be apart.
_GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class Bench:
    """What a run is made with."""

    order: Order
    folder: RunFolder
    halt: Halt
    hider: Hider
    journal: Journal
    watch: Watch
    uploads: Uploads


class Rights(NamedTuple):
    """The job's token, and the names by which SDKs find the keys that it gives."""

    token: str
    provider: Mapping[str, str]


class Work(NamedTuple):
    """A notebook to run, and what it gets.

    `path` and `target` are shown in it. `limit` is in seconds, beside those of the whole run.
    """

    content: bytes
    kernel: str
    values: Mapping[str, Any]
    path: str
    target: str
    limit: float | None = None


def execute(bench: Bench, started: UtcTime, rights: Rights) -> None:
    """Run what is ordered; when this returns, it succeeded. Raises Ended with any other end."""
    order = bench.order
    content = read_content(order.notebook_file, order.snapshot.notebook.sha256)
    if order.stage:
        from nacelle.jobs.pipelines.staging import run_stage

        run_stage(bench, content, started, rights)
        return
    if is_bundle(content):
        # Late: most runs are of one notebook.
        from nacelle.jobs.pipelines.conducting import conduct

        conduct(bench, content, started, rights)
        return
    values = filling.fill(order.snapshot.parameters, order.run.scheduled, started, order.zone)
    path = order.snapshot.notebook.path
    run_notebook(bench, Work(content, order.kernel, values, path, order.target), rights)


def run_notebook(bench: Bench, work: Work, rights: Rights) -> None:
    """Run one notebook into the bench's folder. Raises Ended unless it succeeded."""
    order, folder = bench.order, bench.folder
    kernel = Kernel(work.kernel, folder, bench.journal)
    packages = None
    if order.snapshot.environment.packages and kernel.language == "python":
        install = machine_environment() | order.variables | {"HOME": str(folder.home)}
        shelf = Packages(folder.packages, kernel.spec, install, bench.halt)
        packages = shelf.take(order.snapshot.environment.packages, bench.journal)
    provider = dict(rights.provider)
    environment = kernel_environment(order, folder, provider, rights.token, packages)
    try:
        kernel.start(environment)
        await_keys(provider, order.owner, bench.halt, bench.journal, PATIENCE_SECONDS)
        with _limited(kernel, bench.halt, work.limit):
            _run(bench, kernel, work, environment)
    finally:
        kernel.stop()


@contextmanager
def _limited(kernel: Kernel, halt: Halt, seconds: float | None) -> Iterator[None]:
    """End this kernel alone after so long."""
    if seconds is None:
        yield
        return

    def end() -> None:
        halt.set(Ended("step-timed-out", limit=duration(seconds)))
        kernel.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _run(bench: Bench, kernel: Kernel, work: Work, environment: dict[str, str]) -> None:
    # Late: while this loads, the kernel starts.
    from nacelle.jobs.running.client import Client
    from nacelle.jobs.running.prepare import prepare
    from nacelle.jobs.running.saving import Bookkeeping

    shown = {"input_path": work.path, "output_path": work.target}
    notebook, numbering = prepare(work.content, work.values, kernel.name, kernel.language, shown)
    books = Bookkeeping(notebook, numbering, bench.folder, bench.hider, bench.journal)
    books.notebook_start()
    # Needed at the end only, and then somebody waits for it.
    threading.Thread(target=page.load, name="converter", daemon=True).start()
    client = Client(books, kernel.manager, bench.journal, kernel.answered)
    try:
        _execute(bench, kernel, environment, client)
    except (RuntimeError, OSError) as error:
        # nbclient's and jupyter_client's own are of these types; none says why.
        raise _reason(bench, kernel, books, error) from None
    finally:
        books.notebook_complete()
    _judge(bench, books, client)


def _execute(bench: Bench, kernel: Kernel, environment: dict[str, str], client: Client) -> None:
    for start in range(1, _STARTS + 1):
        try:
            bench.journal.say(f"Starting the kernel {kernel.name}")
            client.execute()
            return
        except RuntimeError:
            if client.started or start == _STARTS or kernel.is_missing():
                raise
            bench.halt.check()
            bench.journal.say("The kernel did not start; trying once more.")
            kernel.stop()
            kernel.start(environment)
            client.km = kernel.manager


def _reason(bench: Bench, kernel: Kernel, books: Bookkeeping, error: Exception) -> Ended:
    """Why the kernel is gone."""
    code = kernel.exit_code()
    if code is None and not bench.halt.reason:
        # It lives and does not answer: the platform's own failure.
        raise error
    if bench.halt.wait(_GRACE_SECONDS) and bench.halt.reason:
        return bench.halt.reason
    bench.journal.printed(kernel.last_words())
    if kernel.is_missing():
        return Ended("kernel-missing", kernel=kernel.name)
    if bench.watch.was_short(code):
        return bench.watch.out_of_memory()
    return Ended("kernel-died", cell=books.cell)


def _judge(bench: Bench, books: Bookkeeping, client: Client) -> None:
    bench.halt.check()
    if client.failure is not None:
        told = bench.hider.hide(client.failure.evalue)
        error, message = name_error(client.failure.ename, told)
        raise Ended("exception", cell=books.cell, error=error, message=message)
    if client.left:
        bench.journal.say(f"Cell {books.cell} ended the notebook on purpose.")
    books.all_done()


def name_error(name: str, value: str) -> tuple[str, str]:
    """The kind of an error and what it says, in one line each."""
    if name == "ERROR" and value.startswith("Error"):
        # R has no kinds; its text begins with where it happened.
        kind, _, message = value.partition(":")
        return kind.strip(), " ".join(message.split()) or "no message"
    lines = (line.strip() for line in value.splitlines())
    return name, next(filter(None, lines), "no message")

"""A run on this machine, as files: what is to run, how far it is, how it ended, whether it lives.

The engine writes the order and starts `python -m nacelle.jobs.run FOLDER`; from then on the folder
alone tells what happens, so that engine and runner may each be restarted or killed:

1. `begun` is there: a runner took the folder. No other ever will.
2. Its lock is held: that runner lives.
3. `result.json` is there: the run is over. It is written last.
4. Begun, not alive, no result: the runner was lost.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from nacelle.jobs.job import Run, Snapshot
from nacelle.jobs.parts import Exit, Frozen, Person, Progress, UtcTime, Word
from nacelle.secrets import write_private

RunEnd = Literal["succeeded", "failed", "timed-out", "cancelled"]
Read = TypeVar("Read", bound=Frozen)


class Stage(Frozen):
    """The step of a pipeline that a Job of its own runs.

    `numbers` are those of the combinations of its matrix that are to run, the one of each index of
    the Job in its place; none where it has no matrix. `number` is the one that a pod was given.
    `goes_on`: what steps before gave lies beside the results, in pipeline.json.
    """

    step: Word
    numbers: tuple[int, ...] = ()
    number: int | None = None
    goes_on: bool = False

    @property
    def name(self) -> str:
        """As in the results' addresses."""
        return self.step if self.number is None else f"{self.step}-{self.number}"


class Order(Frozen):
    """What a runner is to do. It holds no key and no token: those it is given on standard input.

    `variables` are of the kernel's environment; `target` is the address under which the results
    are kept, without a slash at its end; `broker_url` is where the job's token becomes keys.
    `stage` is the one step that is to run of a pipeline whose steps run in pods of their own.
    """

    run: Run
    snapshot: Snapshot
    job_name: str
    owner: Person
    zone: str
    notebook_file: Path
    kernel: Word
    variables: dict[str, str]
    memory_bytes: Annotated[int, Field(gt=0)]
    target: Annotated[str, Field(pattern=r"^s3://[^/]+/.*[^/]$")]
    broker_url: str
    stage: Stage | None = None

    def of_item(self, number: int | None) -> Order:
        """The order of one combination of its stage, or of all of it; its results apart."""
        assert self.stage is not None
        stage = self.stage.model_copy(update={"number": number})
        return self.model_copy(
            update={"stage": stage, "target": f"{self.target}/steps/{stage.name}"}
        )

    @property
    def run_target(self) -> str:
        """The address of the results of the whole run, within which an item has its own."""
        whole, of_item, _ = self.target.rpartition("/steps/")
        return whole if self.stage and of_item else self.target


class Result(Frozen):
    """How a run ended, and the addresses of what it left in the store."""

    state: RunEnd
    exit: Exit
    ended: UtcTime
    notebook: str | None = None
    html: str | None = None
    log: str | None = None


class Begun(Frozen):
    """The process that took the folder, and when."""

    pid: int
    at: UtcTime


class AlreadyBegun(Exception):
    """Another runner took the folder."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run: `<jobs>/runs/<run id>`."""

    path: Path

    @property
    def order(self) -> Path:
        return self.path / "order.json"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def notebook(self) -> Path:
        return self.path / "notebook.ipynb"

    @property
    def html(self) -> Path:
        return self.path / "notebook.html"

    @property
    def progress(self) -> Path:
        return self.path / "progress.json"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def work(self) -> Path:
        """Where the kernel works; there is nothing in it at the start, and it goes at the end."""
        return self.path / "work"

    @property
    def home(self) -> Path:
        """The kernel's home where the order names none; it goes at the end too."""
        return self.path / "home"

    @property
    def runtime(self) -> Path:
        """The kernel's connection file, with the key to its ports; it goes at the end too."""
        return self.path / "runtime"

    @property
    def packages(self) -> Path:
        """Frozen packages, shared by all runs."""
        return self.path.parent.parent / "packages"

    @property
    def cache(self) -> Path:
        """Where libraries keep what they would have to compute again, an owner's apart."""
        return self.path.parent.parent / "caches"

    def write_order(self, order: Order) -> None:
        """Make the folder and write what is to run; durable when it returns."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.order, order.model_dump_json())

    def read_order(self) -> Order:
        """Raises OSError or ValidationError."""
        return Order.model_validate_json(self.order.read_bytes())

    def write_result(self, result: Result) -> None:
        """The last thing that a runner does."""
        write_private(self.result, result.model_dump_json())

    def read_result(self) -> Result | None:
        """How the run ended; None as long as it has not, or nobody could write it down."""
        return _read(self.result, Result)

    def write_progress(self, progress: Progress) -> None:
        """Whole, but not made durable: the next cell writes it again."""
        partial = self.progress.with_suffix(".new")
        partial.write_text(progress.model_dump_json(), encoding="ascii")
        partial.replace(self.progress)

    def read_progress(self) -> Progress | None:
        return _read(self.progress, Progress)

    def begun(self) -> Begun | None:
        """Who took the folder; None when nobody did."""
        return _read(self.path / "begun", Begun)

    def is_alive(self) -> bool:
        """Whether a runner holds the folder now."""
        try:
            # Shared: two that look at once do not take each other for a runner.
            self._lock(fcntl.LOCK_SH).close()
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def begin(self) -> object:
        """Take the folder for this process; it is held as long as the answer lives.

        Raises AlreadyBegun when another runner took it, now or ever.
        """
        if self.begun():
            raise AlreadyBegun(str(self.path))
        (self.path / "lock").touch(mode=0o600)
        held = self._hold()
        mark = self.path / f".begun.{os.getpid()}"
        write_private(mark, Begun(pid=os.getpid(), at=datetime.now(UTC)).model_dump_json())
        try:
            # A link is made or not, with all that it says: nobody ever reads half a mark.
            os.link(mark, self.path / "begun")
        except FileExistsError:
            raise AlreadyBegun(str(self.path)) from None
        finally:
            mark.unlink()
        return held

    def _hold(self) -> object:
        # Whoever looks whether it is alive holds it for a moment; a runner marks it first thing.
        while True:
            try:
                return self._lock(fcntl.LOCK_EX)
            except BlockingIOError:
                if self.begun():
                    raise AlreadyBegun(str(self.path)) from None
                os.sched_yield()

    def _lock(self, kind: int) -> _Held:
        descriptor = os.open(self.path / "lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise
        return _Held(descriptor)


class _Held:
    """A lock; it is freed when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


def _read(path: Path, kind: type[Read]) -> Read | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None

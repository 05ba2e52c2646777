"""The runner in a pod: `python -m nacelle.jobs.run_in_pod` runs what the mounted Secret says, once.

It fetches the notebook from the owner's bucket by its digest, runs it as the runner on one machine
does, and writes the log and the progress to its output. How the run ended, in words, is the
container's termination message. SIGTERM stops the run. The exit code is 0 when the run succeeded, 1
when it ended otherwise, 143 when it was stopped, so that Kubernetes counts it as it was; 2 when
there is nothing that could be run.

A pod of an Indexed Job runs the one combination whose place in the order is its index.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from nacelle.credentials.client import fetch_keys
from nacelle.credentials.keys import Keys, KeysRefused, KeysUnavailable
from nacelle.environments.trust import write_bundle
from nacelle.jobs.job import Run
from nacelle.jobs.kubernetes.naming import id_of_uid, tick_in
from nacelle.jobs.kubernetes.secret import TOKEN, order_file
from nacelle.jobs.kubernetes.storing import StoreAway, StoreRefused, read_notebook, read_record
from nacelle.jobs.kubernetes.telling import Telling, termination_message
from nacelle.jobs.manifest import SECRET_FOLDER, WORK_FOLDER
from nacelle.jobs.order import Order, Result, RunFolder, Stage
from nacelle.jobs.pipelines.records import RECORD
from nacelle.jobs.run import MISTAKEN
from nacelle.jobs.running.ending import Ended, state_of
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.lean import leave_out

TERMINATION_LOG = Path("/dev/termination-log")
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0
# Of a process that SIGTERM ended, 128 + 15: a pod that is drained has not done its work.
SUCCEEDED, FAILED, STOPPED = 0, 1, 143
_CODES = {"succeeded": SUCCEEDED, "cancelled": STOPPED}


def main(
    secret: Path = Path(SECRET_FOLDER),
    work: Path = Path(WORK_FOLDER),
    termination: Path = TERMINATION_LOG,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run, and say how it ended."""
    os.umask(0o077)
    halt = Halt()
    # The first process of a container is sent no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: halt.ask())
    try:
        order, token = _read_order(secret, work, environ)
        write_bundle(order.variables)
    except (OSError, ValueError) as error:
        print(f"there is no order to run: {error}", file=sys.stderr)
        return MISTAKEN
    folder = RunFolder(work / "jobs" / "runs" / order.run.id)
    folder.write_order(order)
    held = folder.begin()
    telling = Telling(folder, sys.stdout.buffer)
    result = _run(folder, order, token, halt)
    telling.finish()
    termination.write_text(termination_message(result), encoding="utf-8")
    del held
    return _CODES.get(result.state, FAILED)


def _run(folder: RunFolder, order: Order, token: str, halt: Halt) -> Result:
    try:
        _fetch(folder, order, token, halt)
    except Ended as end:
        return Result(state=state_of(end.exit), exit=end.exit, ended=datetime.now(UTC))
    leave_out()
    # Late: what cannot be fetched needs none of it.
    from nacelle.jobs.running.runner import run

    return run(folder, token, halt)


def _fetch(folder: RunFolder, order: Order, token: str, halt: Halt) -> None:
    """Have the notebook here, and what steps before gave. The notebook's digest is checked by
    whoever runs it. Raises Ended."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            keys = _keys(order, token)
            order.notebook_file.write_bytes(read_notebook(order, keys))
            if order.stage and order.stage.goes_on:
                (folder.path / RECORD).write_bytes(read_record(order, keys))
            return
        except StoreRefused as error:
            raise Ended("notebook", message=str(error)) from None
        except StoreAway as error:
            if time.monotonic() > end:
                raise Ended("notebook", message=str(error)) from None
        if halt.asked_within(_PAUSE_SECONDS):
            raise Ended("cancelled", by="Nacelle")


def _keys(order: Order, token: str) -> Keys:
    try:
        return fetch_keys(order.broker_url, token)
    except KeysRefused as error:
        raise Ended("keys-refused", message=str(error), owner=order.owner) from None
    except KeysUnavailable as error:
        raise StoreAway(str(error)) from None


def _read_order(secret: Path, work: Path, environ: Mapping[str, str]) -> tuple[Order, str]:
    """The order with this run's own id and tick, and the token. Raises OSError, ValueError."""
    version = environ.get("NACELLE_JOB_VERSION", "")
    order = Order.model_validate_json((secret / order_file(version)).read_bytes())
    token = (secret / TOKEN).read_text(encoding="utf-8").strip()
    if order.snapshot.version != version or not token:
        raise ValueError("the order is of another version, or there is no token")
    changes: dict[str, object] = {"notebook_file": work / order.notebook_file.name}
    if order.run.id == order.run.job:
        # The order of all ticks: which one this is, the cluster says.
        run = _this_run(order.run, environ)
        folder = order.target.rpartition("/")[0]
        changes |= {"run": run, "target": f"{folder}/{leaf(run)}"}
    order = order.model_copy(update=changes)
    return (order.of_item(_number(order.stage, environ)) if order.stage else order), token


def _number(stage: Stage, environ: Mapping[str, str]) -> int | None:
    """The combination of the pod's index; None for a step without a matrix. Raises ValueError."""
    if not stage.numbers:
        return None
    index = environ.get("JOB_COMPLETION_INDEX", "")
    if not index.isdecimal() or int(index) >= len(stage.numbers):
        raise ValueError(f"the order has no combination for the index {index!r}")
    return stage.numbers[int(index)]


def _this_run(run: Run, environ: Mapping[str, str]) -> Run:
    tick = tick_in(environ.get("NACELLE_KUBERNETES_JOB", ""))
    if tick is None:
        raise ValueError("the pod's Job has no tick in its name")
    id = id_of_uid(environ.get("NACELLE_KUBERNETES_UID", ""))
    return Run.model_validate(run.model_dump() | {"id": id, "scheduled": tick})


def leaf(run: Run) -> str:
    """The last part of the address of a run's results, as the order of one run has it."""
    return f"{run.scheduled:%Y%m%dT%H%M%SZ}-{run.id[:8]}"


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # At once: a thread that still converts or uploads has nothing left to do.
    os._exit(code)

"""A run from its order to its result."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from datetime import UTC, datetime

from nacelle.jobs.exits import explain
from nacelle.jobs.order import Order, Result, RunFolder
from nacelle.jobs.parts import Exit, UtcTime
from nacelle.jobs.running import warden
from nacelle.jobs.running.ending import Ended, state_of
from nacelle.jobs.running.executing import Bench, Rights, execute
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.keys import start_keys
from nacelle.jobs.running.page import make_page
from nacelle.jobs.running.surroundings import make_own
from nacelle.jobs.running.uploading import NotWritten, Uploads
from nacelle.jobs.running.watch import Watch

# Names in the store.
NOTEBOOK, PAGE, LOG = "notebook.ipynb", "notebook.html", "log.txt"
# The engine kills what goes on a minute after its time, and one that is cancelled sooner.
_FINISH = {"page": 10.0, "upload": 30.0}
_FINISH_SOON = {"page": 4.0, "upload": 5.0}


def run(folder: RunFolder, token: str, halt: Halt) -> Result:
    """Run what `folder` orders; every end is a result, in words."""
    warden.adopt_orphans()
    hider = Hider()
    hider.add(token)
    journal = Journal(folder.log, hider)
    try:
        order = folder.read_order()
        return _run(folder, order, token, halt, hider, journal)
    except Exception:
        number = _note_failure(folder, hider)
        return _result(explain("platform", request=number))
    finally:
        warden.end_descendants()
        for place in (folder.work, folder.home, folder.runtime):
            shutil.rmtree(place, ignore_errors=True)
        journal.close()


def _run(
    folder: RunFolder, order: Order, token: str, halt: Halt, hider: Hider, journal: Journal
) -> Result:
    begun = folder.begun()
    started = begun.at if begun else datetime.now(UTC)
    journal.say(f"Run {order.run.id[:8]} of {order.job_name}, as {order.owner}")
    make_own(os.environ, order, folder)
    watch = Watch(halt, order.snapshot.timeout_seconds, order.memory_bytes)
    watch.start()
    provider = start_keys(order.broker_url, token, hider)
    os.environ.update(provider)
    uploads = Uploads(order.target, order.variables, journal)
    uploads.follow(folder.notebook, NOTEBOOK)
    uploads.follow(folder.log, LOG)
    uploads.start()
    bench = Bench(order, folder, halt, hider, journal, watch, uploads)
    exit_ = _execute(bench, started, Rights(token, provider))
    watch.stop()
    return _finish(folder, exit_, uploads, journal)


def _execute(bench: Bench, started: UtcTime, rights: Rights) -> Exit:
    try:
        execute(bench, started, rights)
    except Ended as end:
        return end.exit
    except Exception:
        number = _note_failure(bench.folder, bench.hider)
        return explain("platform", request=number)
    return explain("succeeded")


def _finish(folder: RunFolder, exit_: Exit, uploads: Uploads, journal: Journal) -> Result:
    """The page, the last upload, the result. Without keys there is nowhere to write to."""
    patience = _FINISH_SOON if exit_.code == "cancelled" else _FINISH
    journal.say(exit_.said.en)
    uploads.stop(patience["upload"])
    if exit_.code == "keys-refused":
        return _result(exit_)
    if folder.notebook.exists() and make_page(folder.notebook, folder.html, patience["page"]):
        uploads.follow(folder.html, PAGE)
    try:
        return _result(exit_, uploads.finish(patience["upload"]))
    except NotWritten as error:
        end = explain("storage", address=uploads.target, message=str(error))
        journal.say(end.said.en)
        # What the notebook itself did is worth more to know than that nobody kept it.
        return _result(end if exit_.code == "succeeded" else exit_, uploads.written())


def _result(exit_: Exit, addresses: dict[str, str] | None = None) -> Result:
    written = addresses or {}
    return Result(
        state=state_of(exit_),
        exit=exit_,
        ended=datetime.now(UTC),
        notebook=written.get(NOTEBOOK),
        html=written.get(PAGE),
        log=written.get(LOG),
    )


def _note_failure(folder: RunFolder, hider: Hider) -> str:
    """The number under which an administrator finds what happened in the runner's own log."""
    number = folder.path.name[:8]
    print(f"run {number}:", hider.hide(traceback.format_exc()), file=sys.stderr, flush=True)
    return number

"""A runner that does nothing but write its run: `python trivial_runner.py FOLDER`.

It keeps to the rules of nacelle.jobs.order with the standard library alone, so that hundreds start
in no time. What it does is the value of the order's parameter `do`; without, it succeeds.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main(folder: Path) -> int:
    token = sys.stdin.readline().strip()
    order = json.loads((folder / "order.json").read_text())
    do = order["snapshot"]["parameters"].get("do", {}).get("value", "succeed")
    if do == "never-begin":
        return 1
    if do == "hang-before":
        time.sleep(600)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    mark = folder / f".begun.{os.getpid()}"
    mark.write_text(json.dumps({"pid": os.getpid(), "at": now()}))
    try:
        os.link(mark, folder / "begun")
    except FileExistsError:
        return 3
    finally:
        mark.unlink()
    # One write of one line: those of other runners stand before or after it.
    line = json.dumps([order["run"]["job"], order["run"]["scheduled"], order["run"]["id"]]) + "\n"
    ran = os.open(folder.parent.parent / "ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(ran, line.encode())
    if do in ("wait", "ignore-term"):
        wait(folder, ignore=do == "ignore-term")
    if do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    end(folder, failed() if do == "fail" else succeeded(folder, token))
    return 0


def wait(folder: Path, ignore: bool) -> None:
    """Until somebody writes `go` beside the runs, or SIGTERM comes."""

    def stop(*_: object) -> None:
        if not ignore:
            words = {"en": "Somebody cancelled the run.", "fr": "Annulée."}
            end(folder, {"state": "cancelled", "exit": {"code": "cancelled", "said": words}})
            os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    write(folder / "progress.json", {"cell": 1, "of": 3})
    while not (folder.parent.parent / "go").exists():
        time.sleep(0.02)


def succeeded(folder: Path, token: str) -> dict[str, Any]:
    words = {"en": "Every cell ran.", "fr": "Toutes."}
    given = "s3://user-ada/log" if token == f"token-of-{folder.name}" else None
    return {"state": "succeeded", "exit": {"code": "succeeded", "said": words}, "log": given}


def failed() -> dict[str, Any]:
    words = {"en": "Cell 2 stopped with ValueError: no.", "fr": "La cellule 2 s'est arrêtée."}
    return {"state": "failed", "exit": {"code": "exception", "said": words, "cell": 2}}


def end(folder: Path, result: dict[str, Any]) -> None:
    write(folder / "result.json", {**result, "ended": now()})


def write(path: Path, value: dict[str, Any]) -> None:
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(value))
    whole.replace(path)


def now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

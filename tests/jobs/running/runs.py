"""Real runs: a runner's process, a kernel, the embedded store, and a stub of the broker.

The stub turns a job's token into keys of the real store, as the broker does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nacelle.jobs.job import Snapshot
from nacelle.jobs.order import Order, Result, RunFolder
from nacelle.jobs.parts import Environment, Notebook, Value
from tests.jobs.samples import NOON, run
from tests.storage.conftest import Issuer, RunningStore, exchange, installation, s3_client
from tests.support.waiting import free_base, wait_for

OWNER, BUCKET = "ada", "user-ada"
TOKEN = "job-token-0123456789abcdef0123456789abcdef"
PREFIX = "jobs/monthly-figures-00000000/20260110T120000Z-11111111"
TARGET = f"s3://{BUCKET}/{PREFIX}"
KERNEL = "python3"


class Broker:
    """The outermost edge: `answer` is a status and a body in place of keys, or None."""

    def __init__(self, store: RunningStore, issuer: Issuer) -> None:
        self._store, self._issuer = store, issuer
        self.answer: tuple[int, dict[str, str]] | None = None
        self.asked: list[str] = []
        self.given: list[dict[str, str]] = []
        broker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                broker.asked.append(self.headers.get("Authorization", ""))
                status, body = broker.answer or (200, broker.keys())
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self) -> dict[str, str]:
        if self.asked[-1] != f"Bearer {TOKEN}":
            return {}
        made = exchange(self._store.url, self._issuer.token(f"user:{OWNER}"))
        now = datetime.now(UTC)
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        given = {
            "AccessKeyId": made["aws_access_key_id"],
            "SecretAccessKey": made["aws_secret_access_key"],
            "Token": made["aws_session_token"],
            "LastUpdated": now.strftime(stamp),
            "Expiration": (now + timedelta(hours=1)).strftime(stamp),
        }
        self.given.append(given)
        return given


@dataclass
class Place:
    """A jobs folder beside a store and a broker."""

    folder: Path
    store: RunningStore
    issuer: Issuer
    broker: Broker
    started: list[Started] = field(default_factory=list)

    def order(self, *cells: Any, language: str = "python", **changes: Any) -> RunFolder:
        """The folder of a run of these cells, ordered and not begun."""
        number = f"{len(list((self.folder / 'runs').glob('*'))):032x}"
        content = notebook(*cells, language=language)
        digest = sha256(content).hexdigest()
        file = self.folder / "notebooks" / f"{digest}.ipynb"
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
            file.chmod(0o400)
        work = {
            "notebook": Notebook(sha256=digest, path="work/figures.ipynb"),
            "environment": Environment(
                profile="python", kernel=KERNEL, packages=changes.pop("packages", ())
            ),
            "parameters": changes.pop("parameters", {}),
            "timeout_seconds": changes.pop("timeout_seconds", 600),
        }
        variables = {
            "AWS_ENDPOINT_URL": self.store.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PROJECT_USER": OWNER,
        }
        plain: dict[str, Any] = {
            "run": run(id=number, scheduled=NOON),
            "snapshot": Snapshot(**work),
            "job_name": "Monthly figures",
            "owner": OWNER,
            "zone": "Europe/Paris",
            "notebook_file": file,
            "kernel": KERNEL,
            "variables": variables | changes.pop("variables", {}),
            "memory_bytes": 4 * 2**30,
            "target": TARGET,
            "broker_url": self.broker.url,
        }
        made = RunFolder(self.folder / "runs" / number)
        made.write_order(Order(**plain | changes))
        return made

    def start(self, folder: RunFolder, **environment: str) -> Started:
        """Start a runner of `folder` as the engine does."""
        with (folder.path / "runner.log").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "nacelle.jobs.run", str(folder.path)],
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        assert process.stdin
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{TOKEN}\n".encode())
            process.stdin.close()
        self.started.append(Started(folder, process))
        return self.started[-1]

    def run(self, *cells: Any, **changes: Any) -> Done:
        """Order, start, wait for the end."""
        return self.start(self.order(*cells, **changes)).done()

    def object(self, name: str) -> bytes:
        """An object that a run left."""
        keys = exchange(self.store.url, self.issuer.token(f"user:{OWNER}"))
        client = s3_client(self.store.url, keys)
        return bytes(client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")["Body"].read())


@dataclass
class Started:
    """A runner's process."""

    folder: RunFolder
    process: subprocess.Popen[bytes]

    def done(self) -> Done:
        code = self.process.wait(240)
        result = self.folder.read_result()
        assert code == 0, f"the runner ended with {code}: {self.said()}"
        assert result is not None
        return Done(self.folder, result, self.said())

    def said(self) -> str:
        return (self.folder.path / "runner.log").read_text()

    def log(self) -> str:
        return self.folder.log.read_text() if self.folder.log.exists() else ""

    def wait_for(self, text: str) -> None:
        """Until the log holds `text`."""

        def reached() -> bool:
            assert self.process.poll() is None or text in self.log(), self.log() + self.said()
            return text in self.log()

        wait_for(reached, 60, f"{text!r} in the log")

    def below(self) -> list[psutil.Process]:
        """All processes of the run but the runner."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@dataclass
class Done:
    """A run that is over."""

    folder: RunFolder
    result: Result
    said: str

    @property
    def said_en(self) -> str:
        return self.result.exit.said.en

    @property
    def log(self) -> str:
        return self.folder.log.read_text()

    @property
    def notebook(self) -> Any:
        return nbformat.read(self.folder.notebook, as_version=4)

    def printed(self) -> str:
        """All that the cells printed."""
        outputs = [one for cell in self.notebook.cells for one in cell.get("outputs", ())]
        return "".join(one.text for one in outputs if one.output_type == "stream")


def notebook(*cells: Any, language: str = "python") -> bytes:
    """Bytes of a notebook; a text is a cell of code, one that begins with '# ' is of words."""
    made = [_cell(cell) for cell in cells]
    spec = {"name": "other", "display_name": "k", "language": language}
    return str(nbformat.writes(new_notebook(cells=made, metadata={"kernelspec": spec}))).encode()


def parameters(source: str) -> Any:
    return new_code_cell(source, metadata={"tags": ["parameters"]})


def text(value: str) -> Value:
    return Value(type="text", value=value)


def all_gone(processes: list[psutil.Process], seconds: float = 20) -> None:
    """Wait until none of them lives."""
    wait_for(lambda: not any(_lives(one) for one in processes), seconds, "the end of all")


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _cell(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return new_markdown_cell(cell) if cell.startswith("# ") else new_code_cell(cell)


@contextlib.contextmanager
def running_place(folder: Path) -> Iterator[Place]:
    """A store that runs, with ada's bucket, and a broker."""
    store = installation(folder / "store", free_base())
    issuer = Issuer(store.layout.port("broker"))
    issuer.start()
    store.start()
    try:
        keys = exchange(store.url, issuer.token(f"user:{OWNER}"))
        s3_client(store.url, keys).create_bucket(Bucket=BUCKET)
        jobs = folder / "jobs"
        (jobs / "runs").mkdir(parents=True)
        place = Place(jobs, store, issuer, Broker(store, issuer))
        yield place
        for one in place.started:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait(10)
    finally:
        issuer.stop()
        store.terminate()

"""The real jobs service on loopback, with its store; a pretended engine ends the runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from nacelle.credentials.hub import HubDirectory
from nacelle.credentials.issuer import Identity
from nacelle.environments.machine import Machine
from nacelle.environments.profiles import load_profiles
from nacelle.jobs.job import Exit, Progress, Run, Sentence
from nacelle.jobs.order import RunFolder
from nacelle.jobs.service.access import Access
from nacelle.jobs.service.app import make_app
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.examining import Examiner
from nacelle.jobs.service.library import Library
from nacelle.jobs.service.making import Rules
from nacelle.jobs.store import RunFilter, Store
from nacelle.settings.jobs import JobsSettings
from tests.lab.lab_server import HUB_TOKEN
from tests.support.installation import ROOT
from tests.support.waiting import free_base, wait_for

_HUB = {
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9",
    "JUPYTERHUB_API_TOKEN": "none",
    "JUPYTERHUB_SERVICE_NAME": "jobs",
}


class OneToken(HubDirectory):
    """A hub that knows alice alone, by the token of her server."""

    async def identify(self, authorization: str | None) -> Identity:
        assert authorization == f"Bearer {HUB_TOKEN}"
        return Identity("user", "alice", ("prix",))


@dataclass
class JobsService:
    """`url` as a session is given it; the rest does what the engine would."""

    url: str
    store: Store
    folder: Path

    def waiting(self) -> Run:
        """The run that waits for its turn, once there is one."""
        found = RunFilter(state="pending", limit=1)
        return wait_for(lambda: next(iter(self.store.runs(found)), None), 30, "a run")

    def begin(self) -> Run:
        """The waiting run, begun, at its first of four cells."""
        run = self.waiting()
        now = datetime.now(UTC)
        self.store.take(run.id, now)
        begun = self.store.begun(run.id, now)
        self.store.progressed(run.id, Progress(cell=1, of=4))
        files = RunFolder(self.folder / "runs" / run.id)
        files.path.mkdir(parents=True)
        files.log.write_text("Cell 1 of 4\nread 12 rows of été\n", encoding="utf-8")
        files.html.write_text("<h1>The output</h1>", encoding="utf-8")
        return begun

    def end(self, run: Run, failed: str = "") -> None:
        """It succeeds, or fails with these words."""
        why = Exit(code="exception", said=Sentence(en=failed, fr=f"fr: {failed}"), cell=3)
        event = "failed" if failed else "succeeded"
        self.store.job_ends_run(run.id, event, why if failed else None, datetime.now(UTC))


@contextmanager
def jobs_service(folder: Path) -> Iterator[JobsService]:
    """Served until the end of the block."""
    folder.mkdir(parents=True)
    store = Store(folder / "jobs.sqlite")
    rules = Rules(
        load_profiles(ROOT / "hub_config" / "profiles.yaml"),
        Machine(frozenset({"python"}), cores=4, memory=16 * 1024**3),
        JobsSettings(),
    )
    examiner = Examiner(rules.settings.limits.notebook_bytes)
    desk = Desk(store, Library(store, examiner), rules, lambda: datetime.now(UTC))
    app = make_app(desk, Access(OneToken(15, "use jobs", _HUB), "5" * 64), folder / "runs")
    port = free_base(1)
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started, 30, "the jobs service")
        yield JobsService(f"http://127.0.0.1:{port}/services/jobs", store, folder)
    finally:
        server.should_exit = True
        thread.join(30)
        store.close()

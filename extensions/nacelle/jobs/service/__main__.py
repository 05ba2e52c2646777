"""Serve this installation's jobs: `python -m nacelle.jobs.service`, on loopback."""

from __future__ import annotations

from datetime import UTC, datetime

import uvicorn

from nacelle.credentials.hub import HubDirectory
from nacelle.environments.machine import A_CLUSTER, probe_machine
from nacelle.environments.profiles import load_profiles
from nacelle.jobs.service.access import Access
from nacelle.jobs.service.app import make_app
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.examining import Examiner
from nacelle.jobs.service.library import Library
from nacelle.jobs.service.making import Rules
from nacelle.jobs.store import Store
from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.secrets import read_secret
from nacelle.settings import load_settings

# Leaving a project takes effect within so many seconds.
_HUB_SECONDS = 15


def main() -> None:
    """Run until told to stop."""
    log_to_stdout("jobs")
    settings = load_settings()
    layout = Layout(settings)
    folder = layout.folder("jobs")
    machine = A_CLUSTER if settings.jobs.engine == "kubernetes" else probe_machine()
    rules = Rules(load_profiles(settings.profiles), machine, settings.jobs)
    examiner = Examiner(settings.jobs.limits.notebook_bytes)
    store = Store(folder / "jobs.sqlite")
    desk = Desk(store, Library(store, examiner), rules, lambda: datetime.now(UTC))
    access = Access(HubDirectory(_HUB_SECONDS, "use jobs"), read_secret(layout, "jobs.secret"))
    app = make_app(desk, access, folder / "runs", language=settings.hub.language)
    uvicorn.run(
        app,
        host=layout.listens_on("jobs"),
        port=layout.port("jobs"),
        log_config=None,
        access_log=False,
        server_header=False,
        # Pages that follow changes would keep it open.
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()

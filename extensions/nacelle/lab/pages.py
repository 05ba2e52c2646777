"""What the extension in Lab (nacelle-lab) asks its server for."""

from __future__ import annotations

from typing import Any

from nacelle.environments.packages import Baseline
from nacelle.lab.jobs_handlers import job_handlers, make_client
from nacelle.lab.session_handlers import SessionHandler


def serve_pages(web_app: Any) -> None:
    """Add the handlers to a server's web application."""
    base = web_app.settings["base_url"]
    web_app.settings["nacelle_jobs_client"] = make_client()
    web_app.settings["nacelle_baseline"] = Baseline()
    web_app.add_handlers(
        ".*$",
        [*job_handlers(base), (f"{base.rstrip('/')}/nacelle/session", SessionHandler)],
    )

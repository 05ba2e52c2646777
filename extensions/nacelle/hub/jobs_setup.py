"""Puts the pages of jobs beside the hub's own."""

from __future__ import annotations

from typing import Any

from nacelle.hub.jobs_forms import on_page, shown
from nacelle.hub.jobs_job import JobHandler
from nacelle.hub.jobs_list import JobsHandler, RunsHandler
from nacelle.hub.jobs_run import CompareHandler, RunFileHandler, RunHandler
from nacelle.settings import Settings

_ID = "([0-9a-f]{32})"
_STEP = "steps/[A-Za-z][A-Za-z0-9_-]{0,49}"


def configure_jobs_pages(c: Any, settings: Settings) -> None:
    """Add /hub/jobs and what is below it, and its entry in the navigation."""
    common = {"platform": settings}
    c.JupyterHub.extra_handlers.extend(
        [
            (r"/jobs", JobsHandler, common),
            (r"/jobs/runs", RunsHandler, common),
            (rf"/jobs/{_ID}", JobHandler, common),
            (rf"/jobs/runs/{_ID}", RunHandler, common),
            (rf"/jobs/runs/{_ID}/(output\.html|output\.ipynb|log)", RunFileHandler, common),
            (
                rf"/jobs/runs/{_ID}/({_STEP}/(?:notebook\.(?:html|ipynb)|log))",
                RunFileHandler,
                common,
            ),
            (rf"/jobs/runs/{_ID}/compare", CompareHandler, common),
        ]
    )
    # JupyterHub calls what can be called with the user; these are to be called by templates.
    c.JupyterHub.template_vars.update(
        {
            "jobs_pages": True,
            "shown": lambda user: shown,
            "on_page": lambda user: on_page,
        }
    )

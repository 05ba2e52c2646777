"""The local store of jobs and runs: one SQLite file and a folder of notebooks."""

from nacelle.jobs.store.rows import (
    Change,
    JobFilter,
    Message,
    Notice,
    Outputs,
    Page,
    RunFilter,
)
from nacelle.jobs.store.store import Store

__all__ = ["Change", "JobFilter", "Message", "Notice", "Outputs", "Page", "RunFilter", "Store"]

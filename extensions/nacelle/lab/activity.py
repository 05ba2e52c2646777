"""A busy kernel is activity: without this, an hour of silent computing would end as idle.

Jupyter counts messages, and a cell that computes without printing sends none. `max_age` ends busy
servers too, where an administrator sets it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tornado.ioloop import PeriodicCallback

# The server takes every setting of this ending into account when it tells the hub.
SETTING = "nacelle_last_activity"
INTERVAL_SECONDS = 5


def watch_kernels(settings: dict[str, Any]) -> PeriodicCallback:
    """Note the time in the web application's `settings` while any kernel is busy."""
    settings[SETTING] = settings["started"]

    def look() -> None:
        if any_busy(settings["kernel_manager"]):
            settings[SETTING] = datetime.now(UTC)

    callback = PeriodicCallback(look, INTERVAL_SECONDS * 1000)
    callback.start()
    return callback


def any_busy(kernel_manager: Any) -> bool:
    """Whether a kernel computes now."""
    return any(kernel["execution_state"] == "busy" for kernel in kernel_manager.list_kernels())

"""Swift's log as JSON lines on standard error, and nowhere else."""

from __future__ import annotations

import logging
import sys
from typing import Any

from nacelle.logs import JsonFormatter


def to_stderr(
    conf: Any, name: Any, console: Any, route: Any, fmt: Any, logger: logging.Logger, adapted: Any
) -> None:
    """Hook of Swift's `log_custom_handlers`: replaces syslog, which Swift always adds."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    ours = logging.StreamHandler(sys.stderr)
    ours.setFormatter(JsonFormatter("store"))
    logger.addHandler(ours)

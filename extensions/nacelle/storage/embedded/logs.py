"""Swift's log as JSON lines on standard error, and nowhere else."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonLines(logging.Formatter):
    """One line a record: time, level, source, message, request id, and a traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": getattr(record, "server", record.name),
            "message": record.getMessage(),
        }
        if getattr(record, "txn_id", None):
            line["request_id"] = record.txn_id  # type: ignore[attr-defined]
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def to_stderr(
    conf: Any, name: Any, console: Any, route: Any, fmt: Any, logger: logging.Logger, adapted: Any
) -> None:
    """Hook of Swift's `log_custom_handlers`: replaces syslog, which Swift always adds."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    ours = logging.StreamHandler(sys.stderr)
    ours.setFormatter(JsonLines())
    logger.addHandler(ours)

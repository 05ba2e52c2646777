"""Logs of our own services: one JSON object a line, with the request it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    # uvicorn's copy of the message for terminals.
    "color_message",
}


class JsonFormatter(logging.Formatter):
    """time, level, part, message, request, and whatever `extra` holds."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": self._part,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request"] = str(request_id.get())
        line.update({name: value for name, value in vars(record).items() if name not in _PLAIN})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_to_stdout(part: str, level: int = logging.INFO) -> None:
    """Send every logger of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(part))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log one line a request, with the address: ours say what is worth saying.
    for noisy in ("httpx", "botocore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

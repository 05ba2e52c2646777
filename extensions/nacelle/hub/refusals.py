"""What cannot be started: exceptions that the hub shows as they are, and how its log tells them."""

from __future__ import annotations

import logging
import sys
from typing import Any

from jupyterhub.spawner import SpawnException

from nacelle.language import Language, Said

# For JupyterHub.logging_config: the filter, on the handler that traitlets defines.
LOGGING: dict[str, Any] = {
    "filters": {"choices": {"()": "nacelle.hub.refusals.ChoicesAreNoFaults"}},
    "handlers": {"console": {"filters": ["choices"]}},
}


class StartFailed(SpawnException):  # type: ignore[misc]
    """A session that did not start, and why."""

    def __init__(self, said: Said, language: Language, reason: str, status: int) -> None:
        shown = said.in_language(language)
        super().__init__(shown, reason=reason, log_message=said.en, status_code=status)
        self.jupyterhub_message = shown


class ChoiceRefused(StartFailed):
    """A choice that cannot be served."""

    def __init__(self, said: Said, language: Language) -> None:
        super().__init__(said, language, "profile", 400)


class ChoicesAreNoFaults(logging.Filter):
    """The hub writes an error with a traceback for each choice that we refuse, which reads as a
    fault of the platform: make it one line that tells what was refused."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Some lines bring the exception, others are written while it is being handled.
        brought = record.exc_info[1] if record.exc_info else None
        refused = brought or sys.exc_info()[1]
        if isinstance(refused, ChoiceRefused) and record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.INFO, "INFO"
            if brought:
                record.msg = f"{record.getMessage()}: {refused.log_message}"
                record.args, record.exc_info, record.exc_text = None, None, None
        return True

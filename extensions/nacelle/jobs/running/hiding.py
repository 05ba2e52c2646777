"""Keys and tokens of a run, which may stand in nothing that it leaves behind."""

from __future__ import annotations

import threading

HIDDEN = "[hidden]"
# Shorter texts would be found where they mean something else.
_SHORTEST = 12


class Hider:
    """Takes the run's secrets out of texts: a cell may print its environment. Any thread."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add(self, *secrets: str) -> None:
        """Hide these from now on."""
        with self._lock:
            new = {one for one in secrets if len(one) >= _SHORTEST}
            self._secrets = tuple(sorted(new | set(self._secrets)))

    def hide(self, text: str) -> str:
        """`text` without them. Their letters are the same in JSON and HTML: none needs escapes."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

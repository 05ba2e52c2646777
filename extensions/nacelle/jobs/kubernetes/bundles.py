"""Which runs are spread over several Jobs: known from what they run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nacelle.jobs.pipelines.spreading import read_spread
from nacelle.jobs.pipelines.understanding import Understood
from nacelle.jobs.refusal import Refused

_MOST_KEPT = 64


class Bundles:
    """Pipelines that are spread, by the digest of their bytes; each is read once."""

    def __init__(self) -> None:
        self._known: dict[str, Understood | None] = {}

    async def read(self, sha256: str, file: Path) -> Understood | None:
        """The pipeline, if it is one and is spread. Raises OSError."""
        if sha256 not in self._known:
            found = await asyncio.to_thread(_read, file)
            if len(self._known) >= _MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[sha256] = found
        return self._known[sha256]


def _read(file: Path) -> Understood | None:
    try:
        return read_spread(file.read_bytes())
    except Refused:
        # The runner says in the run's own words what is wrong with it.
        return None

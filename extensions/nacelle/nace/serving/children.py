"""Run a command in a process of its own, which ends with its time or with ours."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (below 0: by that signal), None where it took too long.

    `output` and `errors` are what it wrote, where that was asked for.
    """

    status: int | None
    output: str = ""
    errors: str = ""

    @property
    def words(self) -> str:
        """How it ended, for the end of a sentence about the process."""
        if self.status is None:
            return "took too long and was stopped"
        if self.status < 0:
            return f"was killed by signal {-self.status}"
        return f"ended with status {self.status}"


async def run(
    command: Sequence[str],
    seconds: float,
    *,
    environment: Mapping[str, str] | None = None,
    capture: bool = False,
) -> Ended:
    """Run a command for at most `seconds`. Cancelled, it is killed with all that it started.

    Without `capture` it writes where this process does.
    """
    pipe = asyncio.subprocess.PIPE if capture else None
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        # A group of its own, so that a kill reaches what it started.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate()
        return Ended(process.returncode, _text(output), _text(errors))
    except TimeoutError:
        return Ended(None)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _text(content: bytes | None) -> str:
    return (content or b"").decode(errors="replace")

"""`python -m nacelle.local.after URL COMMAND...`: become COMMAND once URL answers.

For a part that would only fail, with a page of traceback, while its neighbour is not there yet.
"""

from __future__ import annotations

import os
import sys
import time

import httpx


def main() -> None:
    """Wait, then replace this process, so that the supervisor watches the part itself."""
    url, *command = sys.argv[1:]
    while not _answers(url):
        time.sleep(0.3)
    os.execv(command[0], command)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()

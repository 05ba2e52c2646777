"""The Python packages of a session beyond those of its environment.

The environment's are noted when the server starts: what an image, or the platform's own
installation, has without anything from the user's folders. A kernel's are asked from its own
interpreter, which may be that of another virtual environment. What was installed from a folder or
a repository has no version that a package index knows, and cannot be taken along.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

_PATIENCE = 30
# As nacelle.jobs wants it; some packages have versions that nothing can be asked by.
_PINNED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
# Run by a kernel's interpreter. The first found of a name is the one that is imported.
_LIST = """
import importlib.metadata as m, json, sys
found = {}
for one in m.distributions():
    name, version = one.metadata["Name"], one.version
    if name and version:
        source = one.read_text("direct_url.json")
        found.setdefault(name, (version, bool(source) and "archive_info" not in json.loads(source)))
json.dump(found, sys.stdout)
"""


# -s, -E and -P: nothing of the user's, neither by their home nor by variables or folder.
BARE = (sys.executable, "-s", "-E", "-P")


class Package(NamedTuple):
    """A distribution; `local` when it came from a folder or a repository."""

    version: str
    local: bool


class Beyond(NamedTuple):
    """Packages as name==version, and names of those that cannot be had again."""

    packages: list[str]
    unfrozen: list[str]


class Baseline:
    """What the environment has by itself, noted once; the noting runs beside the server's start."""

    def __init__(self) -> None:
        pool = ThreadPoolExecutor(1, "baseline")
        self._noted = pool.submit(list_packages, BARE)
        pool.shutdown(wait=False)

    async def packages(self) -> dict[str, Package]:
        """By name in normal form (PEP 503). Raises OSError where they could not be listed."""
        return await asyncio.shield(asyncio.wrap_future(self._noted))


def list_packages(interpreter: Sequence[str], folder: Path | None = None) -> dict[str, Package]:
    """The distributions that an interpreter sees. Raises OSError where it cannot say."""
    try:
        answer = subprocess.run(
            [*interpreter, "-c", _LIST],
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
            stdin=subprocess.DEVNULL,
            cwd=folder,
        )
        raw: dict[str, Any] = json.loads(answer.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise OSError(f"{interpreter[0]} does not list its packages") from error
    return {normal(name): Package(*one) for name, one in raw.items()}


def beyond(session: dict[str, Package], baseline: dict[str, Package]) -> Beyond:
    """What `session` has that `baseline` has not, or has in another version; sorted."""
    new = {name: one for name, one in session.items() if baseline.get(name) != one}
    pinned = {name: f"{name}=={one.version}" for name, one in new.items() if not one.local}
    packages = sorted(text for text in pinned.values() if _PINNED.fullmatch(text))
    taken = {text.partition("==")[0] for text in packages}
    return Beyond(packages, sorted(set(new) - taken))


def normal(name: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def interpreter_of(kernel: Any) -> str | None:
    """The interpreter of a kernel's specification, if it is one of Python."""
    program = str(kernel.argv[0]) if kernel.argv else ""
    if kernel.language != "python" or not Path(program).name.startswith("python"):
        return None
    # Without a folder it is the server's own, whatever PATH says: Jupyter starts it so.
    return program if Path(program).is_absolute() else sys.executable

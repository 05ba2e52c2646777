"""What this machine can serve: kernels installed, cores, memory, GPUs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_R_LIBRARIES = ("/usr/lib/R/library", "/usr/lib/R/site-library", "/usr/local/lib/R/site-library")


@dataclass(frozen=True)
class Machine:
    """What sessions may use. `memory` is in bytes; `containers`: sessions run in images."""

    kernels: frozenset[str]
    cores: int
    memory: int
    gpus: int = 0
    containers: bool = False


# Sizes are the cluster's to grant: what finds no place is told when it waits for one.
A_CLUSTER = Machine(
    kernels=frozenset(), cores=sys.maxsize, memory=sys.maxsize, gpus=sys.maxsize, containers=True
)


def probe_machine() -> Machine:
    """Look at the machine this process runs on; cheap enough for each form."""
    kernels = {"python"}
    if shutil.which("R") and _has_package("IRkernel", _r_libraries()):
        kernels.add("r")
    if shutil.which("julia") and _has_package("IJulia", _julia_packages()):
        kernels.add("julia")
    return Machine(
        kernels=frozenset(kernels),
        cores=len(os.sched_getaffinity(0)),
        memory=_memory(),
        gpus=len(list(Path("/dev").glob("nvidia[0-9]*"))),
    )


def _memory() -> int:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def _has_package(name: str, folders: Iterable[str]) -> bool:
    return any((Path(folder) / name).is_dir() for folder in folders if folder)


def _r_libraries() -> list[str]:
    given = [os.environ.get(name, "") for name in ("R_LIBS", "R_LIBS_SITE", "R_LIBS_USER")]
    return [*_R_LIBRARIES, *(part for text in given for part in text.split(os.pathsep))]


def _julia_packages() -> list[str]:
    given = os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)
    depots = [*(part for part in given if part), "/usr/local/share/julia", "/opt/julia-depot"]
    return [str(Path(depot) / "packages") for depot in depots]

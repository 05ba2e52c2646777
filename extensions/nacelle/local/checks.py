"""What this machine must have before the platform starts: each check is a sentence or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nacelle.layout import PORTS, Layout

MEGABYTE = 2**20
SPACE_NEEDED = 500 * MEGABYTE
FILES_NEEDED = 1024


class CannotStart(Exception):
    """The platform cannot start; the message says why and what to do, one line a cause."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `problem` is None when it is in order."""

    subject: str
    detail: str
    problem: str | None = None
    # The platform starts without it; something in it will not be offered.
    optional: bool = False


def examine(layout: Layout, running: bool = False) -> list[Finding]:
    """Look at the machine and the installation; `running` leaves the ports alone."""
    findings = [check(layout) for check in _CHECKS]
    return findings if running else [*findings, *_ports(layout)]


def require(layout: Layout) -> None:
    """Raise CannotStart with each mandatory problem of `examine`."""
    problems = [item.problem for item in examine(layout) if item.problem and not item.optional]
    if problems:
        raise CannotStart("\n".join(problems))


def _system(layout: Layout) -> Finding:
    problem = None
    if sys.platform != "linux":
        problem = f"this is {sys.platform}: the platform runs on Linux only; use a Linux machine"
    return Finding("system", f"{sys.platform}, Python {sys.version.split()[0]}", problem)


def _folder(layout: Layout) -> Finding:
    data = layout.data
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = data / f".write-{os.getpid()}"
        probe.write_bytes(b"x")
    except OSError as error:
        return Finding("data folder", str(data), unwritable(data, error))
    try:
        os.setxattr(probe, "user.nacelle", b"x")
        problem = None
    except OSError:
        problem = (
            f"data_dir: the file system of {data} has no extended attributes; the store needs them:"
            " name a folder on ext4, xfs or btrfs with --data"
        )
    finally:
        probe.unlink(missing_ok=True)
    return Finding("data folder", str(data), problem)


def unwritable(data: Path, error: OSError) -> str:
    """The sentence for a data folder that cannot be made or written."""
    return (
        f"data_dir: {data} cannot be written ({error.strerror});"
        " make it writable, or name another folder with --data"
    )


def _space(layout: Layout) -> Finding:
    folder = _existing(layout.data)
    free = shutil.disk_usage(folder).free
    problem = None
    if free < SPACE_NEEDED:
        problem = (
            f"data_dir: {layout.data} has {free // MEGABYTE} MB left and"
            f" {SPACE_NEEDED // MEGABYTE} MB are needed; free some, or name another with --data"
        )
    return Finding("disk space", f"{free // MEGABYTE} MB free", problem)


def _open_files(layout: Layout) -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    problem = None
    if soft < FILES_NEEDED:
        problem = f"only {soft} open files are allowed; run 'ulimit -n {FILES_NEEDED}' first"
    return Finding("open files", f"{soft} of at most {hard}", problem)


def _catalogue(layout: Layout) -> Finding:
    from nacelle.environments.profiles import load_profiles

    path = layout.settings.profiles
    try:
        profiles = load_profiles(path)
    except Exception as error:
        return Finding("profiles", str(path), str(error))
    return Finding("profiles", f"{len(profiles)} in {path}")


def _r(layout: Layout) -> Finding:
    from nacelle.environments.machine import probe_machine

    reason = None
    if "r" not in probe_machine().kernels:
        reason = "R with IRkernel is not here; Debian has it as r-base-core and r-cran-irkernel"
    return Finding("R", "R with IRkernel", reason, optional=True)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _ports(layout: Layout) -> Iterator[Finding]:
    for part in PORTS:
        port = layout.port(part)
        host = layout.settings.host if part == "proxy" else layout.listens_on(part)
        problem = None
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                problem = (
                    f"host: {host!r} is not an address of this machine;"
                    " choose one that is with --host"
                )
            else:
                problem = (
                    f"port {port} ({part}) cannot be used: {error.strerror};"
                    " stop what uses it, or choose another port with --port"
                )
        yield Finding(f"port {port}", part, problem)


_CHECKS: tuple[Callable[[Layout], Finding], ...] = (
    _system,
    _folder,
    _space,
    _open_files,
    _catalogue,
    _r,
)

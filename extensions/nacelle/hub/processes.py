"""Look after processes that may be older than ourselves: sessions of a hub that restarted."""

from __future__ import annotations

import re
import shutil
import socket
from collections import deque
from pathlib import Path

_TOKENS = re.compile(
    r"(?i)((?:token|secret|password|authorization)[\w-]*[\"']?\s*[=:]\s*(?:bearer\s+|token\s+)?)"
    r"[^\s&\"']+|\b[0-9a-f]{32,}\b"
)


def born(pid: int) -> int | None:
    """When `pid` was started, in clock ticks since boot; None when it is gone or only a zombie.

    A pid alone does not name a process: the machine gives it again to another.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def listens(port: int) -> bool:
    """Whether something accepts connections at `port` of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def open_log(path: Path) -> None:
    """Begin a new log at `path`; the one before it stays as `<path>.1`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        path.replace(path.with_name(path.name + ".1"))
    path.touch(mode=0o600)


def bound_log(path: Path, limit: int = 10 * 1024**2) -> None:
    """Move what is in a log above `limit` bytes to `<path>.1`, while its writer appends to it."""
    try:
        if path.stat().st_size <= limit:
            return
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        with path.open("r+") as log:
            log.truncate(0)
    except FileNotFoundError:
        return


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log, fit to be shown: nothing in it that looks like a token."""
    try:
        with path.open(encoding="utf-8", errors="replace") as log:
            lines = deque((line.rstrip() for line in log if line.strip()), maxlen=count)
    except OSError:
        return ""
    return without_tokens("\n".join(lines))


def without_tokens(text: str) -> str:
    """`text` with everything that looks like a key or token replaced by ***."""
    return _TOKENS.sub(lambda match: (match[1] or "") + "***", text)

"""Where a notebook stands in Git: commit, whether files differ from it, and the repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit, urlunsplit

_PATIENCE = 15
# Neither hooks nor watchers of a repository that may be a stranger's, and no lock taken.
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


class Git(TypedDict):
    """As a job keeps it."""

    commit: str
    dirty: bool
    remote: str | None


def git_of(file: Path) -> Git | None:
    """The commit under `file`; None where there is no repository, no commit, or no Git."""
    folder = file.parent
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    tracked = _git(folder, "ls-files", "--error-unmatch", "--", file.name)
    remote = _git(folder, "remote", "get-url", "origin")
    # A notebook that Git does not know is in no commit, however clean the rest.
    dirty = changed is None or changed != "" or tracked is None
    return Git(commit=commit, dirty=dirty, remote=_without_login(remote) if remote else None)


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None when it fails."""
    try:
        answer = subprocess.run(
            ["git", *_QUIET, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _without_login(remote: str) -> str:
    """The address without the user and token that many carry in it; ssh needs its user."""
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https"):
        return remote
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

"""What a profile asks of a session's start (`init`): a Git repository in the home, then a script.

It runs beside the server, which answers meanwhile. Numbered cases, each with a test:

1. the repository is cloned into the home under its name; a later start brings what is new and keeps
   the user's own changes, by nbgitpuller's rules;
2. the script runs in the home after the repository is there;
3. a failure leaves the session usable and says what happened in `init-failed.txt` in the home; the
   next start that succeeds removes it.
"""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from nbgitpuller.pull import GitPuller

NAME = "NACELLE_INIT"
REPORT = "init-failed.txt"
SCRIPT_PATIENCE = 600

log = logging.getLogger(__name__)


def start_init(environ: Mapping[str, str], home: Path) -> threading.Thread | None:
    """Begin what NACELLE_INIT says, if anything; the thread is done when the work is."""
    if not environ.get(NAME):
        return None
    wanted = json.loads(environ[NAME])
    thread = threading.Thread(target=run_init, args=(wanted, home), name="init", daemon=True)
    thread.start()
    return thread


def run_init(wanted: Mapping[str, str | None], home: Path) -> None:
    """Fetch, then run; never raises."""
    report = home / REPORT
    try:
        if wanted.get("git"):
            _fetch(str(wanted["git"]), wanted.get("branch"), home)
        if wanted.get("script"):
            _run(str(wanted["script"]), home)
    except Exception as error:
        # nbgitpuller raises bare Exceptions; whatever it is, the person reads it in the home.
        words = getattr(error, "stdout", None) or str(error) or type(error).__name__
        report.write_text(f"This environment could not be set up as meant.\n\n{words}\n", "utf-8")
        log.warning("init failed, see %s", report)
    else:
        report.unlink(missing_ok=True)


def _fetch(url: str, branch: str | None, home: Path) -> None:
    name = PurePosixPath(urlsplit(url).path).name.removesuffix(".git")
    said = [""]
    try:
        for line in GitPuller(url, str(home / name), branch=branch).pull():
            said.append(line.rstrip())
    except subprocess.CalledProcessError as error:
        # git's own words are in what it printed, not in the error.
        error.stdout = "\n".join(said)
        raise


def _run(script: str, home: Path) -> None:
    subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=home,
        check=True,
        timeout=SCRIPT_PATIENCE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

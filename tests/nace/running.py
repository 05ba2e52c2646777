"""Run `nacelle nace`: quickly in this process, or as people do."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from nacelle.cli import main

NACELLE = Path(sys.executable).with_name("nacelle")
# Options of a training of seconds.
QUICK = tuple(
    part
    for setting in (
        "fasttext.bucket=2000", "fasttext.dsub=0", "bag.dimension=16", "bag.epochs=5",
        "network.dimension=16", "network.hidden=0", "network.epochs=5",
    )
    for part in ("--set", setting)
)  # fmt: skip
_JOBS = {
    "0110": ("army officer", "naval commander", "air force captain", "general of the army"),
    "2511": ("systems analyst", "analyst of computer systems", "technology consultant"),
    "2512": ("software developer", "programmer of games", "java developer", "web programmer"),
}
_RANKS = ("senior", "junior", "chief", "assistant", "freelance", "head", "deputy", "retired")


def invoke(*arguments: object, stdin: str | bytes | None = None, code: int = 0) -> Result:
    """`nacelle nace` in this process; the exit code must be `code`."""
    found = CliRunner().invoke(main, ["nace", *map(str, arguments)], input=stdin)
    assert found.exit_code == code, found.output
    return found


def invoke_json(*arguments: object, code: int = 0) -> dict[str, Any]:
    """What `--json` prints."""
    found: dict[str, Any] = json.loads(invoke(*arguments, "--json", code=code).stdout)
    return found


def run(
    *arguments: object, powerless: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`nacelle nace` in a process of its own; `powerless`, rights count even for root."""
    return subprocess.run(
        [NACELLE, "nace", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=_obey_rights if powerless else None,
        env={**os.environ, **environment},
        check=False,
    )


def _obey_rights() -> None:
    # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; whoever is not root has neither.
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


def write_jobs(path: Path) -> Path:
    """Labelled rows of three occupations of the small ISCO, as CSV."""
    rows = [
        f"{rank} {job},{code}" for code, jobs in _JOBS.items() for job in jobs for rank in _RANKS
    ]
    path.write_text("\n".join(["text,code", *rows]) + "\n", encoding="utf-8")
    return path

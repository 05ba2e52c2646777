"""How long a start on existing data takes: to a login page, and to all parts healthy."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from statistics import median

import httpx

from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import answers, new_installation
from tests.support.installation import NACELLE, Installation, plain_environment
from tests.support.waiting import wait_for

STARTS = 3
LOGIN_LIMIT = 15.0
HEALTHY_LIMIT = 60.0
PATIENCE = 240.0


def run(report: Report) -> Iterable[Figure]:
    """Seconds of `nacelle up --detach` as parts of their limits, median of STARTS."""
    with new_installation() as installation:
        report("first start, which makes the data (not counted)")
        installation.up()
        installation.down()
        starts = []
        for number in range(1, STARTS + 1):
            login, healthy = _start(installation)
            report(
                f"start {number} of {STARTS}: login page {login:.1f} s, all healthy {healthy:.1f} s"
            )
            starts.append((login, healthy))
            installation.down()
    logins, healthies = zip(*starts, strict=True)
    return [
        _figure("startup.login", "login page", logins, LOGIN_LIMIT),
        _figure("startup.healthy", "all parts healthy", healthies, HEALTHY_LIMIT),
    ]


def _start(installation: Installation) -> tuple[float, float]:
    """Seconds from the command to the login page through the proxy, and to the command's end."""
    url = f"{installation.url}/hub/login"
    began = time.monotonic()
    command = [str(NACELLE), "up", "--detach", "--settings", str(installation.file)]
    with (
        httpx.Client(trust_env=False) as client,
        subprocess.Popen(
            command,
            env=plain_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as up,
    ):
        wait_for(lambda: up.poll() or answers(client, url), PATIENCE, "the login page")
        login = time.monotonic() - began
        _, words = up.communicate(timeout=PATIENCE)
    if up.returncode:
        raise RuntimeError(f"nacelle up ended with {up.returncode}: {words}")
    return login, time.monotonic() - began


def _figure(name: str, what: str, seconds: tuple[float, ...], limit: float) -> Figure:
    middle = median(seconds)
    return Figure(
        name,
        middle / limit,
        "of limit",
        f"limit {limit:g} s ({what} after {middle:.1f} s)",
        Goal("<=", 1),
        f"median of {len(seconds)} starts: " + ", ".join(f"{one:.1f}" for one in seconds) + " s",
    )

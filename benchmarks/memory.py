"""How much memory the platform's parts hold when nobody uses them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

import psutil

from benchmarks.figure import Figure, Goal, Report
from benchmarks.running import running_installation
from nacelle.local import processes

LIMIT_MB = 1200.0
MEGABYTE = 1e6
# Idle: in each of this many seconds in a row all parts together used less than this share of a CPU.
QUIET_SECONDS = 10
QUIET_SHARE = 0.1
PATIENCE = 180.0


def run(report: Report) -> Iterable[Figure]:
    """Proportional set size of all processes, as a part of the limit."""
    with running_installation(report) as installation:
        report(f"waiting for {QUIET_SECONDS} quiet seconds")
        _wait_until_quiet(installation.layout.instance)
        parts = _memory(installation.layout.instance)
    total = sum(parts.values())
    shares = ", ".join(f"{part} {size:.0f}" for part, size in parts.items())
    report(f"{total:.0f} MB")
    return [
        Figure(
            "memory",
            total / LIMIT_MB,
            "of limit",
            f"limit {LIMIT_MB:g} MB (PSS {total:.0f} MB)",
            Goal("<=", 1),
            f"MB: {shares}",
        )
    ]


def _memory(instance: str) -> dict[str, float]:
    """MB by part. PSS counts a page that n processes share as 1/n in each."""
    parts: defaultdict[str, float] = defaultdict(float)
    for process in processes.find(instance):
        parts[processes.part_of(process)] += process.memory_full_info().pss / MEGABYTE
    return dict(sorted(parts.items(), key=lambda part: -part[1]))


def _wait_until_quiet(instance: str) -> None:
    deadline = time.monotonic() + PATIENCE
    quiet, before = 0, _processor_seconds(instance)
    while quiet < QUIET_SECONDS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the platform was not idle within {PATIENCE:g} s")
        time.sleep(1)
        now = _processor_seconds(instance)
        quiet = quiet + 1 if now - before < QUIET_SHARE else 0
        before = now


def _processor_seconds(instance: str) -> float:
    total = 0.0
    for process in processes.find(instance):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total

"""Made-up fits for searches: quick, countable, and importable by the processes that run them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from nacelle.nace.drops import DropReport
from nacelle.nace.errors import NaceError
from nacelle.nace.labelled import Labelled


class Inner(msgspec.Struct, frozen=True):
    rate: float = 0.1


class Settings(msgspec.Struct, frozen=True):
    size: int = 1
    inner: Inner = Inner()
    calls: str = ""
    gate: str = ""


def labelled(number: int = 40, codes: int = 4) -> Labelled:
    """Rows of two words each, no two alike."""
    words = [f"{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(number)]
    texts = [f"making {word * 3}" for word in words]
    names = [f"{1 + i % codes}" for i in range(number)]
    report = DropReport(read=number, kept=number)
    return Labelled(texts, names, ["en"] * number, ["made"] * number, {}, report)


def score(settings: Settings, learnt: Labelled, tested: Labelled) -> dict[str, float]:
    """Better with size, worse with the rate; says in the file `calls` that it was asked."""
    if settings.calls:
        with Path(settings.calls).open("a") as file:
            file.write(f"{settings.size} {os.getpid()}\n")
    if settings.size < 0:
        raise NaceError("a size below zero cannot be fitted")
    if settings.gate and settings.size > 2:
        _wait_for(Path(settings.gate))
    fold = sum(map(ord, "".join(tested.texts))) % 7 / 1000
    value = 0.5 + settings.size / 100 - settings.inner.rate / 10 + fold
    return {"accuracy": value, "rows": float(len(tested)), "learnt": float(len(learnt))}


def _wait_for(gate: Path) -> None:
    """Take long, as fits do, while the file is not there."""
    end = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < end:
        time.sleep(0.05)


def other_score(settings: Settings, learnt: Labelled, tested: Labelled) -> dict[str, float]:
    return {"accuracy": 1 - settings.size / 100}

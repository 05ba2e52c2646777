"""The installation's own secrets: files that only its Unix user can read, made at first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nacelle.layout import Layout

SERVICES = ("broker", "mlflow", "nace", "jobs", "jobs-engine", "culler")

# name -> bytes of randomness; each is written as hexadecimal text.
_GENERATED = {
    "hub.cookie": 32,
    "hub.crypt": 32,
    "proxy.token": 32,
    "store.key": 32,
    "mlflow.secret": 32,
    "nace.secret": 32,
    "nace.text": 32,
    "jobs.secret": 32,
    "broker.secret": 32,
    **{f"service.{name}.token": 32 for name in SERVICES},
}


def write_private(path: Path, text: str) -> None:
    """Write a file that only the owner can read, whole or not at all, durable when it returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def ensure_secrets(layout: Layout) -> None:
    """Make the secrets that are missing; never change one that exists."""
    layout.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.secrets.chmod(0o700)
    for name, size in _GENERATED.items():
        if not (layout.secrets / name).exists():
            write_private(layout.secrets / name, secrets.token_hex(size))


def read_secret(layout: Layout, name: str) -> str:
    """One secret by file name, e.g. 'store.key'. FileNotFoundError before the first start."""
    return (layout.secrets / name).read_text(encoding="utf-8").strip()

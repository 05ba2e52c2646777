"""Certificate authorities: those that this machine trusts, and one more."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi


def with_those_trusted_here(own: str) -> str:
    """`own` (PEM) beside the authorities that this machine trusts: a session that speaks to a
    private store also speaks to the world, and clients take one file for both."""
    trusted = Path(ssl.get_default_verify_paths().cafile or certifi.where())
    return trusted.read_text(encoding="utf-8") + "\n" + own

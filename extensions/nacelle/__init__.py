"""Nacelle: what the platform adds to Jupyter. In a notebook: `con = nacelle.connect()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nacelle.storage.clients import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    # Late, so that `import nacelle` costs nothing and needs no extra.
    if name == "connect":
        from nacelle.storage.clients import connect

        return connect
    raise AttributeError(f"module 'nacelle' has no attribute {name!r}")

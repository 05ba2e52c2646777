"""Nacelle: what the platform adds to Jupyter. In a notebook: `con = nacelle.connect()`, and for the
next steps of a pipeline `nacelle.output("table", "s3://...")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nacelle.jobs.pipelines.giving import output
    from nacelle.storage.clients import connect

__all__ = ["connect", "output"]


def __getattr__(name: str) -> Any:
    # Late, so that `import nacelle` costs nothing and needs no extra.
    if name == "connect":
        from nacelle.storage.clients import connect

        return connect
    if name == "output":
        from nacelle.jobs.pipelines.giving import output

        return output
    raise AttributeError(f"module 'nacelle' has no attribute {name!r}")

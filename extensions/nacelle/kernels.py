"""Kernelspecs of a local installation: ours under the names that notebooks carry."""

from __future__ import annotations

from pathlib import Path

from nacelle.layout import Layout
from nacelle.shares import share

# Folder in kernels/ -> kernel name, as IPython, IRkernel and IJulia call theirs.
NAMES = {"python": "python3", "r": "ir", "julia": "julia-1"}


def jupyter_path(layout: Layout) -> Path:
    """What JUPYTER_PATH is in a session."""
    return layout.run / "jupyter"


def link_kernels(layout: Layout) -> None:
    """Link each kernelspec under its name; a session offers those that its profile names."""
    folder = jupyter_path(layout) / "kernels"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source, name in NAMES.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(share("kernels") / source)

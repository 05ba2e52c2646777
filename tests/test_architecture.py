"""The picture of the design, held against the code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "extensions" / "nacelle"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A package imports those of lower rows only; of its own row, none but itself.
ROWS = [
    {"cli"},
    {"cli_render"},
    {"local"},
    {"hub", "lab", "jobs", "nace", "backbone", "proxy"},
    {"credentials", "storage", "environments", "cluster"},
    {"layout", "secrets", "logs", "shares", "kernels", "language"},
    {"settings", "problems", "prefixes", "storage.slug", "authorities"},
]
# The rule for the names of buckets is needed at both ends: it is of the lowest row.
APART = {("storage", "slug"): "storage.slug"}
# Names that whole rows may share although they lie beside them.
SHARED = {
    "credentials": {"storage"},
    "storage": {"credentials"},
    "secrets": {"layout"},
    "kernels": {"layout", "shares"},
    "settings": {"problems", "storage.slug"},
}


def row_of(package: str) -> int:
    return next(number for number, row in enumerate(ROWS) if package in row)


def place_of(parts: Sequence[str]) -> str:
    """Where a module stands in the picture, by the components of its name below `nacelle`."""
    return APART.get(tuple(parts[:2]), parts[0])


def imported(module: Path) -> set[str]:
    """What a module imports from places of the picture, late imports included."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "nacelle":
                names = [f"nacelle.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        found |= {place_of(name.split(".")[1:]) for name in names if name.startswith("nacelle.")}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(module: Path) -> None:
    place = place_of(module.relative_to(PACKAGE).with_suffix("").parts)
    if place == "__init__":
        return
    for other in imported(module) - {place}:
        allowed = row_of(other) > row_of(place) or other in SHARED.get(place, set())
        assert allowed, f"{module.name} in {place} imports {other}"


FILES = [
    path
    for pattern in ("extensions/**/*", "hub_config/**/*", "tests/**/*.py", "benchmarks/**/*.py")
    for path in ROOT.glob(pattern)
    if path.suffix in (".py", ".html", ".css", ".js", ".ts", ".tsx")
    and "node_modules" not in path.parts
    # What is built of the extension, and its package.
    and "nacelle_lab" not in path.parts
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_under_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


def test_the_hub_s_configuration_delegates() -> None:
    config = ROOT / "hub_config" / "jupyterhub_config.py"
    assert len(config.read_text(encoding="utf-8").splitlines()) < 30

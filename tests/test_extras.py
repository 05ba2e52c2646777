"""Each package of Nacelle imports only what its own extra brings."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PACKAGE = Path(__file__).parents[1] / "extensions" / "nacelle"
# Path prefix -> the extras under each of which it is imported; the first that fits counts, '' is
# none.
EXTRAS = {
    "hub/": "hub",
    "lab/": "lab",
    "nace/": "nace",
    "jobs/": "jobs",
    "local/": "local",
    "proxy/": "local",
    "storage/embedded/": "local",
    "storage/clients.py": "lab",
    "storage/": "",
    "credentials/links.py": "lab",
    "credentials/keys.py": "",
    "credentials/client.py": "",
    "credentials/provider.py": "",
    # Shared by the hub, its services and the classifier's.
    "credentials/hub.py": "hub nace jobs",
    "credentials/identity.py": "hub nace jobs",
    "credentials/issuer.py": "hub nace jobs",
    "credentials/": "hub",
    # Late imports: each command's own.
    "cli.py": "local",
    "": "",
}


@cache
def owners() -> Mapping[str, list[str]]:
    """Distributions by the top-level names they install."""
    return packages_distributions()


def extras_of(module: Path) -> list[str]:
    name = str(module.relative_to(PACKAGE))
    found = next(extras for prefix, extras in EXTRAS.items() if name.startswith(prefix))
    return found.split() or [""]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def brought_by(name: str, extras: frozenset[str]) -> frozenset[str]:
    """A distribution and all it requires, as the installed metadata say."""
    found: set[str] = set()
    waiting = [(name, extras)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        try:
            lines = requires(current[0]) or []
        except PackageNotFoundError:
            continue
        found.add(normal(current[0]))
        for line in lines:
            need = Requirement(line)
            environments = [{"extra": extra} for extra in (current[1] or {""})]
            if need.marker is None or any(need.marker.evaluate(one) for one in environments):
                waiting.append((normal(need.name), frozenset(need.extras)))
    return frozenset(found)


def outside(module: Path) -> set[str]:
    """Top-level names of the packages of others that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {name.name.split(".")[0] for name in node.names}
    return names - set(sys.stdlib_module_names) - {"nacelle"}


@pytest.mark.parametrize(
    "module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_needs_no_more_than_its_extra(module: Path) -> None:
    for extra in extras_of(module):
        brought = brought_by("nacelle", frozenset({extra} if extra else set()))
        for name in outside(module):
            homes = {normal(owner) for owner in owners().get(name, [])}
            assert homes & brought, f"{name} ({', '.join(homes)}) is not brought by extra {extra!r}"

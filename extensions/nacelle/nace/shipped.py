"""The part of Nacelle that answers, as files that travel with a model."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

_FOLDER = Path(__file__).parent
_PACKAGE = "nacelle.nace"
# What the modules below import, by the names under which it is installed.
_LIBRARIES = (
    "fasttext-community", "mlflow", "msgspec", "numpy", "pandas", "pyarrow", "pystemmer", "scipy",
)  # fmt: skip


def requirements() -> list[str]:
    """What a model needs to answer, each at the version installed here (`numpy==2.4.6`)."""
    return [f"{name}=={version(name)}" for name in _LIBRARIES]


def ship(folder: Path) -> Path:
    """Copy the modules of Nacelle that a classifier needs to answer; the folder, to be imported."""
    target = folder / "nacelle" / "nace"
    target.mkdir(parents=True)
    for path in (_FOLDER.parent / "__init__.py", _FOLDER / "__init__.py"):
        shutil.copyfile(path, folder / "nacelle" / path.relative_to(_FOLDER.parent))
    for name in inference_modules():
        shutil.copyfile(_FOLDER / f"{name}.py", target / f"{name}.py")
    return folder


def inference_modules() -> tuple[str, ...]:
    """`classifier` and all modules beside it that it needs, late imports included."""
    found: set[str] = set()
    waiting = ["classifier"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(_FOLDER / f"{name}.py")
    return tuple(sorted(found))


def _imports(path: Path) -> Iterator[str]:
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.module == _PACKAGE:
            yield from (alias.name for alias in node.names)
        elif node.module and node.module.startswith(f"{_PACKAGE}."):
            yield node.module.removeprefix(f"{_PACKAGE}.")


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _executed(node)

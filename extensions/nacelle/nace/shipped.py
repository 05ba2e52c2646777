"""The part of Nacelle that answers, as files that travel with a model."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_START = "nacelle.nace.classifier"
# What the modules below import, by the names under which it is installed.
_LIBRARIES = (
    "fasttext-community", "mlflow", "msgspec", "numpy", "pandas", "pyarrow", "pystemmer", "scipy",
)  # fmt: skip


def requirements() -> list[str]:
    """What a model needs to answer, each at the version installed here (`numpy==2.4.6`)."""
    return [f"{name}=={version(name)}" for name in _LIBRARIES]


def ship(folder: Path) -> Path:
    """Copy the modules of Nacelle that a classifier needs to answer; the folder, to be imported."""
    for name in inference_modules():
        source = _file_of(name)
        target = folder / "nacelle" / source.relative_to(_PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return folder


def inference_modules() -> tuple[str, ...]:
    """Names of the classifier's module and of all that it imports of Nacelle, late ones too."""
    found: set[str] = set()
    waiting = [_START]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(_file_of(name))
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return tuple(sorted(found))


def _imports(path: Path) -> Iterator[str]:
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (one for one in names if one.split(".")[0] == "nacelle" and _exists(one))


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _executed(node)


def _file_of(name: str) -> Path:
    path = _PACKAGE.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(name: str) -> bool:
    return _file_of(name).is_file()

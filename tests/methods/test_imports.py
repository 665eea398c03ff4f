"""No module of the methods imports itself by way of others."""

from __future__ import annotations

import ast
from collections.abc import Container
from graphlib import TopologicalSorter
from pathlib import Path

import methods

ROOT = Path(methods.__file__).parents[1]


def test_no_modules_import_each_other() -> None:
    paths = {_name(path): path for path in (ROOT / "methods").rglob("*.py")}
    imports = {name: _imported(path, paths.keys()) for name, path in paths.items()}
    assert "methods.networks.lenet5" in imports["methods.engines.base"]
    TopologicalSorter(imports).prepare()  # raises CycleError


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: Container[str]) -> set[str]:
    """Modules that a file imports, or imports a name from."""
    pairs = [
        (f"{node.module}.{alias.name}", str(node.module))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    names = {name if name in modules else module for name, module in pairs}
    return {name for name in names if name in modules}

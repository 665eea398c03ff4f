"""No module of the methods imports itself by way of others."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import methods

ROOT = Path(methods.__file__).parents[1]


def test_no_modules_import_each_other() -> None:
    modules = {_name(path): path for path in (ROOT / "methods").rglob("*.py")}
    imports = {name: _imported(path) & modules.keys() - {name} for name, path in modules.items()}
    assert any("methods.networks.lenet5" in names for names in imports.values())
    TopologicalSorter(imports).prepare()  # raises CycleError


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names

"""Imports only go down: command line, benchmarks, methods; and what is pure stays pure."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = ("benchmarks/epistemic_check/__main__.py", "benchmarks/score/__main__.py")
"""What is run by ``python -m``: command lines of their own, which nothing imports."""

STANDARD = sys.stdlib_module_names | {"__future__"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offending(folder: str, *, only: set[str] | None = None, never: set[str]) -> list[str]:
    """Imports of what is never allowed, or of what is not among the only allowed."""
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in sorted(imported(path))
        if within(name, never) or not (only is None or within(name, only))
    ]


def test_imports_are_found_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import a.b as c\nfrom d import e\n\ndef f():\n    from g.h import i, j\n")
    assert imported(path) == {"a.b", "d.e", "g.h.i", "g.h.j"}


def test_methods_know_nothing_of_the_benchmark() -> None:
    assert len(modules("methods")) > 10
    assert offending("methods", never={"benchmarks", "run_all"}) == []


def test_benchmarks_know_nothing_of_the_command_line() -> None:
    assert len(modules("benchmarks")) > 10
    assert offending("benchmarks", never={"run_all", "tests"}) == []
    offenders = offending("benchmarks", never={"typer", "benchmarks.command_line"})
    assert {line.split()[0] for line in offenders} == {"benchmarks/command_line.py", *COMMANDS}
    commands = {"benchmarks.epistemic_check.__main__", "benchmarks.score.__main__"}
    offenders = offending("benchmarks", never=commands)
    assert {line.split()[0] for line in offenders} <= set(COMMANDS)


def test_metrics_know_neither_methods_nor_data() -> None:
    allowed = STANDARD | {"torch", "jaxtyping", "benchmarks.metrics"}
    assert len(modules("benchmarks/metrics")) > 5
    assert offending("benchmarks/metrics", only=allowed, never=set()) == []


def test_fast_engine_knows_arrays_alone() -> None:
    allowed = STANDARD | {
        *(
            "numpy",
            "numba",
            "llvmlite",
            "jaxtyping",
            "filelock",
            "platformdirs",
            "methods.engines.lenet5_kernels",
        ),
    }
    assert offending("methods/engines/lenet5_kernels", only=allowed, never=set()) == []


def test_report_needs_neither_torch_nor_methods() -> None:
    assert len(modules("benchmarks/report")) > 10
    assert offending("benchmarks/report", never={"torch", "torchvision", "methods"}) == []


@pytest.mark.parametrize("path", [*modules("methods"), *modules("benchmarks")], ids=str)
def test_file_is_named_for_what_is_in_it(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "misc", "common"} & set(path.stem.split("_"))

"""The rooms of the suite: imports only go down, and files are one thought."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from methods.version import suite_version

ROOT = Path(__file__).parents[1]
FILES = [path for room in ("methods", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]

FLOORS = (
    ("methods",),
    ("benchmarks.io", "benchmarks.vocabulary"),
    ("benchmarks.progress", "benchmarks.schema", "benchmarks.options"),
    ("benchmarks.nouns", "benchmarks.parallel"),
    ("benchmarks.data", "benchmarks.headline"),
    ("benchmarks.corruptions",),
    ("benchmarks.tasks", "benchmarks.metrics"),
    ("benchmarks.predictions",),
    ("benchmarks.inference",),
    ("benchmarks.report",),
    ("benchmarks.run", "benchmarks.claims", "benchmarks.epistemic", "benchmarks.latency"),
    ("benchmarks.cluster", "benchmarks.intake"),
    (
        *("benchmarks.api", "benchmarks.check", "benchmarks.compare", "benchmarks.lab"),
        "benchmarks.tuning",
    ),
    ("benchmarks.commands",),
    ("benchmarks.cli", "benchmarks.__main__"),
)
"""From the ground up: a room imports itself, rooms of its own floor, and those below."""

MOST_LINES = 600


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """Dotted names of what a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def imports() -> dict[str, set[str]]:
    return {module_name(path): imported(path) for path in FILES}


def resolved(name: str) -> str:
    """The module of the suite that a dotted name is, or lies in; else an empty name."""
    while name and name not in imports():
        name = name.rpartition(".")[0]
    return name


@cache
def graph() -> dict[str, set[str]]:
    return {
        module: {resolved(name) for name in names} - {"", module, "benchmarks"}
        for module, names in imports().items()
    }


def floor_of(module: str) -> int:
    for floor, rooms in enumerate(FLOORS):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return floor
    raise AssertionError(f"{module} is on no floor: add it to FLOORS")


def reached(modules: Iterable[str]) -> set[str]:
    """Names of all that is imported with these modules, directly or not."""
    names, waiting, done = set[str](), set(modules), set[str]()
    while waiting:
        module = waiting.pop()
        done.add(module)
        names |= imports()[module]
        parents = {target.rsplit(".", depth)[0] for target in graph()[module] for depth in range(4)}
        waiting |= (parents & imports().keys()) - done
    return names | done


def test_imports_only_go_down() -> None:
    assert len(imports()) > 100
    assert [
        f"{module} imports {target}"
        for module, targets in graph().items()
        if module != "benchmarks"
        for target in sorted(targets)
        if floor_of(target) > floor_of(module)
    ] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")


def test_report_needs_neither_torch_nor_methods() -> None:
    heavy = {"torch", "torchvision", "methods", "sklearn", "numba"}
    report = [module for module in imports() if module.startswith("benchmarks.report")]
    assert {name for name in reached(report) if name.split(".")[0] in heavy} == set()


def test_command_line_starts_without_heavy_libraries() -> None:
    heavy = {"joblib", "matplotlib", "methods", "numpy", "pandas", "torch"}
    code = (
        "import sys, run_all; run_all.main.__globals__['sub_command'](['--version']); "
        f"print({heavy} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == (f"{suite_version()}\nset()\n", "")
    module = [sys.executable, "-m", "benchmarks", "--version"]
    assert subprocess.check_output(module, cwd=ROOT, text=True) == f"{suite_version()}\n"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_file_is_one_thought(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES
    assert not {"utils", "util", "helpers", "helper", "misc", "common"} & set(path.stem.split("_"))

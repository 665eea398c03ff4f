"""The rooms of the suite: imports only go down, and packages and files can be seen at a glance."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [*sorted((ROOT / "methods").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

SUITE = {"methods", "benchmarks", "run_all", "tests"}
STANDARD = sys.stdlib_module_names | {"__future__"}

GROUND = {
    *("benchmarks.entry", "benchmarks.errors", "benchmarks.escaping", "benchmarks.files"),
    "benchmarks.vocabulary",
}
TABLES = {
    *("benchmarks.arrays", "benchmarks.compared_sizes", "benchmarks.nouns"),
    *("benchmarks.progress", "benchmarks.schema"),
}

FLOORS = {
    "benchmarks/vocabulary.py": set(),
    "benchmarks/escaping.py": set(),
    "benchmarks/entry.py": set(),
    "methods": set(),
    "benchmarks/arrays.py": GROUND,
    "methods/scores": {"methods.interface"},
    "benchmarks/metrics": {"benchmarks.errors", "methods.interface", "methods.scores"}
    | {"methods.posthoc.temperature"},
    "benchmarks/data": GROUND | {"benchmarks.progress", "methods"},
    "benchmarks/corruptions": GROUND | {"benchmarks.data"},
    "benchmarks/tasks": GROUND | {"benchmarks.corruptions", "benchmarks.data", "methods"},
    "benchmarks/inference": GROUND
    | TABLES
    | {"benchmarks.metrics", "benchmarks.parallel", "benchmarks.predictions"}
    | {"benchmarks.tasks", "methods"},
    "benchmarks/report": GROUND | TABLES | {"benchmarks.parallel"},
    "benchmarks/run": GROUND
    | TABLES
    | {"benchmarks.claims", "benchmarks.data", "benchmarks.environment", "benchmarks.inference"}
    | {"benchmarks.latency", "benchmarks.metrics", "benchmarks.parallel", "benchmarks.predictions"}
    | {"benchmarks.report", "benchmarks.tasks", "methods"},
    "benchmarks/latency": GROUND
    | TABLES
    | {"benchmarks.environment", "benchmarks.report", "benchmarks.run", "methods"},
    "benchmarks/claims": GROUND
    | TABLES
    | {"benchmarks.inference", "benchmarks.metrics", "benchmarks.parallel"}
    | {"benchmarks.predictions", "benchmarks.report", "benchmarks.run", "benchmarks.tasks"}
    | {"methods"},
    "benchmarks/across": GROUND | TABLES | {"benchmarks.command_line", "benchmarks.report"},
    "benchmarks/views.py": GROUND | {"benchmarks.command_line", "benchmarks.report"},
    "benchmarks/score": GROUND
    | TABLES
    | {"benchmarks.command_line", "benchmarks.environment", "benchmarks.inference"}
    | {
        "benchmarks.metrics",
        "benchmarks.predictions",
        "benchmarks.report",
        "benchmarks.run",
        "benchmarks.tasks",
    }
    | {"methods"},
    "benchmarks/cluster.py": GROUND | TABLES | {"benchmarks.parallel", "benchmarks.run", "methods"},
    "benchmarks/api": GROUND
    | TABLES
    | {"benchmarks.inference", "benchmarks.predictions"}
    | {"benchmarks.report", "benchmarks.run", "benchmarks.score", "benchmarks.tasks", "methods"},
    "benchmarks/comparison": GROUND
    | {"benchmarks.cluster", "benchmarks.command_line", "benchmarks.environment"}
    | {"benchmarks.latency"}
    | {"benchmarks.report", "benchmarks.run", "benchmarks.tasks", "methods"},
    "benchmarks/lab": GROUND
    | TABLES
    | {"benchmarks.claims", "benchmarks.command_line", "benchmarks.environment"}
    | {"benchmarks.metrics", "benchmarks.report", "benchmarks.run", "benchmarks.tasks", "methods"},
    "benchmarks/check.py": GROUND
    | TABLES
    | {"benchmarks.claims", "benchmarks.command_line", "benchmarks.metrics"}
    | {"benchmarks.report", "benchmarks.run", "benchmarks.tasks", "methods"},
}
"""The rooms of the suite that each one may import, beside itself."""

LIBRARIES = {
    "benchmarks/vocabulary.py": {"__future__"},
    "benchmarks/escaping.py": STANDARD | {"rich"},
    "benchmarks/entry.py": STANDARD,
    "benchmarks/metrics": STANDARD
    | {"torch", "jaxtyping", "numpy", "numba", "scipy"}
    | {"benchmarks.errors", "methods.interface", "methods.scores", "methods.posthoc.temperature"},
    "methods/scores": STANDARD | {"torch", "jaxtyping", "methods.interface"},
    "benchmarks/corruptions": STANDARD
    | {"filelock", "jaxtyping", "numpy", "safetensors", "scipy", "skimage"}
    | {"benchmarks.data", "benchmarks.errors", "benchmarks.files"},
    "methods/engines/lenet5_kernels": STANDARD
    | {"numpy", "numba", "llvmlite", "jaxtyping", "filelock", "platformdirs"},
}
"""All libraries that some rooms may import."""

RUN_STAGES = {f"benchmarks.{package}" for package in ("api", "comparison")}
"""The packages that compute: no other may run a stage."""

STARTED = ("across", "score")
"""The packages that are run by ``python -m``."""

COMMANDS = {
    *(f"benchmarks/{package}/command.py" for package in (*STARTED, "comparison", "lab")),
    "benchmarks/check.py",
    "benchmarks/views.py",
}
README = "benchmarks.report.readme"
"""It is run by ``python -m``, too."""

MOST_LINES, MOST_FILES = 600, 20


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


IMPORTS = {module_name(path): imported(path) for path in FILES}
"""By module."""


def within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def room_of(folder: str) -> dict[str, set[str]]:
    """The imports of each module in a folder or file."""
    package = module_name(ROOT / folder)
    room = {name: names for name, names in IMPORTS.items() if within(name, {package})}
    assert room, f"there is no {folder}"
    return room


def importers(*packages: str) -> set[str]:
    """The modules that import one of these packages, or something in it, from outside of it."""
    return {
        module
        for package in packages
        for module, names in IMPORTS.items()
        if not within(module, {package}) and any(within(name, {package}) for name in names)
    }


def resolved(name: str) -> str | None:
    """The module of the suite that a dotted name is, or lies in."""
    while name and name not in IMPORTS:
        name = name.rpartition(".")[0]
    return name or None


def import_graph() -> Mapping[str, set[str]]:
    """The modules of the suite that each one imports; packages that it merely lies in are not."""
    return {
        module: {target for name in names if (target := resolved(name))} - {module}
        for module, names in IMPORTS.items()
    }


def with_packages(module: str) -> set[str]:
    """A module and the packages that it lies in: they are imported with it."""
    parts = module.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}


def reached(modules: Iterable[str]) -> set[str]:
    """Everything that is imported with these modules, directly or not."""
    graph, names = import_graph(), set()
    todo, done = set(modules), set()
    while todo:
        module = todo.pop()
        done.add(module)
        names |= IMPORTS[module]
        todo |= {package for target in graph[module] for package in with_packages(target)} - done
    return names | done


def test_imports_are_seen_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import a.b as c\nfrom d import e\n\ndef f():\n    from g.h import i, j\n")
    assert imported(path) == {"a.b", "d.e", "g.h.i", "g.h.j"}
    assert len(IMPORTS) > 100


@pytest.mark.parametrize("folder", FLOORS)
def test_room_imports_only_the_rooms_below_it(folder: str) -> None:
    allowed = FLOORS[folder] | {module_name(ROOT / folder)}
    assert [
        f"{module} imports {name}"
        for module, names in room_of(folder).items()
        for name in sorted(names)
        if within(name, SUITE) and not within(name, allowed)
    ] == []


@pytest.mark.parametrize("folder", LIBRARIES)
def test_room_imports_few_libraries(folder: str) -> None:
    allowed = LIBRARIES[folder] | {module_name(ROOT / folder)}
    assert [
        f"{module} imports {name}"
        for module, names in room_of(folder).items()
        for name in sorted(names)
        if not within(name, allowed)
    ] == []


def test_interface_in_python_needs_no_command_line() -> None:
    found = reached(room_of("benchmarks/api"))
    assert [
        name for name in sorted(found) if within(name, {"typer", "benchmarks.command_line"})
    ] == []


def test_report_is_drawn_without_torch_and_methods() -> None:
    heavy = {"torch", "torchvision", "methods", "sklearn", "numba"}
    assert [
        name for name in sorted(reached(room_of("benchmarks/report"))) if within(name, heavy)
    ] == []


def test_commands_are_imported_by_nobody() -> None:
    packages = [f"benchmarks.{name}" for name in (*STARTED, "comparison", "lab", "api")]
    importing = importers(*packages, "run_all", "tests")
    others = {name for name in importing if not within(name, {"benchmarks.api"})}
    assert others == set()
    commands = {module_name(ROOT / command) for command in COMMANDS}
    assert importers("benchmarks.command_line") == commands
    assert importers("typer") == commands | {
        "benchmarks.command_line",
        README,
        "benchmarks.report.kept",
    }
    assert importers(*commands, README) == set()


def test_dask_is_imported_by_the_cluster_alone() -> None:
    for library in ("dask", "dask_jobqueue", "distributed", "yaml"):
        assert all(within(name, {"benchmarks.cluster"}) for name in importers(library))


def test_stages_are_run_by_commands_and_the_interface_in_python_alone() -> None:
    assert all(within(name, RUN_STAGES) for name in importers("benchmarks.run.stages"))


def test_commands_are_ready_for_interruptions_before_they_import_much() -> None:
    modules = [
        "run_all",
        "benchmarks.entry",
        *(f"benchmarks.{package}.__main__" for package in STARTED),
    ]
    heavy = {"joblib", "matplotlib", "numpy", "pandas", "rich", "torch", "typer"}
    code = f"import sys, {', '.join(modules)}; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == ("set()\n", "")


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        graphlib.TopologicalSorter(import_graph()).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")


def source_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in {".py", ".js", ".css"}]


PACKAGES = sorted({path.parent for path in (*FILES, *ROOT.glob("benchmarks/*/**/*.js"))})


@pytest.mark.parametrize("package", PACKAGES, ids=module_name)
def test_package_has_few_files(package: Path) -> None:
    assert len(source_files(package)) <= MOST_FILES


@pytest.mark.parametrize("package", PACKAGES, ids=module_name)
def test_files_are_short(package: Path) -> None:
    lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in source_files(package)}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_file_is_named_for_what_is_in_it(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "misc", "common"} & set(path.stem.split("_"))

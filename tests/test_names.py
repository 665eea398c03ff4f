"""Names say what a thing is, and no code compares the name of a noun with a text.

What is done for a particular noun is decided by its fields. The exceptions are the places that say
so: registers, presets, claims of the article, the lab, and what the report says about particular
names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from benchmarks.metrics import METRICS
from benchmarks.tasks import TASKS
from methods import METHODS
from methods.scores import SCORES

ROOT = Path(__file__).parents[1]


@cache
def product() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for room in ("methods", "benchmarks")
        for path in sorted((ROOT / room).rglob("*.py"))
    }


KNOW_NAMES = (
    *("benchmarks/tasks", "benchmarks/metrics", "benchmarks/run/configuration.py"),
    *("benchmarks/claims", "benchmarks/lab", "benchmarks/report/editorial.py"),
)

FIELDS = {"name", "task", "condition", "method", "metric", "recipe", "score"}
"""Of nouns, and of the rows and keys of tables, which hold the name of a noun."""

NAMES = {
    *(METRICS | METHODS | SCORES | TASKS),
    *(condition.name for task in TASKS.values() for condition in task.conditions),
    *(recipe.name for task in TASKS.values() for recipe in task.recipes),
}


def texts(nodes: Iterable[ast.expr]) -> set[str]:
    """The texts among these, those in a tuple, list or set too; without the empty one."""
    found = set[str]()
    for node in nodes:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            found |= texts(node.elts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found - {""}


def field(node: ast.expr) -> object:
    """The attribute or column that an expression reads, if it does; of dataclasses' fields none."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) != "field":
        return node.attr
    return None


def compared(tree: ast.AST) -> Iterator[str]:
    """The comparisons with the name of a noun, and those of a name with any text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            # A text on the left of "in" is a part of a name.
            is_part = isinstance(node.ops[0], ast.In) and field(node.left) is None
            of_name = not is_part and bool(FIELDS & {field(side) for side in sides})
            is_found = bool(NAMES & texts(sides)) or (of_name and bool(texts(sides)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "where":
            is_found = any(each.arg in FIELDS and texts([each.value]) for each in node.keywords)
        else:
            continue
        if is_found:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_comparisons_are_recognised() -> None:
    for source in ('metric.name == "nll"', 'row["score"] in ("a", "b")', '"augrc" in used'):
        assert list(compared(ast.parse(source))) != [], source
    for source in ('row["status"] == "ok" and "," in one.name', 'where(rows, score="")'):
        assert list(compared(ast.parse(source))) == [], source


def test_no_name_is_compared_with_a_text() -> None:
    lines = [
        f"{path}:{line}"
        for path, tree in product().items()
        if path.startswith("benchmarks/") and not path.startswith(KNOW_NAMES)
        for line in compared(tree)
    ]
    assert lines == [], "what is said of a particular name stands in benchmarks/report/editorial.py"


PRONOUN = re.compile(r"_*(one|some|found|told|instead|of|of_\w+)")
"""What says nothing of the thing that is named so."""


CONSTRUCTORS = ("of", "of_logits")


def given_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The names of variables, parameters, functions and classes, without `CONSTRUCTORS`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in CONSTRUCTORS:
            yield node.lineno, node.name


def test_names_say_what_a_thing_is() -> None:
    assert [
        f"{path}:{line}: {name}"
        for path, tree in product().items()
        for line, name in given_names(tree)
        if PRONOUN.fullmatch(name)
    ] == []


def test_type_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path, tree in product().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name.lstrip("_"), []).append(path)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id.lstrip("_")
                if name[:1].isupper() and not name.isupper():
                    places.setdefault(name, []).append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}

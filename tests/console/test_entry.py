"""Which command the installed one runs, and how it calls itself."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.console import entry
from benchmarks.score import command as score

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The modules that would have run, with their arguments."""
    modules: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(entry, "run_command", lambda module, _: modules.append((module, sys.argv)))
    return modules


@pytest.mark.parametrize(
    ("arguments", "module", "seen"),
    [
        ([], "comparison", ["uncertainty-bench"]),
        (["--task", "digits"], "comparison", ["uncertainty-bench", "--task", "digits"]),
        (["run", "--list"], "comparison", ["uncertainty-bench run", "--list"]),
        (["score", "a.npz"], "score", ["uncertainty-bench score", "a.npz"]),
        (["check", "my_digit.png"], "epistemic_check", ["uncertainty-bench check", "my_digit.png"]),
        (["across", "a"], "across", ["uncertainty-bench across", "a"]),
        (["lab"], "lab", ["uncertainty-bench lab"]),
    ],
)
def test_sub_command_is_run(
    arguments: list[str],
    module: str,
    seen: list[str],
    ran: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/uncertainty-bench", *arguments])
    entry.main()
    assert ran == [(f"benchmarks.{module}.command", seen)]
    assert callable(import_module(ran[0][0]).command_line)


def test_unknown_sub_command_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["uncertainty-bench", "scores"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: there is no command 'scores'; choose from run, score, check, across, "
        "lab, or give options alone for a comparison\n"
    )


def test_help_names_the_installed_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for called in ("uncertainty-bench score", "python -m benchmarks.score"):
        monkeypatch.setattr(sys, "argv", [called, "--help"])
        assert score.command_line() == 0
        assert f"Usage: {called} " in capsys.readouterr().out


def test_package_declares_the_command_and_all_of_its_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"uncertainty-bench": "benchmarks.console.entry:main"}
    declared = {
        path
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    read = {
        path
        for package in ("methods", "benchmarks")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc", ".md")
    }
    assert read - declared == set()
    folders = {path.parent for path in (ROOT / "benchmarks").rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)

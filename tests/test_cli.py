"""How commands begin and end: which one runs, and Ctrl-C, crashes and closed outputs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from benchmarks.commands import app
from benchmarks.intake.formats import CALIBRATION
from tests.processes import ROOT, Start, processes, status_of

SCRIPT = """
from importlib import import_module
from benchmarks.cli import run_command

if __name__ == "__main__":
    run_command(lambda: import_module("tiny").command())
"""

WORK = """
import ctypes, time
from benchmarks.io import UserError
from benchmarks.parallel import parallel

def sleep(number):
    print("at work" + chr(10), end="", flush=True)
    time.sleep(600)

def crash(number):
    ctypes.string_at(0)

def in_parallel(work):
    parallel(work, [1, 2], stage="test", what="calls", jobs=2)

def fail():
    in_parallel(abs)
    raise UserError("no")

def show():
    for _ in range(100_000):
        print("T ≈ 1")

def command():
    """

IMPORTED = """
import time; print("at work\\n" * 2, end="", flush=True)
try:
    time.sleep(600)
except BaseException:
    raise ImportError("a bad install") from None
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command of this code."""
    with processes() as started:

        def begin(code: str, **variables: str) -> subprocess.Popen[str]:
            (tmp_path / "tiny.py").write_text(code)
            path = f"{tmp_path}{os.pathsep}{ROOT}"
            return started(script=SCRIPT, PYTHONPATH=path, **variables)

        yield begin


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (f"{WORK}in_parallel(sleep)", signal.SIGINT),
        (IMPORTED, signal.SIGINT),
        (f"{WORK}in_parallel(sleep)", signal.SIGKILL),
    ],
    ids=["interrupted", "interrupted in an import", "killed"],
)
def test_end_from_outside_is_one_line_at_most_and_ends_all_workers(
    code: str, ends: signal.Signals, start: Start
) -> None:
    process = start(code)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["at work\n"] * 2
    is_killed = ends == signal.SIGKILL
    process.kill() if is_killed else os.killpg(process.pid, ends)
    # Waits for the workers as well, which hold the other end of the pipe.
    shown = "" if is_killed else "interrupted; the same command continues the run\n"
    assert process.communicate(timeout=60) == ("", shown)
    assert process.returncode == (-ends if is_killed else 130)


@pytest.mark.parametrize(
    ("call", "status", "line"),
    [
        (
            "in_parallel(crash)",
            1,
            "error: the process of a worker crashed or was killed (SIGSEGV). ",
        ),
        ("fail()", 2, "error: no"),
    ],
)
def test_failure_of_a_worker_or_beside_it_is_one_line(
    call: str, status: int, line: str, start: Start
) -> None:
    process = start(WORK + call)
    _, shown = process.communicate(timeout=60)
    assert shown.splitlines()[-1].startswith(line)
    assert "Traceback" not in shown
    assert process.returncode == status


def test_closed_output_is_no_traceback(start: Start) -> None:
    process = start(f"{WORK}show()", PYTHONIOENCODING="ascii")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "T ? 1\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1


def test_module_that_hides_the_methods_is_named(tmp_path: Path) -> None:
    (tmp_path / "methods.py").touch()
    (tmp_path / "script.py").write_text("import benchmarks.api")
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {tmp_path / 'methods.py'} hides the package `methods` of")


COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert status_of(name, "--help") == 0
    shown = capsys.readouterr().out
    assert status_of(name, "-h") == 0
    assert capsys.readouterr().out == shown
    for parameter in COMMANDS[name].params:
        assert parameter.help.split(" ")[0] in shown
        if parameter.param_type_name == "option":
            assert re.search(rf"^│ +{parameter.opts[0]} .*\w", shown, re.MULTILINE)
    if name == "score":
        for array in ("probabilities", "labels", "ood_NAME", *CALIBRATION):
            assert re.search(rf"^ (.* and )?{array}( and .*)?: ", shown, re.MULTILINE)


def test_package_declares_the_command_and_all_of_its_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"uncertainty-bench": "benchmarks.cli:main"}
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

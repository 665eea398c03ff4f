"""How commands begin and end: which one runs, and Ctrl-C, crashes and closed outputs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from benchmarks.commands import app
from benchmarks.intake.formats import CALIBRATION
from tests.processes import ROOT, status_of

SCRIPT = """
from importlib import import_module
from benchmarks.cli import run_command

if __name__ == "__main__":
    run_command(lambda: import_module("tiny").command())
"""

BEGIN = """
import ctypes, time
from benchmarks.io import UserError
from benchmarks.parallel import parallel

"""

AT_WORK = """
def work(number):
    print("at work" + chr(10), end="", flush=True)
    time.sleep(600)

def command():
    parallel(work, [1, 2], stage="test", what="sleeps", jobs=2)
"""

CRASHING = """
def work(number):
    ctypes.string_at(0)

def command():
    parallel(work, [1, 2], stage="test", what="crashes", jobs=2)
"""

FAILING = """
def work(number):
    return number

def command():
    parallel(work, [1, 2], stage="test", what="numbers", jobs=2)
    raise UserError("no")
"""

PRINTING = """
def command():
    for _ in range(100_000):
        print("T ≈ 1")
"""

IMPORTED = """
import time; print("at work\\n" * 2, end="", flush=True)
try:
    time.sleep(600)
except BaseException:
    raise ImportError("a bad install") from None
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command of this code in its own session, as a terminal would."""
    started = []

    def begin(code: str, **variables: Any) -> subprocess.Popen[str]:
        (tmp_path / "tiny.py").write_text(code)
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where tests run in the background, a shell may have had SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def at_work(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["at work\n"] * 2


@pytest.mark.parametrize("code", [BEGIN + AT_WORK, IMPORTED], ids=["workers", "import"])
def test_interruption_is_one_line_and_ends_all_workers(code: str, start: Start) -> None:
    process = start(code)
    at_work(process)
    os.killpg(process.pid, signal.SIGINT)
    # Waits for the workers as well, which hold the other end of the pipe.
    told = "interrupted; the same command continues the run\n"
    assert process.communicate(timeout=60) == ("", told)
    assert process.returncode == 130


def test_killed_command_leaves_no_worker(start: Start) -> None:
    process = start(BEGIN + AT_WORK)
    at_work(process)
    process.kill()
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGKILL


def test_crash_of_a_worker_is_one_line(start: Start) -> None:
    process = start(BEGIN + CRASHING)
    _, shown = process.communicate(timeout=60)
    assert shown == (
        "error: the process of a worker crashed or was killed (SIGSEGV). Run the same command "
        "again: what is finished is kept\n"
    )
    assert process.returncode == 1


def test_failure_while_workers_wait_is_one_line(start: Start) -> None:
    process = start(BEGIN + FAILING)
    _, shown = process.communicate(timeout=60)
    assert shown.splitlines()[-1] == "error: no"
    assert "Traceback" not in shown
    assert process.returncode == 2


def test_closed_output_is_no_traceback(start: Start) -> None:
    process = start(BEGIN + PRINTING, PYTHONIOENCODING="ascii")
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


def test_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("scores") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: there is no command 'scores'; choose from run, score, check,")
    assert error.count("\n") == 1


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


def test_help_of_score_names_the_arrays_as_they_are_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert status_of("score", "--help") == 0
    shown = capsys.readouterr().out
    for name in ("probabilities", "labels", "ood_NAME", *CALIBRATION):
        assert re.search(rf"^ (.* and )?{name}( and .*)?: ", shown, re.MULTILINE)


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

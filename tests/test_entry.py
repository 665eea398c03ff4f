"""How commands begin and end: which one runs, and Ctrl-C, crashes and closed outputs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import benchmarks.score as score
from benchmarks import entry
from tests.processes import ROOT

SCRIPT = """
from benchmarks.entry import run_command

if __name__ == "__main__":
    run_command("tiny", "the same command goes on")
"""

BEGIN = """
import ctypes, os, time
from benchmarks.command_line import exit_status
from benchmarks.parallel import parallel

"""

AT_WORK = """
def work(number):
    print("at work" + chr(10), end="", flush=True)
    time.sleep(600)

def main() -> None:
    parallel(work, [1, 2], stage="test", what="sleeps", jobs=2)

def command_line():
    return exit_status(main)
"""

CRASHING = """
def work(number):
    ctypes.string_at(0)

def main() -> None:
    parallel(work, [1, 2], stage="test", what="crashes", jobs=2)

def command_line():
    return exit_status(main)
"""

FAILING = """
from benchmarks.io import UserError

def work(number):
    return number

def main() -> None:
    parallel(work, [1, 2], stage="test", what="numbers", jobs=2)
    raise UserError("no")

def command_line():
    return exit_status(main)
"""

PRINTING = """
def main() -> None:
    for _ in range(100_000):
        print("T ≈ 1")

def command_line():
    return exit_status(main)
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


def test_interruption_is_one_line_and_ends_all_workers(start: Start) -> None:
    process = start(BEGIN + AT_WORK)
    at_work(process)
    os.killpg(process.pid, signal.SIGINT)
    # Waits for the workers as well, which hold the other end of the pipe.
    assert process.communicate(timeout=60) == ("", "interrupted; the same command goes on\n")
    assert process.returncode == 130


def test_interruption_of_an_import_is_the_same(start: Start) -> None:
    process = start("import time; print('begun', flush=True); time.sleep(600)")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "interrupted; the same command goes on\n")
    assert process.returncode == 130


def test_interruption_of_a_library_that_catches_it_is_the_same(start: Start) -> None:
    process = start(
        "import time; print('begun', flush=True)\n"
        "try:\n    time.sleep(600)\n"
        "except BaseException:\n    raise ImportError('a bad install') from None"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "interrupted; the same command goes on\n")
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


@pytest.mark.parametrize(
    ("arguments", "module", "seen"),
    [
        ([], "comparison.command", ["/usr/bin/uncertainty-bench"]),
        (["run", "--list"], "comparison.command", ["uncertainty-bench run", "--list"]),
        (["score", "a.npz"], "score", ["uncertainty-bench score", "a.npz"]),
        *(
            ([name], module, [f"uncertainty-bench {name}"])
            for name, module in entry.COMMANDS.items()
        ),
    ],
)
def test_sub_command_is_run(
    arguments: list[str], module: str, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(entry, "run_command", lambda module, _: ran.append((module, sys.argv)))
    monkeypatch.setattr(sys, "argv", ["/usr/bin/uncertainty-bench", *arguments])
    entry.main()
    assert ran == [(f"benchmarks.{module}", seen)]
    assert callable(import_module(ran[0][0]).command_line)


def test_unknown_sub_command_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["uncertainty-bench", "scores"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"error: there is no command 'scores'; choose from {', '.join(entry.COMMANDS)}, or give "
        "options alone for a comparison\n"
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
    assert project["project"]["scripts"] == {"uncertainty-bench": "benchmarks.entry:main"}
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

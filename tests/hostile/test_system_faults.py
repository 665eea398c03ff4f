"""What the system refuses: memory, disk, names, outputs and characters; one line each."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.command_line import exit_status
from benchmarks.errors import MachineError, one_line
from benchmarks.parallel import parallel
from tests.hostile.tiny_commands import tiny_commands
from tests.processes import ROOT

PRINTING = """
def command_line():
    print("a line")
    return 0
"""

THROUGH_TYPER = """
from benchmarks.command_line import exit_status

def main() -> None:
    for _ in range(100_000):
        print("a line")

def command_line():
    return exit_status(main)
"""

NO_MEMORY = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes."


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b.npz"), 1, "a/b.npz: No space left"),
        (OSError(errno.EROFS, "Read-only file system", "a/b"), 1, "a/b: Read-only file system"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 1, "a: Permission denied"),
        (OSError(errno.EIO, "Input/output error"), 1, "or a file: Input/output error"),
        (OSError("600 requested and 0 written"), 1, "600 requested and 0 written"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 2, "choose a shorter name"),
        (MemoryError(), 1, "there is not enough memory"),
        (MemoryError("Unable to allocate 4 TB"), 1, "there is not enough memory (Unable"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), 1, "there is not enough memory (CUDA"),
        (RuntimeError(NO_MEMORY), 1, "there is not enough memory (Default"),
        (MachineError("a worker ended"), 1, "a worker ended"),
    ],
    ids=lambda value: one_line(value)[:40] if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_fault_of_the_system_is_one_line(
    error: Exception,
    status: int,
    line: str,
    jobs: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: int) -> None:
        raise error

    def main() -> None:
        parallel(fail, range(jobs), stage="test", what="faults", jobs=jobs, threads=True)

    monkeypatch.setattr(sys, "argv", ["command"])
    assert exit_status(main) == status
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert line in shown
    assert shown.count("\n") == 1


def test_other_errors_are_faults_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(RuntimeError, match="a bug"):
        exit_status(main)


@pytest.mark.parametrize("option", ["--out", "--networks", "--data-dir"])
def test_name_that_is_too_long_is_the_users(option: str, tmp_path: Path) -> None:
    from benchmarks.comparison import command

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setattr(sys, "argv", ["run_all.py", "--networks", "n", option, "x" * 300])
        assert command.command_line() == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    ("code", "unbuffered", "what"),
    [
        (PRINTING, "", "the standard output"),
        (THROUGH_TYPER, "1", "the standard output, or a file"),
    ],
    ids=["at the end", "in between"],
)
def test_full_output_is_one_line(code: str, unbuffered: str, what: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full, tiny_commands(tmp_path) as start:
        process = start(code, stdout=full, variables={"PYTHONUNBUFFERED": unbuffered})
        _, shown = process.communicate(timeout=60)
        assert (process.returncode, shown) == (1, f"error: {what}: No space left on device\n")


def test_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    with tiny_commands(tmp_path) as start:
        process = start(THROUGH_TYPER)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "ascii:strict"])
def test_characters_that_cannot_be_encoded_are_replaced(encoding: str, tmp_path: Path) -> None:
    code = """
import sys

def command_line():
    print("T = 50 ≈ 1 — é")
    print("→", file=sys.stderr)
    return 0
"""
    with tiny_commands(tmp_path) as start:
        process = start(code, variables={"PYTHONIOENCODING": encoding}, encoding="cp1252")
        out, error = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (error, out.count("?")) == ("?\n", 3 if "ascii" in encoding else 1)


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_streams_are_no_reason_to_fail(closed: int, tmp_path: Path) -> None:
    code = """
import pathlib, sys

def command_line():
    print("one")
    print("two", file=sys.stderr)
    pathlib.Path("done").touch()
    return 0
"""
    with tiny_commands(tmp_path) as start:
        process = start(code, closing=closed)
        assert process.wait(timeout=60) == 0
    assert (tmp_path / "done").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ["run_all.py", "--help"],
        ["run_all.py", "--list"],
        ["-m", "benchmarks.score", "--help"],
        ["-m", "benchmarks.epistemic_check", "--help"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("where", ["/dev/full", "ascii", "head"])
def test_every_command_stands_bad_outputs(arguments: list[str], where: str) -> None:
    options = {"stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    command = [sys.executable, *arguments]
    if where == "/dev/full":
        with Path(where).open("w") as full:
            ended = subprocess.run(command, stdout=full, check=False, **options)
        assert ended.returncode == 1
        # Which it is cannot be known where the output is not buffered.
        line = r"error: the standard output(, or a file)?: No space left on device\n"
        assert re.fullmatch(line, ended.stderr)
    elif where == "ascii":
        variables = os.environ | {"PYTHONIOENCODING": "ascii"}
        ended = subprocess.run(command, stdout=subprocess.PIPE, env=variables, **options)
        assert (ended.returncode, ended.stderr) == (0, "")
    else:
        with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == ""


class Hostile(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (ValueError("\n  \ntwo"), "ValueError: two"),
        (ValueError(), "ValueError: "),
        (
            ValueError("a\x1b[31mred\x07"),
            "ValueError: a\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}",
        ),
        (ValueError("half \udcff"), "ValueError: half \N{REPLACEMENT CHARACTER}"),
        (Hostile(), "Hostile: "),
    ],
    ids=range(6),
)
def test_errors_of_users_code_are_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line

"""What the system refuses: memory, disk and names; one line each."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.command_line import exit_status
from benchmarks.errors import MachineError, one_line
from benchmarks.parallel import parallel


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

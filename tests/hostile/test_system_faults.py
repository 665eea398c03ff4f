"""What the system refuses is one line, and no failure of a method."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest
import torch

from benchmarks.cli import exit_status
from benchmarks.io import MachineError, NotWrittenError, one_line, write_json
from benchmarks.parallel import parallel
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import digits_run


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b.npz"), 1, "a/b.npz: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 1, "a: Permission denied"),
        (OSError(errno.EIO, "Input/output error"), 1, "or a file: Input/output error"),
        (OSError("600 requested and 0 written"), 1, "600 requested and 0 written"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 2, "choose a shorter name"),
        (MemoryError("Unable to allocate 4 TB"), 1, "there is not enough memory (Unable"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), 1, "there is not enough memory (CUDA"),
        (MachineError("a worker ended"), 1, "a worker ended"),
    ],
    ids=lambda value: one_line(value)[:40] if isinstance(value, Exception) else "",
)
def test_fault_of_the_system_is_one_line(
    error: Exception,
    status: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: int) -> None:
        raise error

    def main() -> None:
        parallel(fail, range(2), stage="test", what="faults", jobs=2, threads=True)

    assert exit_status(main) == status
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert line in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("\n  \none\ntwo"), "ValueError: one"),
        (ValueError(), "ValueError: "),
        (ValueError("a\x1b[31m"), "ValueError: a\N{REPLACEMENT CHARACTER}[31m"),
        (ValueError("half \udcff"), "ValueError: half \N{REPLACEMENT CHARACTER}"),
    ],
    ids=range(4),
)
def test_errors_of_users_code_are_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line


@pytest.mark.usefixtures("quick_stages")
def test_file_that_does_not_fit_on_the_disk_is_absent_and_no_failure_of_the_method(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (folder / "out" / "predictions").rglob("*.zip"):
        path.unlink()
    # The table of metrics, which is larger than a file of predictions, is written before these.
    monkeypatch.setattr("benchmarks.nouns.Names.write", lambda *_: None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9500, before[1]))
    try:
        with pytest.raises(NotWrittenError) as error:
            run_stages(*digits_run(folder), "predict")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.errno == errno.EFBIG
    assert Path(error.value.filename).is_relative_to(folder / "out" / "predictions")
    assert not list((folder / "out").glob("errors/*"))
    assert not [path for path in (folder / "out" / "predictions").rglob("*") if path.is_file()]


def test_file_that_cannot_be_written_is_named_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    for path in (tmp_path / "taken" / "a.json", tmp_path / ("long" * 80)):
        with pytest.raises(NotWrittenError) as error:
            write_json({}, path)
        assert error.value.filename == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]

"""6. A user's mistake is one line that says what to do, and status 2; Ctrl-C is one line and 130.

What the machine refuses is one line as well, and no failure of a method.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import signal
from pathlib import Path

import pytest
import torch

from benchmarks.cli import exit_status
from benchmarks.io import MachineError, NotWrittenError, one_line
from benchmarks.parallel import parallel
from benchmarks.run.stages import run_stages
from benchmarks.vocabulary import PREDICT
from tests.processes import Start, status_of
from tests.runs import DIGITS, run_of

SPECIAL = (
    *("", ",", "clean", "well-trained", "softmax", "*", "[", "ood-*"),
    *("0", "1", "1,2", "1/2", "0.5", "NaN"),
)

NAMES = (
    *("--preset", "--task", "--recipe", "--methods", "--method", "--conditions", "--members"),
    *("--passes", "--budget", "--replicates", "--pool", "--images"),
    *("--epochs", "--batch-sizes", "--seed", "--device", "--engine"),
    *("--only", "--jobs", "--data-dir"),
)


@pytest.mark.parametrize(
    "examples",
    [pytest.param(50, id="short"), pytest.param(800, id="long", marks=pytest.mark.long)],
)
def test_any_command_line_runs_or_is_one_line(
    examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.run.stages.run_stages", lambda plan, *_, **__: plan.units()[:0])
    monkeypatch.setattr("benchmarks.report.outcome.show_outcome", lambda _: None)
    monkeypatch.chdir(tmp_path)
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    few = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    folders = "--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")

    def holds(options: list[tuple[str, str]]) -> None:
        words = [word for option in options for word in option]
        shown, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(error):
            status = status_of("--task", "digits", *words, *folders)
        lines = error.getvalue().splitlines()
        assert status in (0, 2)
        assert status == 0 or (len(lines) == 1 and lines[0].startswith("error: ")), lines

    words = st.one_of(
        st.text(max_size=12),
        st.integers(-(10**30), 10**30).map(str),
        st.sampled_from(SPECIAL),
        st.integers(0, 10**6).map(lambda digits: "9" * (digits % 6000)),
    )
    options = st.lists(st.tuples(st.sampled_from(NAMES), words), min_size=1, max_size=3)
    few(given(options=options)(holds))()


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b.npz"), 1, "a/b.npz: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 1, "a: Permission denied"),
        (OSError("600 requested and 0 written"), 1, "600 requested and 0 written"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 2, "choose a shorter name"),
        (MemoryError("Unable to allocate 4 TB"), 1, "there is not enough memory (Unable"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), 1, "there is not enough memory (CUDA"),
        (MachineError("a worker ended"), 1, "a worker ended"),
    ],
    ids=lambda value: one_line(value)[:40] if isinstance(value, Exception) else "",
)
def test_fault_of_the_system_is_one_line(
    error: Exception, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: int) -> None:
        raise error

    def command() -> None:
        parallel(fail, range(2), stage="test", what="faults", jobs=2, threads=True)

    assert exit_status(command) == status
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert line in shown
    assert shown.count("\n") == 1


def test_errors_of_users_code_are_one_line() -> None:
    shown = {
        "\n  \none\ntwo": "one",
        "": "",
        "a\x1b[31m": "a\ufffd[31m",
        "half \udcff": "half \ufffd",
    }
    for text, line in shown.items():
        assert one_line(ValueError(text)) == f"ValueError: {line}"


def test_file_that_does_not_fit_on_the_disk_is_absent_and_no_failure_of_the_method(
    digits_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = digits_copy / "out" / "predictions"
    for path in predictions.rglob("*.npz"):
        path.unlink()
    # The table of metrics, which is larger than a file of predictions, is written before these.
    monkeypatch.setattr("benchmarks.nouns.Names.write", lambda *_: None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(NotWrittenError) as error:
            run_stages(*run_of(DIGITS, digits_copy), PREDICT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.errno == errno.EFBIG
    assert Path(error.value.filename).is_relative_to(predictions)
    assert not list((digits_copy / "out").glob("errors/*"))
    assert not [path for path in predictions.rglob("*") if path.is_file()]


SLEEPY = '''
import time

from methods import UncertaintyMethod


class Sleepy(UncertaintyMethod):
    """Predicts after ten minutes."""

    name = "sleepy"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        print("asleep\\n", end="", flush=True)  # in one piece: two processes print it
        time.sleep(600)
'''


@pytest.mark.slow
def test_interrupted_run_is_one_line_and_leaves_no_worker(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    process = start(
        *("--methods", "", "--method", f"{tmp_path / 'sleepy.py'}:Sleepy", "--jobs", "2"),
        *("--task", "digits", "--conditions", "clean", "--images", "10", "--replicates", "2"),
        *("--device", "cpu", "--out", str(tmp_path / "out")),
        *("--networks", str(tmp_path / "networks")),
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["asleep\n"] * 2
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to the workers, too
    # Waits for the workers as well, which hold the other end of the pipe.
    _, shown = process.communicate(timeout=600)
    assert process.returncode == 130
    assert shown.splitlines()[-1] == "interrupted; the same command continues the run"
    assert "Traceback" not in shown

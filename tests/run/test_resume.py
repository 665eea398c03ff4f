"""Runs that are killed at any moment, and continue where they stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from tests.processes import processes

pytestmark = pytest.mark.slow

OPTIONS = (
    *("--task", "digits", "--recipe", "standard,plain", "--conditions", "rotated-045,ood-*"),
    *("--members", "2", "--passes", "200", "--replicates", "2", "--images", "150"),
    *("--epochs", "3", "--resamples", "100", "--device", "cpu", "--jobs", "1"),
)

SLEEPY = '''
import time

import torch

from methods import Prediction, UncertaintyMethod


class Sleepy(UncertaintyMethod):
    """Predicts the same for every image, after ten minutes."""

    name = "sleepy"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        print("asleep\\n", end="", flush=True)  # in one piece: two processes print it
        time.sleep(600)
        return Prediction.of(torch.full((1, len(images), 10), 0.1))
'''

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a run in a folder."""
    with processes() as begin:
        yield lambda folder, *options: begin(
            *options, *("--out", str(folder / "out"), "--networks", str(folder / "networks"))
        )


def finish(process: subprocess.Popen[str]) -> None:
    _, shown = process.communicate(timeout=600)
    assert process.returncode == 0, shown


def read_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stderr is not None
    return [process.stderr.readline() for _ in range(count)]


def check_files(folder: Path) -> int:
    """Read everything that is visible, and count it."""
    read = {
        ".npz": lambda path: dict(np.load(path)),
        ".zip": lambda path: ZipFile(path).testzip() is None or None,
        ".csv": pd.read_csv,
        ".md": Path.read_text,
        ".sha256": Path.read_text,
        ".json": lambda path: json.loads(path.read_text()),
        ".safetensors": load_file,
    }
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    for path in files:
        assert read[path.suffix](path) is not None
    return len(files)


def test_run_killed_again_and_again_ends_with_the_same_bytes(start: Start, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    uninterrupted = start(whole, *OPTIONS)
    seeded = random.Random(0)
    # After this many lines of progress; four networks and eight groups are reported in all. SIGINT
    # comes while groups are predicted: as kernels of measures are loaded, Numba may swallow it.
    for by, lines in (
        (signal.SIGKILL, 1),
        (signal.SIGINT, 4),
        (signal.SIGKILL, 5),
        (signal.SIGTERM, 6),
    ):
        process = start(killed, *OPTIONS)
        read_lines(process, lines)
        time.sleep(seeded.uniform(0, 0.1))
        process.send_signal(by)
        _, shown = process.communicate(timeout=600)
        if by == signal.SIGINT:
            assert process.returncode == 130
            assert shown.splitlines()[-1] == "interrupted; the same command continues the run"
        else:
            assert process.returncode == -by
        assert "Traceback" not in shown
        assert check_files(killed) > 0
        assert not (killed / "out" / "measurements.csv").exists()
    finish(uninterrupted)
    finish(start(killed, *OPTIONS))
    written = [path for path in (whole / "out").rglob("*") if path.suffix in (".csv", ".npz")]
    assert len(written) > 3
    for path in written:
        name = path.relative_to(whole)
        assert (killed / name).read_bytes() == path.read_bytes(), name
    assert check_files(killed) == check_files(whole)


def test_interruption_with_workers_is_one_line_and_leaves_no_worker(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    process = start(
        tmp_path,
        *("--methods", "", "--method", f"{tmp_path / 'sleepy.py'}:Sleepy", "--jobs", "2"),
        *("--task", "digits", "--conditions", "clean", "--images", "10", "--replicates", "2"),
        *("--device", "cpu"),
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["asleep\n"] * 2
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to the workers, too
    # Waits for the workers as well, which hold the other end of the pipe.
    _, shown = process.communicate(timeout=600)
    assert process.returncode == 130
    assert shown == "interrupted; the same command continues the run\n"
